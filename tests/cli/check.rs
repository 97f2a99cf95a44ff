//! `pullkey check`: every problem and warning with its place and its fix.

use super::run::{Folder, Report};

const HEAD: &str = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n";

/// A configuration whose one pattern is the text.
fn with_pattern(pattern: &str) -> String {
    let pattern = serde_json::Value::from(pattern);
    format!("{HEAD}registries:\n  - matchImages: [{pattern}]\n    pullSecrets: [\"s\"]\n")
}

#[test]
fn a_good_configuration_is_counted() {
    let folder = Folder::with(&[("config.yaml", include_str!("../../examples/config.yaml"))]);
    assert_eq!(folder.run(&["check", "config.yaml"]).result(), "config.yaml: 5 entries, 0 warnings\n");
    let from_stdin = folder.run_with_stdin(&["check", "-"], &with_pattern("quay.io"));
    assert_eq!(from_stdin.result(), "standard input: 1 entry, 0 warnings\n");
}

#[test]
fn each_refused_pattern_says_what_to_write_instead() {
    let mut report = Report::default();
    for pattern in [
        "",
        " registry.example.com",
        "registry.example.com/team a",
        "https://registry.example.com",
        "https://index.docker.io/v1/",
        "https://index.docker.io/v1",
        "index.docker.io",
        "index.docker.io/janedoe",
        "docker://registry.example.com/app",
        "https://",
        "user:password@registry.example.com",
        "registry.example.com/app:1.2",
        "registry.example.com/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "nginx:1.29",
        "registry.example.com:latest",
        "registry.example.com:50*",
        "registry.example.com:",
        "registry.example.com:/app",
        "registry.example.com/*",
        "registry.example.com/team-*/app",
        "registry.example.com/Team",
        "registry.example.com/team_/app",
        "registry.example.com//app",
        "registry.example.com/",
        "registry.example.com/team/",
        "registry.example.com/v2/team",
        "/team",
        "*",
        "nginx",
        "registry/app",
        "registry..example.com",
        "-registry.example.com",
        "registry.example.com.",
        "*..example.com",
        "registry?.example.com",
        "registry[12].example.com",
        "régistry.example.com",
        "my_reg.example.com:5000",
        "[fd00::1]",
        "[fd00::1",
        "[fd00::*]:5000",
        "[registry]:5000",
    ] {
        let folder = Folder::with(&[("config.yaml", &with_pattern(pattern))]);
        let run = folder.run(&["check", "config.yaml"]);
        // What is only warned of stands in another snapshot; a star alone is such a pattern.
        assert_eq!((run.code, run.stderr.as_str()), (i32::from(pattern != "*"), ""), "{pattern:?}");
        report.add(&format!("{pattern:?}"), &run.stdout);
    }
    report.assert("check_refused_patterns");
}

