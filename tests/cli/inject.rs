//! `pullkey inject`: what it writes, what it leaves alone to the byte, and what it refuses.

use super::run::{Folder, Report, assert_text};

pub(crate) const CONFIG: &str = r#"apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: ["registry.example.com"]
    pullSecrets: ["registrysecret", "second"]
  - matchImages: ["quay.io"]
    namespaces: ["team-*"]
    pullSecrets: ["quay"]
"#;

const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: good\nspec:\n  containers:\n    - image: registry.example.com/app\n";

fn folder() -> Folder {
    Folder::with(&[("config.yaml", CONFIG)])
}

/// Runs `inject` over a text from standard input.
fn inject(text: &str) -> super::run::Run {
    folder().run_with_stdin(&["inject", "--config", "config.yaml", "-f", "-"], text)
}

#[test]
fn broken_manifests_are_refused_with_the_line_and_nothing_is_written() {
    let mut report = Report::default();
    for broken in [
        // YAML
        "apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: [\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: \"registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: a\n   - image: b\n",
        "apiVersion: v1\nkind: Pod\nkind: Deployment\nspec: {}\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: []\n  containers: []\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - *container\n",
        // JSON
        "{\"apiVersion\": \"v1\",\n \"kind\": \"Pod\",\n \"spec\": {\n",
        "{\"apiVersion\": \"v1\",\n \"kind\": \"Pod\",\n \"spec\": {}}}\n",
        "{\n  \"apiVersion\": \"v1\",\n  'kind': 'Pod'\n  \"spec\": {}\n}\n",
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\",\n  \"kind\": \"Pod\",\n  \"spec\": {}\n}\n",
        // No Kubernetes object
        "metadata:\n  name: no-kind\n",
        "apiVersion: v1\nmetadata:\n  name: no-kind\n",
        "kind: Pod\nmetadata:\n  name: no-version\n",
        "{\"items\": []}\n",
        "- apiVersion: v1\n  kind: Pod\n",
        "just a text\n",
        "[]\n",
        "42\n",
        "apiVersion: v1\nkind: List\nitems:\n  - metadata:\n      name: no-kind\n",
        // Members of the wrong type
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  containers: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  containers:\n    - registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  containers:\n    - image: [registry.example.com/app]\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  imagePullSecrets: registrysecret\n  containers:\n    - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  imagePullSecrets:\n    - registrysecret\n  containers:\n    - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nmetadata: app\nspec:\n  containers:\n    - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec: registry.example.com/app\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template: [registry.example.com/app]\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  namespace: [team-a]\nspec:\n  containers:\n    - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: List\nitems:\n  kind: Pod\n",
        // A text that is meant for another reader
        "{{- if .Values.enabled }}\napiVersion: v1\nkind: Pod\n{{- end }}\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
        "Error: INSTALLATION FAILED: chart requires kubeVersion\n",
    ] {
        let error = inject(broken).error();
        assert!(error.contains("standard input"), "{error}");
        report.add(broken, &error);
    }
    report.assert("inject_broken");
}

