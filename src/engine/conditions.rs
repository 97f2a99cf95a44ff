//! From a configuration to a condition in CEL that is true for every Pod into which pullkey might inject.
//!
//! The API server evaluates it before it calls the webhook. It may be true where nothing is injected, never false
//! where something is: then a Pod would silently go without its pull secrets. So whatever is hard to say in CEL is
//! left out, on the side of calling.
//!
//! What it costs there is bounded, too: above the limits of [`cel`] for one Pod the condition is simply true, and a
//! configuration that is too large for a detail gets a coarser condition (see [`Detail`]).

use std::collections::BTreeSet;
use std::fmt;

use super::config::Config;
use wanted::Wanted;

mod cel;
mod wanted;

/// How much of an image's name the condition looks at.
///
/// It is the first of these that fits into the API server's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The host, and the first component of the path where a pattern has a path.
    Path,
    /// The host: by its text, or by what stands before, between and behind the stars of a glob.
    Host,
    /// The last two labels of the host, such as `amazonaws.com`.
    Domain,
}

/// A condition on the images of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageCondition {
    /// The text in CEL.
    pub expression: String,
    /// How much of an image's name it looks at.
    pub detail: Detail,
}

/// Why there is no condition for a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCondition {
    /// These entries apply whatever the images are.
    Always(Vec<String>),
    /// Even the coarsest condition would not fit.
    TooLarge,
}

impl ImageCondition {
    /// Makes the condition of a configuration.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(config: &Config) -> Result<Self, NoCondition> {
        let always: Vec<String> =
            config.entries.iter().filter(|entry| entry.always).map(|entry| entry.name.clone()).collect();
        if !always.is_empty() {
            return Err(NoCondition::Always(always));
        }
        let details = [Detail::Path, Detail::Host, Detail::Domain].into_iter();
        let mut conditions = details.filter_map(|detail| {
            let expression = cel::expression(&Wanted::of(config, detail))?;
            Some(Self { expression, detail })
        });
        conditions.next().ok_or(NoCondition::TooLarge)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "hosts and the first component of paths",
            Self::Host => "hosts",
            Self::Domain => "the last two labels of hosts",
        })
    }
}

impl fmt::Display for NoCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(names) => {
                let names: BTreeSet<String> = names.iter().map(|name| format!("{name:?}")).collect();
                let names: Vec<String> = names.into_iter().collect();
                write!(
                    f,
                    "{} in `always` applies whatever the images are, so every Pod must be sent; \
                     leave --match-conditions out, or move it to `registries` with matchImages",
                    names.join(", ")
                )
            }
            Self::TooLarge => f.write_str(
                "its patterns are for too many domains for a condition within the API server's limits; \
                 leave --match-conditions out",
            ),
        }
    }
}

impl std::error::Error for NoCondition {}