#[test]
fn each_suspicious_pattern_is_warned_of() {
    let mut report = Report::default();
    for pattern in [
        "*.docker.io",
        "hub.docker.com",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "Docker.io",
        "docker.io/nginx",
        "registry.example.com:443",
        "registry.example.com:05000",
        "registry.example.com:99999",
        "registry-*",
    ] {
        let folder = Folder::with(&[("config.yaml", &with_pattern(pattern))]);
        let run = folder.run(&["check", "config.yaml"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{pattern:?}");
        assert!(run.stdout.starts_with("warning: registries[0].matchImages[0] (line 4, column "), "{run:?}");
        report.add(&format!("{pattern:?}"), &run.stdout);
    }
    report.assert("check_warned_patterns");
}

#[test]
fn what_is_rarely_wrong_is_not_warned_of() {
    for pattern in
        ["docker.io", "*.io", "quay.io/org", "localhost", "registry:5000", "my_reg.example.com", "MyReg"]
    {
        let folder = Folder::with(&[("config.yaml", &with_pattern(pattern))]);
        let result = folder.run(&["check", "config.yaml"]).result();
        assert_eq!(result, "config.yaml: 1 entry, 0 warnings\n", "{pattern}");
    }
}

#[test]
fn problems_of_meaning_are_all_reported_at_once_with_their_places() {
    let config = r#"apiVersion: pullkey.dev/v1
kind: Configuration
registries:
  - name: " yandex "
    matchImages: ["cr.yandex/crp0example", "cr.yandex/crp0example", "https://index.docker.io/v1/"]
    exceptImages: ["cr.yandex", "quay.io"]
    pullSecrets: ["Registry_Secret", "ok", "ok"]
    namespaces: ["Team-A", "team-*", ""]
  - name: ecr
    matchImages: []
    exceptImages: []
    pullSecrets: []
    namespaces: []
  - name: ecr
    matchImages:
      - "*.docker.io"
      - docker.io/nginx
    pullSecrets:
      - a..b
      - -a
always:
  - name: ""
    pullSecrets: ["none of these"]
  - pullSecrets: ["x"]
    namespaces: ["-*"]
"#;
    let folder = Folder::with(&[("config.yaml", config)]);
    let run = folder.run(&["check", "config.yaml"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let mut report = Report::default();
    report.add(config, &run.stdout);
    report.assert("check_all_problems");

    // The commands that need a configuration say the same, as an error.
    let error = folder.run(&["explain", "--config", "config.yaml", "nginx"]).error();
    let problems = run.stdout.lines().filter_map(|line| line.strip_prefix("problem: "));
    assert!(problems.clone().count() > 15, "{}", run.stdout);
    for problem in problems {
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn an_error_of_shape_names_its_line_and_column() {
    let mut report = Report::default();
    let entry = "registries:\n  - matchImages: [\"quay.io\"]\n    pullSecrets: [\"s\"]\n";
    for config in [
        "registries: []\n".to_owned(),
        format!("apiVersion: pullkey.dev/v1alpha1\n{entry}"),
        HEAD.to_owned(),
        format!("{HEAD}registries: []\n"),
        format!("{HEAD}registries:\n"),
        format!("{HEAD}registries: quay.io\n"),
        format!("{HEAD}registries:\n  matchImages: [\"quay.io\"]\n"),
        format!("{HEAD}registries:\n  - quay.io\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n    pullSecrets:\n"),
        format!("{HEAD}registries:\n  - matchImages: quay.io\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\", null]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [[\"quay.io\"]]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n    pullSecrets: [{{name: s}}]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n    pullSecret: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchimages: [\"quay.io\"]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}{entry}always:\n  - matchImages: [\"quay.io\"]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}{entry}imagePullSecrets: []\n"),
        format!("{HEAD}{entry}{entry}"),
        format!(
            "{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n    pullSecrets: [\"s\"]\n    pullSecrets: [\"t\"]\n"
        ),
        format!("{HEAD}registries:\n\t- matchImages: [\"quay.io\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [*.example.com]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io]\n    pullSecrets: [\"s\"]\n"),
        format!("{HEAD}{entry}---\n{HEAD}{entry}"),
        "- a\n- b\n".to_owned(),
        "just a text\n".to_owned(),
        "{\"apiVersion\": \"pullkey.dev/v1alpha1\"\n".to_owned(),
        "{}\n".to_owned(),
        "# only a comment\n".to_owned(),
        "---\n# only a comment\n".to_owned(),
        format!("{HEAD}{entry}    namespaces:\n"),
        format!("{HEAD}{entry}    exceptImages:\n    # - quay.io/public\n"),
        format!("{HEAD}{entry}    namespaces: [*]\n"),
        format!("{HEAD}{entry}   namespaces: [a]\n"),
        format!("{HEAD}registries:\n  - matchImages: [\"quay.io\"]\n   pullSecrets: [\"s\"]\n"),
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: \"\"\n".to_owned(),
    ] {
        let folder = Folder::with(&[("config.yaml", &config)]);
        let run = folder.run(&["check", "config.yaml"]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{config}");
        report.add(&config, &run.stdout);
    }
    report.assert("check_shape");
}

#[test]
fn a_configuration_without_measure_is_refused_in_words() {
    let config =
        format!("{HEAD}registries:\n{}", "  - {matchImages: [quay.io], pullSecrets: [s]}\n".repeat(40_000));
    let folder = Folder::with(&[("config.yaml", &config)]);
    let run = folder.run(&["check", "config.yaml"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.contains("the configuration is too large up to here"), "{}", run.stdout);
}

#[test]
fn a_configuration_written_as_json_is_read_too() {
    let config = format!(
        "{:#}",
        serde_json::json!({
            "apiVersion": "pullkey.dev/v1alpha1",
            "kind": "InjectorConfiguration",
            "registries": [{"matchImages": ["quay.io"], "pullSecrets": ["s"]}],
        })
    );
    let folder = Folder::with(&[("config.json", &config)]);
    assert_eq!(folder.run(&["check", "config.json"]).result(), "config.json: 1 entry, 0 warnings\n");
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let folder = Folder::with(&[("empty.yaml", ""), ("blank.yaml", " \n\t\n")]);
    folder.write("latin1.yaml", b"# r\xe9gistre\napiVersion: pullkey.dev/v1alpha1\n");
    folder.write("pod.yaml", b"apiVersion: v1\nkind: Pod\n");
    let mut report = Report::default();
    for file in ["absent.yaml", ".", "empty.yaml", "blank.yaml", "latin1.yaml"] {
        let checked = folder.run(&["check", file]).error();
        report.add(&format!("check {file}"), &checked);
        for other in [
            &["inject", "-f", "pod.yaml", "--config", file][..],
            &["explain", "nginx", "--config", file],
            &["serve", "--dns-name", "localhost", "--config", file],
        ] {
            assert_eq!(folder.run(other).error(), checked, "{other:?}");
        }
    }
    report.add("check - (nothing)", &folder.run(&["check", "-"]).error());
    report.add("check", &folder.run(&["check"]).error());
    report.assert("check_unreadable");
}

#[test]
fn warnings_stand_on_standard_error_where_the_result_is_something_else() {
    let folder = Folder::with(&[("config.yaml", &with_pattern("registry.example.com:443"))]);
    let run = folder.run(&["explain", "--config", "config.yaml", "nginx"]);
    assert_eq!(run.code, 0);
    let mut report = Report::default();
    report.add("explain, standard error", &run.stderr);
    report.assert("warning_beside_a_result");
    assert!(run.stdout.starts_with("nginx\n"), "{}", run.stdout);
}
