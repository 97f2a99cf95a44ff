//! At home in the user's shell: the name that the program was called by, completions, and manual pages.
//!
//! All of it is made from the description of the command line in `crate::cli`.

pub mod called;
pub mod candidates;
pub mod completions;
pub mod man;
