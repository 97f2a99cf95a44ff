//! What is wrong with an installation. Pure: objects of the cluster in, findings out.
//!
//! `commands/doctor` reads the objects with the user's rights; each file here judges one part of them.

pub mod finding;
#[cfg(test)]
mod fuzz;
pub mod installation;
mod labels;
pub mod many;
mod owner;
mod pods;
pub mod probe;
mod registration;
pub mod rivals;
#[cfg(test)]
mod sample;
mod scope;
mod secrets;
pub mod seen;
pub mod selector;
mod spelling;
pub mod tenants;

use finding::Finding;
use installation::Installation;

/// Judges everything that was read, the cause before its consequences.
#[must_use]
pub fn examine(installation: &Installation) -> Vec<Finding> {
    registration::examine(installation)
}
