//! One golden case: read strictly, run through both ways into the engine, compared to the byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use pullkey::engine::config::Config;
use serde_json::{Value, json};
use similar::TextDiff;

use super::webhook::Webhook;

/// Bounds a failure only: `inject` takes milliseconds.
const INJECT_MAX: Duration = Duration::from_secs(60);
const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// The files of one case.
#[derive(Debug)]
pub(crate) struct Case {
    folder: PathBuf,
    config: Config,
    pod_file: &'static str,
    pod_text: String,
    pod: Value,
    patch_text: String,
}

/// The last part of a case's folder.
pub(crate) fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A path from the root of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Reads a case and runs it. With `update`, `patch.json` is written as the webhook answers, and the
/// rest must then fit.
pub(crate) fn run(folder: &Path, webhook: &mut Webhook, update: bool) -> Result<(), String> {
    if update && !folder.join("patch.json").exists() {
        fs::write(folder.join("patch.json"), "").map_err(|error| format!("patch.json: {error}"))?;
    }
    let mut case = Case::read(folder)?;
    webhook.configure(case.config.clone());
    if update {
        case.patch_text = case.patch_that_comes_out(webhook)?;
        fs::write(folder.join("patch.json"), &case.patch_text).map_err(|error| error.to_string())?;
    }
    let operations = case.operations(webhook)?;
    case.check_webhook(webhook, &operations)?;
    let patched = case.patched(&operations)?;
    case.check_second_run(webhook, &patched)?;
    case.check_inject(&operations, &patched)
}

impl Case {
    /// Reads a case, in which nothing may be missing and nothing may lie that no test reads.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let mut files: Vec<String> = fs::read_dir(folder)
            .map_err(|error| error.to_string())?
            .map(|entry| entry.map(|entry| name(&entry.path())).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?;
        files.sort();
        let has = |file: &str| files.iter().any(|found| found == file);
        let known = ["config.yaml", "pod.yaml", "pod.json", "patch.json"];
        if let Some(unknown) = files.iter().find(|file| !known.contains(&file.as_str())) {
            return Err(format!("no case has a file {unknown}"));
        }
        let pod_file = match (has("pod.yaml"), has("pod.json")) {
            (true, false) => "pod.yaml",
            (false, true) => "pod.json",
            (true, true) => return Err("there are both pod.yaml and pod.json".to_owned()),
            (false, false) => return Err("pod.yaml or pod.json is missing".to_owned()),
        };
        if let Some(missing) = ["config.yaml", "patch.json"].into_iter().find(|file| !has(file)) {
            return Err(format!("{missing} is missing"));
        }
        let text = |file| fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let (config, _warnings) =
            Config::parse(&text("config.yaml")?).map_err(|error| format!("config.yaml: {error}"))?;
        let pod_text = text(pod_file)?;
        Ok(Self {
            folder: folder.to_owned(),
            config,
            pod_file,
            pod: parse(pod_file, &pod_text)?,
            pod_text,
            patch_text: text("patch.json")?,
        })
    }

    /// The operations of `patch.json`, which must be written as an update writes them.
    fn operations(&self, webhook: &mut Webhook) -> Result<Vec<Value>, String> {
        let read: Option<Vec<Value>> = serde_json::from_str(&self.patch_text).ok();
        match read {
            Some(operations) if render(&operations) == self.patch_text => Ok(operations),
            _ => Err(self.stale(&self.patch_that_comes_out(webhook)?)),
        }
    }

    fn stale(&self, comes_out: &str) -> String {
        let diff = TextDiff::from_lines(self.patch_text.as_str(), comes_out);
        format!(
            "another patch comes out; if that is right, run PULLKEY_UPDATE_GOLDEN=1 cargo test --test golden\n{}",
            diff.unified_diff().header("patch.json", "what the webhook answers")
        )
    }

