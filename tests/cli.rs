//! The commands as a user runs them: exit codes, results, and the texts of our own errors.
//!
//! The texts are snapshots in `tests/snapshots`, which a change of words has to change too:
//!
//! ```text
//! INSTA_UPDATE=always cargo test --test cli     # writes what comes out; read the diff as a user would
//! ```

#[path = "cli/check.rs"]
mod check;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/inject.rs"]
mod inject;
#[path = "cli/kinds.rs"]
mod kinds;
#[path = "cli/registration.rs"]
mod registration;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/serve.rs"]
mod serve;