#[test]
fn one_broken_document_among_good_ones_keeps_all_from_being_written() {
    let mut report = Report::default();
    for bad in [
        "apiVersion: v1\nkind: Pod\nspec: [\n",
        "metadata:\n  name: no-kind\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  containers: 5\n",
    ] {
        for stream in
            [format!("{bad}---\n{GOOD}"), format!("{GOOD}---\n{bad}"), format!("{GOOD}---\n{bad}---\n{GOOD}")]
        {
            report.add(&stream, &inject(&stream).error());
        }
    }
    let json = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n{\"apiVersion\":\"v1\"}\n";
    report.add(json, &inject(json).error());
    report.assert("inject_one_broken_document");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = folder();
    folder.write("empty.yaml", b"");
    folder.write("latin1.yaml", b"# caf\xe9\n");
    folder.write("utf16.yaml", b"\xff\xfea\0p\0");
    let mut report = Report::default();
    for file in ["absent.yaml", ".", "empty.yaml", "latin1.yaml", "utf16.yaml"] {
        let run = folder.run(&["inject", "--config", "config.yaml", "-f", file]);
        report.add(&format!("pullkey inject -f {file}"), &run.error());
    }
    report.add("pullkey inject -f - (nothing)", &inject("").error());
    report.assert("inject_unreadable");
}

#[test]
fn what_stands_behind_an_alias_is_not_changed_for_somebody_else() {
    let shared = "apiVersion: v1\nkind: List\nitems:\n\
                  - apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec: &spec\n    containers:\n    - image: registry.example.com/app\n\
                  - apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n  spec: *spec\n";
    let list = "apiVersion: v1\nkind: List\nitems:\n\
                - apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    imagePullSecrets: &own\n    - name: own\n    containers:\n    - image: registry.example.com/app\n\
                - apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n  spec:\n    imagePullSecrets: *own\n    containers: []\n";
    let mut report = Report::default();
    for text in [shared, list] {
        report.add(text, &inject(text).error());
    }
    report.assert("inject_shared");

    // An image behind an alias is only read, and a list that is itself an alias can be written out.
    let read = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: {image: &image registry.example.com/app}\nspec:\n  containers:\n  - image: *image\n";
    let alias = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    x: &own [{name: own}]\nspec:\n  imagePullSecrets: *own\n  containers:\n  - image: registry.example.com/app\n";
    let merged = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: &base {a: b}\nspec:\n  containers:\n  - <<: {image: registry.example.com/app}\n    name: a\n";
    let mut report = Report::default();
    for text in [read, alias, merged] {
        report.add(text, &inject(text).result());
    }
    report.assert("inject_aliases");
}

#[test]
fn only_the_added_lines_differ() {
    let text = r#"# A comment that stays.
apiVersion: v1
kind: Pod   # and this one
metadata:
  name: "app"
  labels: {b: "2", a: '1'}
  annotations:
    version: "1.10"
    on: "yes"
    script: |
      #!/bin/sh
      echo "---"

    folded: >-
      registry.example.com/app
spec:

  # Above the containers.
  containers:
    - name:   app
      image: 'registry.example.com/app:1.10'
      args: ["--mode=0644", '*', !!str 5]
  volumes:
    - name: keys
      secret:
        secretName: keys
        defaultMode: 0644
    - name: more
      configMap: {name: more, defaultMode: 0o600}
  terminationGracePeriodSeconds: 1_0
  priority: 1e3
# The end, without a newline"#;
    let result = inject(text).result();
    assert_text("inject_keeps_the_text", &result);
    let added = "  imagePullSecrets:\n  - name: registrysecret\n  - name: second\n";
    assert_eq!(result.replacen(added, "", 1), text);
}

#[test]
fn a_document_that_needs_nothing_passes_byte_for_byte() {
    for text in [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {pullkey.dev/inject: disabled}}\nspec: {containers: [{image: registry.example.com/app}]}\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  imagePullSecrets: [{name: second}, {name: registrysecret}]\n  containers: [{image: registry.example.com/app}]\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: nginx}]",
        "---\n---\n# nothing here\n---\napiVersion: v1\nkind: Secret\ndata: {}\n...\n",
        "apiVersion: v1\r\nkind: Pod\r\nspec: {}\r\n",
        "\u{feff}apiVersion: v1\nkind: ConfigMap\n",
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"spec\":{\"containers\":[{\"image\":\"nginx\"}]}}",
        "# nothing but a comment\n",
        "---\n",
    ] {
        assert_eq!(inject(text).result(), text);
    }
}

