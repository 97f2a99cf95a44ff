//! The commands as a user runs them: exit codes, results, and the texts of our own errors.
//!
//! The texts are snapshots in `tests/snapshots`, which a change of words has to change too:
//!
//! ```text
//! INSTA_UPDATE=always cargo test --test cli     # writes what comes out; read the diff as a user would
//! ```
//!
//! `docs/commands.md` is made from the same description of the command line as `--help`:
//!
//! ```text
//! PULLKEY_UPDATE_DOCS=1 cargo test --test cli   # writes it again; look at the diff
//! ```

#[path = "support/markdown.rs"]
#[expect(dead_code, reason = "tests/readme uses all of it")]
mod markdown;
#[path = "support/script.rs"]
mod script;

#[path = "cli/check.rs"]
mod check;
#[path = "cli/doctor.rs"]
mod doctor;
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
#[path = "cli/kubectl.rs"]
mod kubectl;
#[path = "cli/man.rs"]
mod man;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/plugin.rs"]
mod plugin;
#[path = "cli/reference.rs"]
mod reference;
#[path = "cli/registration.rs"]
mod registration;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/shell.rs"]
mod shell;
