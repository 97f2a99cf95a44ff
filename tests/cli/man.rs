//! `pullkey man`: every command has a page, and nothing of its help is lost on it.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::reference::commands;
use super::run::{Folder, Report};

#[test]
fn every_command_has_a_page_with_all_of_its_help() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["man", "--dir", "."]).result(), "");
    let mut expected = vec![("pullkey.1".to_owned(), super::reference::program())];
    expected
        .extend(commands().into_iter().map(|command| (format!("pullkey-{}.1", command.get_name()), command)));
    let mut files: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut names: Vec<String> = expected.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(files, names);

    for (file, command) in expected {
        let page = fs::read_to_string(folder.path().join(&file)).unwrap();
        let read = plain(&page);
        for line in lines_of_help(&command) {
            assert!(read.contains(&line), "{file} lacks {line:?}:\n{read}");
        }
        // Examples stay lines.
        for line in super::reference::examples(&command).lines() {
            let line = line.strip_prefix("  ").unwrap_or(line);
            assert!(read.lines().any(|other| other == line), "{file} has no line {line:?}:\n{read}");
        }
    }
    assert_eq!(folder.run(&["man"]).result(), fs::read_to_string(folder.path().join("pullkey.1")).unwrap());
}

/// Everything that the command and its flags say of themselves.
fn lines_of_help(command: &clap::Command) -> Vec<String> {
    let mut texts: Vec<String> = [command.get_about(), command.get_long_about(), command.get_after_help()]
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    for argument in command.get_arguments() {
        texts.extend(argument.get_long_help().or(argument.get_help()).map(ToString::to_string));
        texts.extend(argument.get_long().map(|long| format!("--{long}")));
        texts.extend(argument.get_env().map(|name| name.to_string_lossy().into_owned()));
        // A switch has a value and a default too, which nobody needs to read.
        if argument.get_action().takes_values() {
            let defaults = argument.get_default_values().iter();
            texts.extend(defaults.map(|value| value.to_string_lossy().into_owned()));
            texts.extend(argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
        }
        for value in argument.get_possible_values() {
            texts.extend(value.get_help().map(|help| format!("{}: {help}", value.get_name())));
        }
    }
    // The title of a section stands in capitals.
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| *line != "Examples:");
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The text of a page as roff writes it, without what is for roff only.
fn plain(page: &str) -> String {
    let lines = page.lines().filter(|line| !line.starts_with('.')).map(|line| {
        let line = line.replace("\\fB", "").replace("\\fI", "").replace("\\fR", "").replace("\\-", "-");
        line.replace("\\*(Aq", "'").replace("\\&", "").replace("\\\\", "\\") + "\n"
    });
    lines.collect()
}

/// A machine need not have groff; there the test above has read the pages.
#[test]
fn groff_reads_the_pages_without_a_warning() {
    let folder = Folder::new();
    folder.run(&["man", "--dir", "."]).result();
    let format = |page: &[u8]| {
        let groff = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut groff = groff.ok()?;
        groff.stdin.take().unwrap().write_all(page).unwrap();
        let output = groff.wait_with_output().unwrap();
        Some((String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap()))
    };
    for command in commands() {
        let page = fs::read(folder.path().join(format!("pullkey-{}.1", command.get_name()))).unwrap();
        let Some((text, warnings)) = format(&page) else {
            println!("SKIPPED groff_reads_the_pages_without_a_warning: groff cannot be started");
            return;
        };
        assert_eq!(warnings, "", "{}", command.get_name());
        for line in super::reference::examples(&command).lines() {
            let is_there = text.lines().any(|other| other.trim() == line.trim());
            assert!(is_there, "{}: no line {line:?} in:\n{text}", command.get_name());
        }
    }
    let (_, warnings) = format(b".TH A 1\n.xyz\n").unwrap();
    assert_ne!(warnings, "", "it would say it if a page were wrong");
}

#[test]
fn a_folder_that_cannot_be_written_into_is_refused() {
    let folder = Folder::with(&[("file", "")]);
    let mut report = Report::default();
    for dir in ["absent/man1", "file", ""] {
        report.add(&format!("pullkey man --dir {dir}"), &folder.run(&["man", "--dir", dir]).error());
    }
    report.assert("man_folders");
    assert!(!folder.path().join("absent").exists(), "nothing is made");
}