#[test]
fn a_difference_is_shown_instead_on_demand() {
    let folder = folder();
    let many = format!("{GOOD}---\napiVersion: v1\nkind: ConfigMap\n---\n{}", GOOD.replace("good", "other"));
    folder.write("many.yaml", many.as_bytes());
    folder.write("none.yaml", b"apiVersion: v1\nkind: ConfigMap\n");
    let diff = |file: &str| folder.run(&["inject", "--config", "config.yaml", "--diff", "-f", file]).result();
    assert_text("inject_diff", &diff("many.yaml"));
    assert_eq!(diff("none.yaml"), "");
    // What would steer a terminal is shown as an escape, and the manifest itself keeps it.
    let steering = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\"metadata\": {\"name\": \"a\", \"labels\": {\"b\": \"c\u{9b}2J\"}},\n\
                    \"spec\": {\"containers\": [{\"name\": \"d\", \"image\": \"registry.example.com/app\"}]}}\n";
    folder.write("steering.json", steering.as_bytes());
    assert!(diff("steering.json").contains("c\\u{9b}2J"), "{:?}", diff("steering.json"));
    assert!(!diff("steering.json").contains('\u{9b}'));
    let manifest = folder.run(&["inject", "--config", "config.yaml", "-f", "steering.json"]).result();
    assert!(manifest.contains("c\u{9b}2J"));
    let stdin = folder.run_with_stdin(&["inject", "--config", "config.yaml", "--diff", "-f", "-"], GOOD);
    assert!(stdin.result().starts_with("--- standard input\n+++ standard input with pull secrets\n"));
}

#[test]
fn the_namespace_is_that_of_the_document_before_that_of_the_command() {
    let folder = folder();
    let pod = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{{namespace}}}\nspec:\n  containers:\n  - image: quay.io/app\n"
        )
    };
    let injected = |text: &str, arguments: &[&str]| {
        let all = [&["inject", "--config", "config.yaml", "-f", "-"], arguments].concat();
        folder.run_with_stdin(&all, text).result().contains("- name: quay")
    };
    for (metadata, arguments, expected) in [
        ("", &[][..], false),
        ("", &["--namespace", "team-a"], true),
        ("", &["-n", "other"], false),
        ("namespace: team-a", &[], true),
        ("namespace: team-a", &["--namespace", "other"], true),
        ("namespace: other", &["--namespace", "team-a"], false),
        ("namespace: \"\"", &["--namespace", "team-a"], true),
        ("namespace: null", &["--namespace", "team-a"], true),
    ] {
        assert_eq!(injected(&pod(metadata), arguments), expected, "{metadata} {arguments:?}");
    }
}

#[test]
fn names_that_yaml_reads_as_something_else_are_quoted() {
    let secrets = [
        "\"123\"",
        "\"null\"",
        "\"true\"",
        "\"on\"",
        "\"y\"",
        "\"0x10\"",
        "\"1e3\"",
        "\"2024-01-01\"",
        "\"1.5\"",
        "\"a.b-c\"",
    ];
    let config = format!(
        "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  - matchImages: [registry.example.com]\n    pullSecrets: [{}]\n",
        secrets.join(", ")
    );
    let folder = Folder::with(&[("config.yaml", &config), ("pod.yaml", GOOD)]);
    let result = folder.run(&["inject", "--config", "config.yaml", "-f", "pod.yaml"]).result();
    assert_text("inject_quoted_names", &result);
}

#[test]
fn the_style_of_the_surroundings_is_kept() {
    let mut report = Report::default();
    let lists = [
        "imagePullSecrets: []",
        "imagePullSecrets: null",
        "imagePullSecrets:",
        "imagePullSecrets: ~ # none yet",
        "imagePullSecrets: [{name: own}] # ours",
        "imagePullSecrets: [\n    {name: own},\n    {name: other}\n  ]",
        "imagePullSecrets:\n  - name: own",
        "imagePullSecrets:\n    - name: own # ours\n    # between",
        "imagePullSecrets:\n    -   name: own",
        "imagePullSecrets:\n  - {name: own}",
        "imagePullSecrets:\n  - {}",
    ];
    for list in lists {
        let text = format!(
            "kind: Pod\napiVersion: v1\nspec:\n  {list}\n  containers:\n  - image: registry.example.com/app\n"
        );
        report.add(list, &inject(&text).result());
    }
    // The list may be the last member, and the last line may have no end.
    for list in ["imagePullSecrets:\n  - name: own", "imagePullSecrets:", "imagePullSecrets: []"] {
        let text = format!(
            "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: registry.example.com/app\n  {list}"
        );
        report.add(&format!("{list}, at the end of the text"), &inject(&text).result());
    }
    report.assert("inject_styles");
}

