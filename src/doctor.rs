//! What is wrong with an installation. Pure: objects of the cluster in, findings out.
//!
//! `commands/doctor` reads the objects with the user's rights; each file here judges one part of them.

pub mod finding;
pub mod installation;
mod registration;
pub mod seen;

use finding::Finding;
use installation::Installation;

/// Judges everything that was read, the cause before its consequences.
#[must_use]
pub fn examine(installation: &Installation) -> Vec<Finding> {
    registration::examine(installation)
}
