//! What is wrong with an installation. Pure: objects of the cluster in, findings out.
//!
//! `commands/doctor` reads the objects with the user's rights; each file here judges one part of them.

mod around;
mod certificate;
mod configuration;
pub mod finding;
#[cfg(test)]
mod fuzz;
pub mod home;
mod idle;
pub mod installation;
mod labels;
pub mod many;
mod metrics;
mod owner;
mod pods;
pub mod probe;
pub mod program;
mod registration;
mod replicas;
pub mod rivals;
#[cfg(test)]
mod sample;
mod scope;
mod secrets;
pub mod seen;
pub mod selector;
mod service;
mod spelling;
pub mod tenants;
mod unseen;
mod webhook;

use finding::Finding;
use installation::Installation;

/// Judges everything that was read, the cause before its consequences.
#[must_use]
pub fn examine(installation: &Installation) -> Vec<Finding> {
    let mut findings = registration::examine(installation);
    if installation.webhook().is_none() {
        return findings;
    }
    findings.extend(webhook::examine(installation));
    // Behind a URL nothing of pullkey need be in this cluster.
    if let Some(home) = &installation.home {
        findings.extend(configuration::examine(installation, home));
        findings.extend(replicas::examine(home));
        findings.extend(service::examine(installation, home));
        findings.extend(certificate::examine(installation, home));
        findings.extend(around::examine(home));
        findings.extend(unseen::examine(home));
    }
    findings
}