#[test]
fn a_spec_that_cannot_be_edited_in_place_is_refused_in_words() {
    let mut report = Report::default();
    for text in [
        "apiVersion: v1\nkind: Pod\nspec:\n  ? containers\n  : - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  &key containers:\n  - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  imagePullSecrets:\n  -\n  containers:\n  - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  imagePullSecrets:\n  -\n    name: own\n  containers:\n  - image: registry.example.com/app\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  <<: {containers: [{image: registry.example.com/app}]}\n",
        "apiVersion: v1\nkind: Pod\nbase: &base\n  containers: [{image: registry.example.com/app}]\nspec:\n  <<: *base\n",
        "apiVersion: v1\nkind: Pod\nbase: &base\n  spec: {containers: [{image: registry.example.com/app}]}\n<<: *base\n",
    ] {
        let run = inject(text);
        let came_out = if run.code == 0 { run.result() } else { run.error() };
        report.add(text, &came_out);
    }
    report.assert("inject_odd_specs");
}

#[test]
fn json_that_is_nested_too_deeply_is_refused_in_words() {
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let text = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","data":{nested}}}"#);
    let run = inject(&text);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("line 1: more than 255 levels"), "{}", run.stderr);
}

#[test]
fn aliases_that_multiply_are_refused_in_words() {
    let doubled = |level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
    let aliases: String = (1..40).map(doubled).collect();
    let text = format!("apiVersion: v1\nkind: ConfigMap\na0: &a0 [x, x]\n{aliases}");
    let run = inject(&text);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("the aliases up to here make the text too large"), "{}", run.stderr);
}

#[test]
fn ten_thousand_documents_are_each_edited() {
    // With a search through the whole text for each edit, this took minutes.
    let document =
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: registry.example.com/app\n---\n";
    let run = inject(&document.repeat(10_000));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.matches("\n  imagePullSecrets:\n").count(), 10_000);
}

#[test]
fn a_kind_that_is_only_called_a_list_passes() {
    let text = format!("apiVersion: example.com/v1\nkind: AllowList\nitems: [a, {{name: x}}]\n---\n{GOOD}");
    let run = inject(&text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("apiVersion: example.com/v1\nkind: AllowList\nitems: [a, {name: x}]\n---\n")
    );
    assert!(run.stdout.contains("- name: registrysecret\n"));
}

#[test]
fn a_merge_key_overrides_what_stands_above_it_as_in_kubernetes() {
    let base =
        "apiVersion: v1\nkind: Pod\nbase: &base\n  containers: [{image: public.example.com/app}]\nspec:\n";
    let own = "  containers: [{image: registry.example.com/app}]\n";
    // Kubernetes sees the public image only, and nothing is missing.
    let above = format!("{base}{own}  <<: *base\n");
    let run = inject(&above);
    assert_eq!((run.code, run.stdout.as_str()), (0, above.as_str()), "{}", run.stderr);
    let run = inject(&format!("{base}  <<: *base\n{own}"));
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("line 6: the Pod's spec has a YAML merge key"), "{}", run.stderr);
}

#[test]
fn lines_end_as_those_above_them() {
    let windows = GOOD.replace('\n', "\r\n");
    let run = inject(&format!("{windows}---\r\n{GOOD}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("spec:\r\n  imagePullSecrets:\r\n  - name: registrysecret\r\n"));
    assert!(run.stdout.contains("spec:\n  imagePullSecrets:\n  - name: registrysecret\n"));
}