    fn patch_that_comes_out(&self, webhook: &mut Webhook) -> Result<String, String> {
        let answer = webhook.review(&self.review(None)).body;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))?;
        let Some(patch) = answer["response"]["patch"].as_str() else {
            return Ok(render(&[]));
        };
        let patch = STANDARD.decode(patch).map_err(|error| format!("the patch in the answer: {error}"))?;
        let operations: Vec<Value> =
            serde_json::from_slice(&patch).map_err(|error| format!("the patch in the answer: {error}"))?;
        Ok(render(&operations))
    }

    fn check_webhook(&self, webhook: &mut Webhook, operations: &[Value]) -> Result<(), String> {
        let answer = webhook.review(&self.review(None));
        let expected = expected_answer(operations);
        if answer.status == 200 && answer.body == expected {
            return Ok(());
        }
        let comes_out = self.patch_that_comes_out(webhook)?;
        if comes_out != self.patch_text {
            return Err(self.stale(&comes_out));
        }
        let (status, body) = (answer.status, answer.body);
        Err(format!("the webhook answers {status}\n{body}\ninstead of\n{expected}"))
    }

    /// The API server calls a second time when another webhook changed the Pod after us.
    fn check_second_run(&self, webhook: &mut Webhook, patched: &Value) -> Result<(), String> {
        let answer = webhook.review(&self.review(Some(patched))).body;
        if answer == expected_answer(&[]) { Ok(()) } else { Err(format!("a second run answers {answer}")) }
    }

    fn check_inject(&self, operations: &[Value], patched: &Value) -> Result<(), String> {
        let run = cargo_bin_cmd!("pullkey")
            .args(["inject", "--config", "config.yaml", "-f", self.pod_file])
            .current_dir(&self.folder)
            .timeout(INJECT_MAX)
            .output()
            .map_err(|error| format!("inject: {error}"))?;
        let (stdout, stderr) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        if !run.status.success() {
            return Err(format!("inject: {}: {stderr}", run.status));
        }
        if operations.is_empty() && *stdout != *self.pod_text {
            let diff = TextDiff::from_lines(self.pod_text.as_str(), &*stdout);
            return Err(format!("inject changes a Pod that needs nothing\n{}", diff.unified_diff()));
        }
        let injected = parse(self.pod_file, &stdout).map_err(|error| format!("inject: {error}\n{stdout}"))?;
        if injected == *patched {
            return Ok(());
        }
        let diff = [patched, &injected].map(|pod| format!("{pod:#}\n"));
        let diff = TextDiff::from_lines(&diff[0], &diff[1]);
        let diff = diff.unified_diff().header("the Pod with patch.json", "inject").to_string();
        Err(format!("inject writes another Pod than the patch makes\n{diff}"))
    }

    fn patched(&self, operations: &[Value]) -> Result<Value, String> {
        let patch: Patch = serde_json::from_value(Value::from(operations))
            .map_err(|error| format!("patch.json is no JSON Patch: {error}"))?;
        let mut patched = self.pod.clone();
        json_patch::patch(&mut patched, &patch).map_err(|error| format!("patch.json: {error}"))?;
        Ok(patched)
    }

    /// A review as the API server sends it. A Pod written in JSON is sent as it is written.
    fn review(&self, pod: Option<&Value>) -> String {
        let namespace = self.pod["metadata"]["namespace"].as_str().unwrap_or("default");
        let object = match pod {
            None if self.pod_file == "pod.json" => self.pod_text.clone(),
            pod => pod.unwrap_or(&self.pod).to_string(),
        };
        let marker = json!("the Pod");
        let review = json!({
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": UID,
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
                "requestResource": {"group": "", "version": "v1", "resource": "pods"},
                "namespace": namespace,
                "operation": "CREATE",
                "userInfo": {"username": "somebody", "groups": ["system:authenticated"]},
                "object": marker,
                "oldObject": null,
                "dryRun": false,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        });
        review.to_string().replacen(&marker.to_string(), &object, 1)
    }
}

/// The answer to the byte, put together without the code under test.
fn expected_answer(operations: &[Value]) -> String {
    let patch = if operations.is_empty() {
        String::new()
    } else {
        let references = operations.iter().flat_map(|operation| match &operation["value"] {
            Value::Array(references) => references.clone(),
            reference => vec![reference.clone()],
        });
        let names: Vec<String> = references
            .map(|reference| reference["name"].as_str().unwrap_or("a reference without a name").to_owned())
            .collect();
        format!(
            r#","patchType":"JSONPatch","patch":"{}","auditAnnotations":{{"injected":"{}"}}"#,
            STANDARD.encode(Value::from(operations).to_string()),
            names.join(",")
        )
    };
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{UID}","allowed":true{patch}}}}}"#
    )
}

/// One operation a line, so that a diff shows which one changed.
fn render(operations: &[Value]) -> String {
    if operations.is_empty() {
        return "[]\n".to_owned();
    }
    let lines: Vec<String> = operations.iter().map(|operation| format!("  {operation}")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn parse(file: &str, text: &str) -> Result<Value, String> {
    let value = if Path::new(file).extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    };
    value.map_err(|error| format!("{file}: {error}"))
}
