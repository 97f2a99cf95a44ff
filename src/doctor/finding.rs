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
