//! The golden patches, applied by the library that the API server applies them with.

use std::fs;
use std::path::{Path, PathBuf};

use json_patch::Patch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::process::{Oracle, say};

#[derive(Debug, Serialize)]
struct PatchQuestion {
    document: Value,
    patch: Value,
}

#[derive(Debug, Deserialize)]
struct PatchAnswer {
    document: Option<Value>,
    error: Option<String>,
}

#[test]
fn golden_patches_apply_in_the_api_server_as_they_do_here() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    if !golden.exists() {
        say("SKIPPED golden patches against json-patch v4: there is no tests/golden");
        return;
    }
    let Some(oracle) = Oracle::build_or_skip("golden patches against json-patch v4") else { return };

    let cases = cases(&golden);
    assert!(!cases.is_empty(), "{} holds no case", golden.display());
    let questions: Vec<PatchQuestion> = cases.iter().map(|case| question(case)).collect();
    let answers: Vec<PatchAnswer> = oracle.ask(&questions);

    for ((case, PatchQuestion { document, patch }), answer) in cases.iter().zip(&questions).zip(answers) {
        let case = case.display();
        assert_eq!(answer.error, None, "{case}: the API server refuses the patch");
        let mut patched = document.clone();
        let operations: Patch = serde_json::from_value(patch.clone())
            .unwrap_or_else(|error| panic!("{case}/patch.json: {error}"));
        json_patch::patch(&mut patched, &operations)
            .unwrap_or_else(|error| panic!("{case}/patch.json: {error}"));
        assert_eq!(answer.document, Some(patched), "{case}");
    }
}

fn cases(golden: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn question(case: &Path) -> PatchQuestion {
    let pod = ["pod.json", "pod.yaml"]
        .iter()
        .map(|name| case.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{} has neither pod.json nor pod.yaml", case.display()));
    // JSON is YAML, but the JSON reader also keeps what only JSON can say.
    let document = if pod.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&read(&pod)).unwrap_or_else(|error| panic!("{}: {error}", pod.display()))
    } else {
        serde_saphyr::from_str(&read(&pod)).unwrap_or_else(|error| panic!("{}: {error}", pod.display()))
    };
    let patch = case.join("patch.json");
    let patch =
        serde_json::from_str(&read(&patch)).unwrap_or_else(|error| panic!("{}: {error}", patch.display()));
    PatchQuestion { document, patch }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
