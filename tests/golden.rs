//! Each folder of `tests/golden` is a case: a configuration, a Pod, and the exact JSON Patch between
//! them (`[]` where nothing is to be done). Each goes through `pullkey inject`, which is the real
//! program, and through `POST /mutate`, which are the real routes over real TLS.
//!
//! A new case needs `config.yaml`, `pod.yaml` (or `pod.json` where JSON is the point), and its patch:
//!
//! ```text
//! PULLKEY_UPDATE_GOLDEN=1 cargo test --test golden     # writes what comes out; look at the diff
//! PULLKEY_GOLDEN=port cargo test --test golden         # only the cases whose name holds "port"
//! ```

#[path = "support/golden_case.rs"]
mod golden_case;
#[path = "support/trusting.rs"]
mod trusting;
#[path = "support/webhook.rs"]
mod webhook;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use golden_case::{Case, repository};
use serde_json::Value;
use tempfile::TempDir;
use webhook::Webhook;

/// The least number of cases: a glob that finds no folder must not look like success.
const CASES_MIN: usize = 40;

#[test]
fn every_case_comes_out_of_inject_and_of_the_webhook_as_written() {
    let only = env::var("PULLKEY_GOLDEN").unwrap_or_default();
    let update = env::var_os("PULLKEY_UPDATE_GOLDEN").is_some_and(|value| !value.is_empty());
    let folders = folders();
    assert!(folders.len() >= CASES_MIN, "only {} cases are left", folders.len());

    let mut webhook = Webhook::start();
    let mut failures = Vec::new();
    for folder in folders.iter().filter(|folder| golden_case::name(folder).contains(&only)) {
        if let Err(failure) = golden_case::run(folder, &mut webhook, update) {
            failures.push(format!("{}: {failure}", golden_case::name(folder)));
        }
    }
    assert!(failures.is_empty(), "{} cases fail\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_scenarios_are_the_files_of_the_examples() {
    let scenarios = [
        ("scenario-regcred", "regcred/config.yaml", "regcred/pod.yaml"),
        ("scenario-yandex", "yandex/config.yaml", "yandex/pod.yaml"),
        ("scenario-tanzu", "tanzu/config.yaml", "tanzu/pod.yaml"),
        ("scenario-tanzu-with-one", "tanzu/config.yaml", "tanzu/pod-with-one.yaml"),
        ("scenario-replicated", "replicated/config.yaml", "replicated/pod.yaml"),
        ("scenario-shop", "config.yaml", "pod.yaml"),
    ];
    let golden = |case: &str, file: &str| read(&repository("tests/golden").join(case).join(file));
    let example = |file: &str| read(&repository("examples").join(file));
    for (case, config, pod) in scenarios {
        assert_eq!(golden(case, "config.yaml"), example(config), "{case}/config.yaml");
        assert_eq!(golden(case, "pod.yaml"), example(pod), "{case}/pod.yaml");
    }

    // The example of werf is a Deployment; the case is the Pod that its template makes.
    assert_eq!(golden("scenario-werf", "config.yaml"), example("werf/config.yaml"));
    let deployment: Value = serde_saphyr::from_str(&example("werf/deployment.yaml")).unwrap();
    let pod: Value = serde_saphyr::from_str(&golden("scenario-werf", "pod.yaml")).unwrap();
    let template = &deployment["spec"]["template"];
    assert_eq!((&pod["metadata"], &pod["spec"]), (&template["metadata"], &template["spec"]));

    let tested = folders().into_iter().filter(|folder| golden_case::name(folder).starts_with("scenario-"));
    assert_eq!(tested.count(), scenarios.len() + 1, "each scenario is compared with its example");
}

#[test]
fn a_case_with_a_missing_or_unknown_file_fails() {
    for (files, failure) in [
        (&["config.yaml", "pod.yaml"][..], "patch.json is missing"),
        (&["config.yaml", "patch.json"], "pod.yaml or pod.json is missing"),
        (&["pod.yaml", "patch.json"], "config.yaml is missing"),
        (&["config.yaml", "pod.yaml", "pod.json", "patch.json"], "there are both pod.yaml and pod.json"),
        (&["config.yaml", "pod.yaml", "patch.json", "patch.json.orig"], "no case has a file patch.json.orig"),
    ] {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for file in files {
            fs::write(folder.path().join(file), text_of(file)).unwrap();
        }
        let case = Case::read(folder.path());
        assert_eq!(case.err().as_deref(), Some(failure), "{files:?}");
    }
}

#[test]
fn a_stale_patch_fails_with_what_comes_out_instead_and_an_update_mends_it() {
    let mut webhook = Webhook::start();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for file in ["config.yaml", "pod.yaml"] {
        fs::write(folder.path().join(file), text_of(file)).unwrap();
    }
    let patch = folder.path().join("patch.json");
    let right = text_of("patch.json");
    for stale in [
        right.replace("added", "another"),
        right.replace("\"value\"", "\"valve\""),
        // What applies to the same end is not the same patch, and other blanks hide a change.
        right.replace("  {", "{"),
        "[]\n".to_owned(),
        "{}\n".to_owned(),
        "no JSON\n".to_owned(),
        String::new(),
    ] {
        fs::write(&patch, &stale).unwrap();
        let failure = golden_case::run(folder.path(), &mut webhook, false).expect_err(&stale);
        assert!(failure.contains("+  {\"op\":\"add\""), "{failure}");
        assert!(failure.contains("PULLKEY_UPDATE_GOLDEN=1"), "{failure}");
        assert_eq!(read(&patch), stale, "a test run writes nothing");

        golden_case::run(folder.path(), &mut webhook, true).expect("an update mends the case");
        assert_eq!(read(&patch), right);
    }
}

fn text_of(file: &str) -> &'static str {
    match file {
        "config.yaml" => {
            "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n\
             registries: [{matchImages: [docker.io], pullSecrets: [added]}]\n"
        }
        "pod.yaml" => "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: nginx}]}\n",
        "patch.json" => {
            "[\n  {\"op\":\"add\",\"path\":\"/spec/imagePullSecrets\",\"value\":[{\"name\":\"added\"}]}\n]\n"
        }
        _ => "",
    }
}

/// The folders of the cases in their order. What is no folder has no place there.
fn folders() -> Vec<PathBuf> {
    let golden = repository("tests/golden");
    let entries = fs::read_dir(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    folders.sort();
    for folder in &folders {
        assert!(folder.is_dir(), "tests/golden has a file {}", golden_case::name(folder));
    }
    folders
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
