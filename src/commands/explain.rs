//! `pullkey explain`: which entries match an image, which nearly, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::input::{self, ConfigFile};
use super::{print, shown};
use crate::cli::{ExplainArgs, OutputFormat};
use crate::engine::explain::{Explanation, explain};
use crate::engine::manifest::{ManifestError, Manifests, PodPlace};
use crate::engine::patch;
use crate::engine::pod::Skip;
use crate::engine::rules::Rules;

/// The exit code of an argument that is no image name.
const NO_IMAGE: u8 = 1;

/// What the rules say about one Pod or template of a manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodExplanation {
    object: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'static str>,
    images: Vec<Explanation>,
    /// The pull secrets that the Pod has.
    present: Vec<String>,
    /// The pull secrets that would be added.
    added: Vec<String>,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match &args.filename {
        Some(filename) => input::only_one_stdin(&args.config, filename)?,
        None if args.images.is_empty() => bail!("nothing to explain: name an image, or manifests with -f"),
        None => {}
    }
    let file = ConfigFile::load(&args.config)?;
    file.print_warnings(&args.config);
    let rules = Rules::new(file.config);
    let mut code = ExitCode::SUCCESS;
    let text = match &args.filename {
        None => {
            let explained: Vec<_> =
                args.images.iter().map(|image| explain(&rules, image, &args.namespace)).collect();
            if explained.iter().any(|image| image.read_as.is_none()) {
                code = ExitCode::from(NO_IMAGE);
            }
            match args.output {
                OutputFormat::Json => json(&explained)?,
                OutputFormat::Text => explained.iter().map(image_text).collect::<Vec<_>>().join("\n"),
            }
        }
        Some(filename) => {
            let name = input::name(filename);
            let text = input::read(filename, "manifests")?;
            let explained = Manifests::parse(&text)
                .and_then(|manifests| manifests.pods())
                .and_then(|pods| {
                    pods.iter()
                        .map(|pod| explain_pod(pod, &rules, &args.namespace))
                        .collect::<Result<Vec<_>, _>>()
                })
                .with_context(|| format!("cannot use the manifests in {name}"))?;
            match args.output {
                OutputFormat::Json => json(&explained)?,
                OutputFormat::Text if explained.is_empty() => {
                    format!("{name} has no Pod and no Pod template\n")
                }
                OutputFormat::Text => explained.iter().map(pod_text).collect::<Vec<_>>().join("\n"),
            }
        }
    };
    print(&text)?;
    Ok(code)
}

fn explain_pod(place: &PodPlace, rules: &Rules, namespace: &str) -> Result<PodExplanation, ManifestError> {
    let pod = place.view()?;
    let namespace = place.namespace.as_deref().unwrap_or(namespace);
    let selection = place.select(&pod, rules, namespace);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Ok(PodExplanation {
        object: place.title(),
        namespace: namespace.to_owned(),
        skipped: pod.skip().map(|skip| match skip {
            Skip::MirrorPod => "a mirror Pod may not reference Secrets",
            Skip::OptedOut => "it opted out by the label pullkey.dev/inject",
        }),
        images: pod.images().map(|image| explain(rules, image, namespace)).collect(),
        present: owned(pod.pull_secrets().collect()),
        added: owned(patch::missing(&pod, &selection.names)),
    })
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn pod_text(pod: &PodExplanation) -> String {
    let mut text = format!("{} in namespace {}\n", shown::line(&pod.object), shown::line(&pod.namespace));
    if let Some(reason) = pod.skipped {
        let _ = writeln!(text, "  left alone: {reason}");
    }
    for image in &pod.images {
        for line in image_text(image).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(text, "  has:  {}\n  adds: {}", list(&pod.present), list(&pod.added));
    text
}

fn image_text(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", shown::line(&explanation.image));
    if let Some(read) = &explanation.read_as {
        let _ = write!(text, "  read as registry {}, repository {}", read.registry, read.repository);
        for (what, value) in [("tag", &read.tag), ("digest", &read.digest)] {
            if let Some(value) = value {
                let _ = write!(text, ", {what} {value}");
            }
        }
        text.push('\n');
    }
    if let Some(reason) = &explanation.refused {
        let _ = writeln!(text, "  {}", shown::line(reason));
    }
    for note in &explanation.entries {
        let mark = if note.matches { "match   " } else { "no match" };
        let _ = writeln!(text, "  {mark} {}: {}", note.entry, shown::line(&note.reason));
    }
    if explanation.entries.is_empty() && explanation.refused.is_none() {
        text.push_str("  no entry comes near\n");
    }
    let _ = writeln!(text, "  pull secrets: {}", list(&explanation.pull_secrets));
    text
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { shown::line(&names.join(", ")) }
}
