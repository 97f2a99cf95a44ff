//! `pullkey doctor` on a real API server: nothing is said of a healthy installation, and each planted fault is named.
//!
//! The shipped manifests are installed in a cluster that nothing else uses. Each trial breaks one thing, waits until
//! the doctor names it with its object and its fix, mends it, and waits until the doctor finds nothing again.
//!
//! ```text
//! cargo test --test doctor
//! cargo test --test doctor -- registration
//! ```

#[path = "../support/support.rs"]
#[expect(dead_code, reason = "the trials of tests/apiserver use all of it")]
mod support;

mod faults;
mod healthy;
mod patient;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use patient::Patient;
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};

type Run = fn(&Patient);

/// A trial that is named as its function.
macro_rules! named {
    ($($($module:ident)::+ ;)*) => { [$((stringify!($($module)::+), $($module)::+ as Run),)*] };
}

const TRIALS: &[(&str, Run)] = &named![
    healthy::nothing_is_found;
    faults::registration::it_is_missing;
    faults::registration::it_has_another_name;
];

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        let patient: &'static Patient = Box::leak(Box::new(Patient::install(&inside)));
        return run(move |trial| {
            trial(patient);
            Ok(Completion::Completed)
        })
        .exit_code();
    }
    let arguments = Arguments::from_args();
    if arguments.list {
        return run(|_| Ok(Completion::Completed)).exit_code();
    }
    // The programs come first: building them may need the network, and there is none inside.
    let wanted = ["etcd", "kubectl", "kube-apiserver", "kube-controller-manager"];
    let possible =
        || -> Result<_, String> { Ok((Programs::find_or_build_all(&wanted, &wanted)?, Sandbox::probe()?)) };
    match possible() {
        Ok((programs, sandbox)) => sandbox.run_this_program_inside(&programs).unwrap_or_else(|reason| {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }),
        Err(reason) => run(move |_| skip(&reason)).exit_code(),
    }
}

type Outcome = Result<Completion, libtest_mimic::Failed>;

fn run(how: impl Fn(Run) -> Outcome + Clone + Send + 'static) -> Conclusion {
    let mut arguments = Arguments::from_args();
    // They break the same installation.
    arguments.test_threads = Some(1);
    let trials = TRIALS.iter().map(|(name, trial)| {
        let name = name.replace(" :: ", "::");
        let how = how.clone();
        Trial::ignorable_test(name, move || how(*trial))
    });
    libtest_mimic::run(&arguments, trials.collect())
}

/// Nobody would notice a skipped trial in CI, so there it fails.
fn skip(reason: &str) -> Outcome {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        Err(format!("cannot run, and in CI nothing may be skipped: {reason}").into())
    } else {
        Ok(Completion::ignored_with(reason))
    }
}
