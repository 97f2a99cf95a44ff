//! `--help`, `--version`, and the errors of the command line itself.

use super::reference::commands;
use super::run::{Folder, Report, assert_text};

#[test]
fn the_help_of_each_command_has_an_example_and_says_what_is_needed() {
    let folder = Folder::new();
    for command in commands() {
        let command = command.get_name();
        let help = folder.run(&[command, "--help"]).result();
        assert!(help.contains("Examples:\n"), "{help}");
        assert!(
            help.contains(&format!("  pullkey {command} "))
                || help.contains(&format!("| pullkey {command} "))
        );
        assert_text(&format!("help_{command}"), &help);
    }
    assert_text("help", &folder.run(&["--help"]).result());
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Folder::new().run(&["--version"]).result();
    assert_eq!(version, format!("pullkey {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_are_refused_with_the_way_to_the_help() {
    let folder = Folder::with(&[("config.yaml", include_str!("../../examples/config.yaml"))]);
    let mut report = Report::default();
    for arguments in [
        &[][..],
        &["inyect"],
        &["inject"],
        &["inject", "--config", "config.yaml"],
        &["inject", "-f", "pod.yaml"],
        &["inject", "--config", "config.yaml", "-f", "a.yaml", "-f", "b.yaml"],
        &["inject", "--config", "config.yaml", "-f", "a.yaml", "b.yaml"],
        &["explain", "--config", "config.yaml"],
        &["explain", "--config", "config.yaml", "-f", "pod.yaml", "nginx"],
        &["explain", "--config", "config.yaml", "-o", "yaml", "nginx"],
        &["check", "a.yaml", "b.yaml"],
    ] {
        report.add(&format!("pullkey {}", arguments.join(" ")), &folder.run(arguments).error());
    }
    report.assert("wrong_arguments");
}
