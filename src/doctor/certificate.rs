//! The certificates: what the API server trusts, and what each replica serves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use serde_json::Value;

use super::finding::{Check, Finding, Severity};
use super::home::{APPLY, Home};
use super::installation::Installation;
use crate::certs::bundle::{BYTES_MAX, Bundle, CERTIFICATES_MAX};
use crate::certs::trust;

/// A certificate of files is renewed by hand or by cert-manager; so long before its end somebody should look.
const FILES_WARN: SignedDuration = SignedDuration::from_hours(14 * 24);
const FILES_LATE: SignedDuration = SignedDuration::from_hours(24);

/// What `serve` issues without the flag.
const OWN_LIFE: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn examine(installation: &Installation, home: &Home) -> Vec<Finding> {
    let Some(webhook) = installation.webhook() else { return Vec::new() };
    let encoded = webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(encoded).unwrap_or_default();
    let bundle = Bundle::parse(&bytes);
    let mut findings: Vec<Finding> = bundle_itself(installation, home, &bytes, &bundle).into_iter().collect();
    // What nobody trusts need not be compared.
    let is_usable = !findings.iter().any(|finding| finding.severity == Severity::Problem);
    let mut served = Vec::new();
    for replica in &home.replicas {
        let Some(pem) = replica.certificate.found() else { continue };
        let chain = Bundle::parse(pem.as_bytes());
        let chain: Vec<CertificateDer<'_>> =
            chain.anchors().iter().map(|anchor| CertificateDer::from(anchor.der().to_vec())).collect();
        if let Some(leaf) = chain.first() {
            served.push(Served { object: home.pod_object(&replica.pod), leaf: leaf.clone(), chain });
        }
    }
    findings.extend(names(home, &served));
    if is_usable {
        findings.extend(trusted(installation, home, &served, &bundle));
    }
    findings.extend(served.iter().filter_map(|served| time(home, served, installation.now)));
    findings
}

/// What one replica serves.
struct Served {
    /// How findings name its Pod.
    object: String,
    leaf: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
}

/// How to have what the replicas serve trusted.
fn trust_it(home: &Home) -> String {
    if !home.publishes() {
        return "set the CA of the served certificate: certs/set-ca".to_owned();
    }
    let (namespace, name) = (&home.namespace, home.deployment_name().unwrap_or_default());
    let registration =
        home.program().and_then(|program| program.option("--registration")).unwrap_or_default();
    let account =
        home.deployment().map(|deployment| &deployment["spec"]["template"]["spec"]["serviceAccountName"]);
    let account = account.and_then(Value::as_str).unwrap_or("default");
    format!(
        "the replicas mend it themselves within seconds; if they may not, {APPLY}: \
         kubectl auth can-i patch mutatingwebhookconfigurations/{registration} \
         --as=system:serviceaccount:{namespace}:{account}; kubectl -n {namespace} logs deployment/{name}"
    )
}

fn bundle_itself(installation: &Installation, home: &Home, bytes: &[u8], bundle: &Bundle) -> Option<Finding> {
    let object = installation.object();
    let text = String::from_utf8_lossy(bytes);
    let problem = if bytes.is_empty() {
        format!(
            "its caBundle is empty: the API server trusts no certificate of a replica, and {}",
            home.lost()
        )
    } else if bundle.anchors().is_empty() {
        format!("its caBundle has no certificate: {}", home.lost())
    } else if text.contains("-----END CERTIFICATE----------BEGIN") {
        "in its caBundle a line end is missing between two certificates: the API server loses both".to_owned()
    } else if !bundle.fits() {
        let problem = format!(
            "its caBundle has more than {CERTIFICATES_MAX} certificates or {} KiB, which costs the API server memory at every change",
            BYTES_MAX / 1024
        );
        // Whoever publishes a new one takes the oldest out.
        let fix = if home.publishes() {
            home.restart()
        } else {
            "set only the CA that signed the served certificate: certs/set-ca".to_owned()
        };
        return Some(Finding::warning(Check::Bundle, &object, problem, fix));
    } else {
        return None;
    };
    Some(Finding::problem(Check::Bundle, &object, problem, trust_it(home)))
}

