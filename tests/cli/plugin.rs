//! The program as a plugin of the real kubectl, `kubectl pullkey`.

use super::kubectl::Plugin;
use super::reference::commands;

#[test]
fn kubectl_lists_the_plugin_without_a_warning() {
    let Some(plugin) = Plugin::install_or_skip("kubectl_lists_the_plugin_without_a_warning") else { return };
    let output = plugin.kubectl(&["plugin", "list", "--name-only"]);
    assert_eq!((output.status.code(), text(output.stderr).as_str()), (Some(0), ""));
    assert!(text(output.stdout).ends_with("available:\n\nkubectl-pullkey\n"));
}

#[test]
fn help_and_errors_name_the_plugin() {
    let Some(plugin) = Plugin::install_or_skip("help_and_errors_name_the_plugin") else { return };
    let help = text(plugin.kubectl(&["pullkey", "--help"]).stdout);
    assert!(help.contains("Usage: kubectl pullkey <COMMAND>"), "{help}");
    for command in commands() {
        let name = command.get_name();
        let help = text(plugin.kubectl(&["pullkey", name, "--help"]).stdout);
        assert!(help.contains(&format!("Usage: kubectl pullkey {name}")), "{help}");
        for command in commands() {
            let call = format!("pullkey {}", command.get_name());
            for (start, _) in help.match_indices(&call) {
                let is_whole = help[start + call.len()..].starts_with([' ', '\n', '`', ')']);
                let names_it = help[..start].ends_with("kubectl ");
                assert!(!is_whole || names_it, "the help of {name} says \"{call}\":\n{help}");
            }
        }
    }
    let wrong = text(plugin.kubectl(&["pullkey", "inyect"]).stderr);
    assert!(wrong.contains("Usage: kubectl pullkey <COMMAND>"), "{wrong}");
    let absent = text(plugin.kubectl(&["pullkey", "check", "absent.yaml"]).stderr);
    assert!(
        absent.starts_with("kubectl pullkey: cannot read the configuration from absent.yaml"),
        "{absent}"
    );
    // Its version is that of the program, whatever it is called.
    assert_eq!(
        text(plugin.kubectl(&["pullkey", "--version"]).stdout),
        plugin.folder.run(&["--version"]).result()
    );
}

#[test]
fn results_and_exit_codes_are_those_of_the_program() {
    let Some(plugin) = Plugin::install_or_skip("results_and_exit_codes_are_those_of_the_program") else {
        return;
    };
    plugin.folder.write("bad.yaml", b"apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n");
    for (arguments, code) in [
        (&["explain", "--config", "config.yaml", "nginx", "cr.yandex/crp0example/web:1.4"][..], 0),
        (&["check", "bad.yaml"], 1),
        (&["check", "absent.yaml"], 2),
    ] {
        let output = plugin.kubectl(&[&["pullkey"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        let run = plugin.folder.run(arguments);
        assert_eq!((text(output.stdout), Some(run.code)), (run.stdout, Some(code)), "{arguments:?}");
    }
    // docs/shell.md says where kubectl's own flags may not stand.
    let before = plugin.kubectl(&["--context", "other", "pullkey", "--version"]);
    assert!(
        !before.status.success() && text(before.stderr).contains("flags cannot be placed before plugin name")
    );
}

#[test]
fn kubectl_completes_what_follows_the_plugin() {
    let Some(plugin) = Plugin::install_or_skip("kubectl_completes_what_follows_the_plugin") else { return };
    let about = |name: &str| {
        let command = commands().into_iter().find(|command| command.get_name() == name).expect("it is one");
        format!("{name}\t{}", command.get_about().expect("it says what it does"))
    };
    for (words, expected, directive) in [
        (&["pullkey", "ex"][..], &[about("explain")][..], ":4"),
        (&["pullkey", "explain", "--name"], &["--namespace".to_owned()], ":4"),
        (&["pullkey", "explain", "-o", "j"], &["json\tFor programs".to_owned()], ":4"),
        (&["pullkey", "explain", "--output=t"], &["text\tFor people".to_owned()], ":4"),
        (&["pullkey", "completions", "z"], &["zsh".to_owned()], ":4"),
        // Files, which the shell offers; folders; and what only the user knows.
        (&["pullkey", "check", ""], &[], ":0"),
        (&["pullkey", "explain", "--config", ""], &[], ":0"),
        (&["pullkey", "man", "--dir", ""], &[], ":16"),
        (&["pullkey", "explain", ""], &[], ":4"),
        (&["pullkey", "explain", "--", "-"], &[], ":4"),
        (&["pullkey", "explain", "--namespace", "ex"], &[], ":4"),
        (&["pullkey", "check", "config.yaml", ""], &[], ":4"),
        (&["pullkey", "absent", ""], &[], ":4"),
    ] {
        let (mut candidates, found) = plugin.completed(words);
        if words == ["pullkey", "explain", "--name"] {
            let help = candidates.iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
            candidates = help.collect();
        }
        assert_eq!((candidates.as_slice(), found.as_str()), (expected, directive), "{words:?}");
    }
    let (all, _) = plugin.completed(&["pullkey", ""]);
    assert_eq!(
        all[..all.len() - 1],
        commands().iter().map(|command| about(command.get_name())).collect::<Vec<_>>()
    );
    // A flag that was given is not offered again.
    let (flags, _) = plugin.completed(&["pullkey", "explain", "-n", "a", "--"]);
    assert!(flags.iter().any(|flag| flag.starts_with("--config\t")), "{flags:?}");
    assert!(!flags.iter().any(|flag| flag.starts_with("--namespace")), "{flags:?}");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is text")
}
