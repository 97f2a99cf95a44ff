//! Signals to the processes of a test.

use std::process::Command;

/// Sends a signal by its name, such as `TERM`; says whether there was a process to send it to.
pub(crate) fn signal(name: &str, process: u32) -> bool {
    // The shell's own `kill`, because not every machine has a program of that name.
    let script = r#"kill -s "$1" "$2""#;
    let status = Command::new("/bin/sh").args(["-c", script, "sh", name, &process.to_string()]).status();
    status.is_ok_and(|status| status.success())
}