/// The name that the API server asks for; where all lack it, the reason stands in the Deployment.
fn names(home: &Home, served: &[Served]) -> Vec<Finding> {
    let host = format!("{}.{}.svc", home.service_name, home.namespace);
    let problem = format!("the certificate that it serves is not for {host}, which the API server asks for");
    let fix = if home.publishes() {
        format!("set --dns-name={host} in the arguments of {}", home.deployment_object())
    } else {
        format!("issue a certificate for {host} (certs/README.md)")
    };
    let wrong = served.iter().filter(|served| !trust::is_for(&served.leaf, &host));
    let objects: Vec<&str> = wrong.map(|served| served.object.as_str()).collect();
    if objects.len() > 1 && objects.len() == served.len() {
        let problem = problem.replacen("it serves", "its replicas serve", 1);
        return vec![Finding::problem(Check::CertificateName, &home.deployment_object(), problem, fix)];
    }
    let finding =
        |object: &&str| Finding::problem(Check::CertificateName, object, problem.clone(), fix.clone());
    objects.iter().map(finding).collect()
}

/// Whether what is served is trusted; where none is, the reason stands in the registration.
fn trusted(installation: &Installation, home: &Home, served: &[Served], bundle: &Bundle) -> Vec<Finding> {
    let reason = |served: &Served| trust::verify(&served.chain, bundle.anchors(), installation.now).err();
    let wrong: Vec<_> = served.iter().filter_map(|served| Some((&served.object, reason(served)?))).collect();
    if wrong.len() > 1 && wrong.len() == served.len() {
        let problem = format!("its caBundle fits the certificate of no replica: {}", home.lost());
        return vec![Finding::problem(
            Check::CertificateTrust,
            &installation.object(),
            problem,
            trust_it(home),
        )];
    }
    let finding = |(object, reason): (&String, rustls::Error)| {
        let problem = format!(
            "the API server does not trust the certificate that it serves ({reason}): {}",
            home.lost_there()
        );
        Finding::problem(Check::CertificateTrust, object, problem, trust_it(home))
    };
    wrong.into_iter().map(finding).collect()
}

/// Says when a renewal is late.
fn time(home: &Home, Served { object, leaf, .. }: &Served, now: Timestamp) -> Option<Finding> {
    let (from, to) = trust::validity(leaf)?;
    let left = to.duration_since(now);
    let (warn, late, fix) = if home.publishes() {
        // Its own begin an hour before they are issued, and are renewed at two thirds of their life.
        let life = home.program().and_then(|program| program.option("--certificate-life"));
        let life = life.and_then(|life| life.parse().ok()).unwrap_or(OWN_LIFE);
        (life / 4, life / 8, trust_it(home))
    } else {
        let fix = "renew it (certs/README.md), or see why cert-manager does not".to_owned();
        let life = to.duration_since(from);
        (FILES_WARN.min(life / 4), FILES_LATE.min(life / 8), fix)
    };
    if left >= warn {
        return None;
    }
    let problem = if left <= SignedDuration::ZERO {
        format!("the certificate that it serves expired at {to}: {}", home.lost_there())
    } else {
        format!("the certificate that it serves ends at {to}, and has not been renewed")
    };
    Some(if left < late {
        Finding::problem(Check::CertificateTime, object, problem, fix)
    } else {
        Finding::warning(Check::CertificateTime, object, problem, fix)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::sample::home::{document, installation};

    /// With certificate files, so many hours after the certificate was issued for a day.
    fn with_files(hours: i64) -> Vec<Finding> {
        let mut document = document();
        let path = "/deployments/0/spec/template/spec/containers/0/args";
        let arguments = document.pointer_mut(path).expect("it has arguments");
        *arguments = json!(["serve", "--config=/etc/pullkey/config.yaml"]);
        let mut installation = installation(&document);
        installation.now += SignedDuration::from_hours(hours);
        let home = installation.home.clone().expect("a Service");
        examine(&installation, &home)
    }

    #[test]
    fn a_certificate_of_files_is_renewed_by_somebody_else() {
        assert_eq!(with_files(12), []);
        for (hours, severity, said) in [
            (20, Severity::Warning, "ends at"),
            (22, Severity::Problem, "ends at"),
            (25, Severity::Problem, "expired at"),
        ] {
            let findings = with_files(hours);
            assert_eq!(findings.len(), 2, "{findings:?}");
            for finding in findings {
                assert_eq!(
                    (finding.check, finding.severity),
                    (Check::CertificateTime, severity),
                    "{finding:?}"
                );
                assert!(
                    finding.problem.contains(said) && finding.fix.contains("certs/README.md"),
                    "{finding:?}"
                );
            }
        }
    }
}
