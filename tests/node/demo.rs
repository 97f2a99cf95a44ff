//! The story of `make demo`: an image that cannot be pulled, a label, a running Pod, and why.

use std::path::Path;
use std::process::Stdio;

use super::support::installation::for_an_operator;
use super::support::wait::until;
use super::world::World;

/// A command, and whether what it prints is what the story waits for.
struct Step {
    remark: &'static str,
    command: &'static str,
    is_done: fn(&str) -> bool,
}

const fn step(command: &'static str) -> Step {
    Step { remark: "", command, is_done: |_| true }
}

const STORY: &[Step] = &[
    Step {
        remark: "A namespace with a pull secret, and a Deployment that does not name it.",
        ..step("kubectl create namespace shop")
    },
    step(
        "kubectl -n shop create secret docker-registry registrysecret --docker-server=registry.example.com --docker-username=shop --docker-password=pw-shop",
    ),
    step("kubectl -n shop apply -f examples/werf/deployment.yaml"),
    Step {
        remark: "The kubelet has no credential for the image:",
        is_done: |printed| ["ErrImagePull", "ImagePullBackOff"].iter().any(|reason| printed.contains(reason)),
        ..step("kubectl -n shop get pods")
    },
    Step {
        remark: "The namespace opts in. A dry run shows what a new Pod gets:",
        ..step("kubectl label namespace shop pullkey.dev/inject=enabled")
    },
    Step {
        // The API server hears of a label a moment later.
        is_done: |printed| printed.contains("registrysecret"),
        ..step(
            "kubectl -n shop run new --image=registry.example.com/shop/backend:2.1.0 --dry-run=server -o jsonpath='{.spec.imagePullSecrets}'",
        )
    },
    step("kubectl -n shop rollout restart deployment/backend"),
    Step {
        remark: "The same Deployment and the same Secret, in a new Pod:",
        // One head, and one Pod: the other has gone.
        is_done: |printed| printed.contains("1/1     Running") && printed.lines().count() == 2,
        ..step("kubectl -n shop get pods")
    },
    Step {
        remark: "Why?",
        ..step("pullkey explain --config examples/werf/config.yaml registry.example.com/shop/backend:2.1.0")
    },
];

/// Types it, and gives what a terminal shows line by line to `show`.
pub(crate) fn tell(world: &World, mut show: impl FnMut(&str)) {
    for Step { remark, command, is_done } in STORY {
        if !remark.is_empty() {
            show(&format!("# {remark}"));
        }
        show(&format!("$ {command}"));
        let printed = until(command, || {
            let mut bash = for_an_operator(Path::new("bash"), &world.cluster);
            bash.args(["-e", "-c", command]).current_dir(world.shipped()).stdin(Stdio::null());
            let output = bash.output().map_err(|error| format!("bash: {error}"))?;
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_good = output.status.success() && is_done(&printed);
            if is_good { Ok(printed) } else { Err(printed + &String::from_utf8_lossy(&output.stderr)) }
        });
        printed.lines().for_each(&mut show);
        show("");
    }
}

/// The same text whatever names and ages the Pods have.
pub(crate) fn masked(text: &str) -> String {
    let is_age = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.ends_with(['s', 'm'])
            && word.chars().all(|letter| letter.is_ascii_digit() || "hms".contains(letter))
    };
    let mask = |word: &str| match word {
        name if name.starts_with("backend-") => "backend-…".to_owned(),
        age if is_age(age) => "…".to_owned(),
        // The kubelet alternates between the two.
        "Init:ImagePullBackOff" => "Init:ErrImagePull".to_owned(),
        other => other.to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(mask).collect::<Vec<_>>().join(" ");
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}
