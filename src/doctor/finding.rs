//! One thing that is wrong: what, on what object, and how to mend it.

use std::fmt;

use serde::{Serialize, Serializer};

/// One thing that is wrong, or could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which check found it.
    pub check: Check,
    /// What it was found on, such as `Namespace shop` or `Pod shop/web`.
    pub object: String,
    /// What is wrong, and what comes of it.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Pods are refused or come without their pull secrets, or soon will.
    Problem,
    /// It works, but is probably not meant, or breaks easily.
    Warning,
    /// It could not be looked at.
    Unseen,
}

/// The names of the checks; docs/doctor.md has a line for each, and `tests/doctor` plants a fault for each.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident = $name:literal,)*) => {
        /// What is looked at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Check { $($(#[$doc])* $check,)* }

        impl Check {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$check,)*];

            /// The name, which stays the same in later versions.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$check => $name,)* }
            }
        }
    };
}

checks! {
    /// There is a registration with our webhook.
    Registration = "registration",
    /// The rules send the creation of Pods, and nothing else.
    RegistrationRules = "registration-rules",
    /// Neither kube-system nor pullkey's own namespace can be sent.
    RegistrationNamespaces = "registration-namespaces",
    /// Pods can opt out.
    RegistrationPods = "registration-pods",
    /// The timeout leaves room for a second try, and does not hold up Pods.
    RegistrationTimeout = "registration-timeout",
    /// The API server speaks the version that pullkey speaks.
    RegistrationVersions = "registration-versions",
    /// What other webhooks add is seen.
    RegistrationReinvocation = "registration-reinvocation",
    /// It leads to the path that answers.
    RegistrationPath = "registration-path",
    /// Its conditions leave out mirror Pods, and fit the configuration.
    RegistrationConditions = "registration-conditions",
    /// The configuration is there and valid.
    Configuration = "configuration",
    /// It is the one of `--config`.
    ConfigurationMeant = "configuration-meant",
    /// The replicas run it.
    ConfigurationInUse = "configuration-in-use",
    /// There is a Service.
    Service = "service",
    /// Its port leads to the webhook.
    ServicePort = "service-port",
    /// It selects pullkey's Pods, and no others.
    ServiceSelector = "service-selector",
    /// It has an endpoint.
    Endpoints = "endpoints",
    /// There is a Deployment.
    Deployment = "deployment",
    /// Its replicas are ready.
    Replicas = "replicas",
    /// There is more than one.
    OneReplica = "one-replica",
    /// They are on more than one node.
    Spread = "spread",
    /// They run one version.
    Versions = "versions",
    /// pullkey's own Pods cannot be sent to pullkey.
    OwnPods = "own-pods",
    /// A replica may drain to its end.
    Grace = "grace",
    /// The registration trusts some certificate.
    Bundle = "bundle",
    /// It trusts the certificate that each replica serves.
    CertificateTrust = "certificate-trust",
    /// The certificate is for the name of the Service.
    CertificateName = "certificate-name",
    /// The certificate has time left.
    CertificateTime = "certificate-time",
    /// A drain of nodes leaves a replica, and is not blocked.
    DisruptionBudget = "disruption-budget",
    /// No `NetworkPolicy` keeps the API server out.
    NetworkPolicy = "network-policy",

    /// The label of a namespace does what it says.
    NamespaceLabel = "namespace-label",
    /// Some namespace is sent.
    NoNamespace = "no-namespace",
    /// The label of a Pod or a workload does what it says.
    PodLabel = "pod-label",
    /// Pods have what pullkey would add.
    PodSecrets = "pod-secrets",
    /// Pods that have it can pull.
    Pull = "pull",
    /// The Secret that the configuration names is there.
    SecretMissing = "secret-missing",
    /// The kubelet takes it for a pull secret.
    SecretIgnored = "secret-ignored",
    /// The kubelet can read it.
    SecretMalformed = "secret-malformed",
    /// It has a key for the image.
    SecretRegistry = "secret-registry",
    /// The key has a login.
    SecretLogin = "secret-login",
    /// No key of another Secret hides it.
    SecretShadowed = "secret-shadowed",
    /// Nobody else writes the list of pull secrets.
    Rival = "rival",
    /// A Pod that is only tried comes back with its pull secrets.
    Probe = "probe",
}

impl Finding {
    /// Something that breaks Pods.
    #[must_use]
    pub fn problem(check: Check, object: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Problem, check, object, problem.into(), fix.into())
    }

    /// Something that is probably not meant.
    #[must_use]
    pub fn warning(check: Check, object: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Warning, check, object, problem.into(), fix.into())
    }

    /// Something that could not be looked at; `reason` says why.
    #[must_use]
    pub fn unseen(check: Check, object: &str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Unseen, check, object, reason.into(), fix.into())
    }

    fn new(severity: Severity, check: Check, object: &str, problem: String, fix: String) -> Self {
        Self { severity, check, object: object.to_owned(), problem, fix }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Unseen => "not looked at",
        })
    }
}
