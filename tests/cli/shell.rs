//! `pullkey completions`: the scripts are read by the shells that are there, and bash completes with its own.

use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;

use super::run::Folder;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

#[test]
fn each_shell_gets_a_script_that_knows_all_commands() {
    let folder = Folder::new();
    for shell in SHELLS {
        let script = folder.run(&["completions", shell]).result();
        for name in super::reference::commands().iter().map(|command| command.get_name().to_owned()) {
            assert!(script.contains(&name), "{shell}: {name} is not in {script}");
        }
    }
    let other = folder.run(&["completions", "csh"]).error();
    for shell in SHELLS {
        assert!(other.contains(shell), "{other}");
    }
}

/// The shells that a machine need not have only read their scripts; nothing is completed.
#[test]
fn the_shells_that_are_there_can_read_their_scripts() {
    let folder = Folder::new();
    for (shell, arguments) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = folder.run(&["completions", shell]).result();
        folder.write(shell, script.as_bytes());
        match Command::new(shell).args(arguments).arg(folder.path().join(shell)).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}"),
            Err(error) => println!("SKIPPED {shell}, which cannot be started: {error}"),
        }
    }
    folder.write("wrong", b"if true\n");
    let wrong =
        Command::new("bash").arg("-n").arg(folder.path().join("wrong")).output().expect("bash is there");
    assert!(!wrong.status.success(), "it would say it if a script were wrong");
}

#[test]
fn bash_completes_commands_flags_and_values() {
    for (line, expected) in [
        (&["ex"][..], &["explain"][..]),
        (&["explain", "--name"], &["--namespace"]),
        (&["explain", "-o", ""], &["text", "json"]),
        (&["explain", "--output", "j"], &["json"]),
        (&["completions", "f"], &["fish"]),
        (&["nothing"], &[]),
    ] {
        let completed = bash(line);
        assert_eq!(completed.lines().collect::<Vec<_>>(), expected, "pullkey {}", line.join(" "));
    }
    let all = bash(&[""]);
    for command in super::reference::commands() {
        assert!(all.lines().any(|line| line == command.get_name()), "{all}");
    }
}

/// What bash offers in place of the last of these words, by the script that it has sourced.
#[track_caller]
fn bash(words: &[&str]) -> String {
    let script = r#"
        source <(pullkey completions bash)
        COMP_WORDS=(pullkey "$@")
        COMP_CWORD=$#
        function=$(complete -p pullkey) && function=${function##*-F } && function=${function%% *}
        "$function" pullkey "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || true
        ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let program = cargo_bin!("pullkey");
    let folder = program.parent().expect("a program stands in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["--norc", "-euc", script, "bash"])
        .args(words)
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdin(Stdio::null())
        .output()
        .expect("bash is there");
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("candidates are text")
}
