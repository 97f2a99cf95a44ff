//! A real node pulls: kubelet, containerd and a registry that asks for passwords, with pullkey as a Deployment in front.
//!
//! An admission test shows that a name was injected; this shows that the image arrives on the node. Everything is
//! created at once and then watched; each trial is a row of the table that is printed at the end.
//!
//! ```text
//! make test-node                                            # builds what it needs and prints the table
//! make demo                                                 # the story in a terminal
//! PULLKEY_PROGRAM=$(tests/static-binary) cargo test --test node -- tanzu
//! ```

#[path = "../support/support.rs"]
#[expect(dead_code, reason = "the trials of tests/apiserver use all of it")]
mod support;

#[path = "../rollout/table.rs"]
#[expect(dead_code, reason = "the trials of tests/rollout use all of it")]
mod table;

mod cases;
mod demo;
mod everywhere;
mod image;
mod node;
mod objects;
mod pages;
mod place;
mod pods;
mod registry;
mod release;
mod scenarios;
mod world;

use std::env;
use std::process::{ExitCode, Stdio};

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use cases::CASES;
use place::Cgroups;
use support::outcome::{Outcome, skip};
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};
use support::script::script;
use world::World;

/// Makes what a node needs besides Kubernetes.
const BUILD: &str = "tests/node/build";

/// Programs of the machine, and the Debian packages that `tests/prepare` installs for them.
const COMMANDS: &[(&str, &str)] = &[
    ("cc", "gcc"),
    ("docker-registry", "docker-registry"),
    ("flock", "util-linux"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("runc", "runc"),
    ("unshare", "util-linux"),
];

/// All of Kubernetes.
const PROGRAMS: &[&str] =
    &["etcd", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];

/// What holds for all rows together.
const ABOUT_ALL: &[About] = &[
    ("no_step_failed", World::no_step_failed),
    ("readme_shows_every_case", |_| pages::readme_shows_every_case()),
    ("readme_shows_the_demo", pages::readme_shows_the_demo),
    ("troubleshooting_quotes_what_the_kubelet_prints", pages::troubleshooting_quotes_what_the_kubelet_prints),
];

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        return inside_the_sandbox(&inside);
    }
    let arguments = Arguments::from_args();
    let is_asked_for = |trial: &Trial| !arguments.is_filtered_out(trial) && !arguments.is_ignored(trial);
    if arguments.list || !trials(|_| Ok(Completion::Completed)).iter().any(is_asked_for) {
        return run(|_| Ok(Completion::Completed)).exit_code();
    }
    match possible()
        .and_then(|(programs, sandbox)| Cgroups::make()?.run_this_program_inside(&sandbox, &programs))
    {
        Ok(code) => code,
        Err(reason) if is_demo() => {
            eprintln!("the demo cannot run here: {reason}");
            ExitCode::FAILURE
        }
        Err(reason) => run(move |_| skip(&reason)).exit_code(),
    }
}

/// All that needs the network, or the machine itself; or what is missing.
fn possible() -> Result<(Programs, Sandbox), String> {
    if let Some(missing) = place::missing_command(COMMANDS) {
        return Err(missing);
    }
    let sandbox = Cgroups::probe()?;
    release::probe()?;
    let status = script(BUILD).stdout(Stdio::null()).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!("{BUILD} failed"));
    }
    Ok((Programs::find_or_build_all(PROGRAMS, PROGRAMS)?, sandbox))
}

fn inside_the_sandbox(inside: &Inside) -> ExitCode {
    let world: &'static World = Box::leak(Box::new(World::start(inside)));
    if is_demo() {
        demo::tell(world, |line| println!("{line}"));
        return ExitCode::SUCCESS;
    }
    world.judge();
    let conclusion = run(|check| check(world).map(|()| Completion::Completed).map_err(Into::into));
    world.print();
    conclusion.exit_code()
}

/// Whether the story is told in place of the trials.
fn is_demo() -> bool {
    env::var_os("PULLKEY_NODE").is_some_and(|form| form == "demo")
}

type About = (&'static str, fn(&World) -> Verdict);
type Verdict = Result<(), String>;
type Check = Box<dyn Fn(&World) -> Verdict + Send>;

fn run(how: impl Fn(Check) -> Outcome + Clone + Send + 'static) -> Conclusion {
    libtest_mimic::run(&Arguments::from_args(), trials(how))
}

fn trials(how: impl Fn(Check) -> Outcome + Clone + Send + 'static) -> Vec<Trial> {
    let rows = CASES.iter().map(|case| {
        let check: Check = Box::new(|world| world.verdict(case));
        (case.name, check)
    });
    let about_all = ABOUT_ALL.iter().map(|&(name, check)| {
        let check: Check = Box::new(check);
        (name, check)
    });
    let trial = |(name, check): (&str, Check)| {
        let how = how.clone();
        Trial::ignorable_test(name, move || how(check))
    };
    rows.chain(about_all).map(trial).collect()
}
