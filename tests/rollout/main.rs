//! Nothing planned loses a request: rolling restarts, renewals, changed configurations, overload.
//!
//! Two replicas behind a balancer that stands for the Service are asked by a client that has the API server's own
//! transport, and by a real API server. Each trial is a table, printed at the end.
//!
//! ```text
//! make test-rollout                         # the long form, on the release build
//! cargo test --test rollout                 # the short form, as in CI
//! cargo test --test rollout -- overload     # one table
//! ```

#[path = "../support/support.rs"]
#[expect(dead_code, reason = "the trials of tests/apiserver use all of it")]
mod support;

#[path = "../../benches/support/reviews.rs"]
#[expect(dead_code, reason = "the benchmarks use all of it")]
mod reviews;

mod balancer;
mod cases;
mod certificates;
mod client;
mod crash;
mod fleet;
mod noticed;
mod overload;
mod pods;
mod replica;
mod restarts;
mod self_issued;
mod site;
mod table;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use client::Client;
use support::installation::Installation;
use support::outcome::{Outcome, skip};
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};
use world::World;

type Run = fn(&World) -> Result<(), String>;

/// In the order of their tables.
const TRIALS: &[(&str, Run)] = &[
    (
        "the_client_notices_wrong_answers_and_lost_requests",
        noticed::the_client_notices_wrong_answers_and_lost_requests,
    ),
    ("rolling_restarts_lose_no_request", restarts::rolling_restarts_lose_no_request),
    ("pods_are_created_whatever_is_rolled_out", pods::pods_are_created_whatever_is_rolled_out),
    (
        "certificates_renew_themselves_without_a_lost_pod",
        self_issued::certificates_renew_themselves_without_a_lost_pod,
    ),
    ("a_crash_costs_only_what_is_sent_there", crash::a_crash_costs_only_what_is_sent_there),
    ("overload_is_answered_with_503", overload::overload_is_answered_with_503),
];

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        let world = Box::leak(Box::new(World::new(inside)));
        let conclusion = run(|run| {
            run(world)?;
            Ok(Completion::Completed)
        });
        world.print();
        return conclusion.exit_code();
    }

    let arguments = Arguments::from_args();
    let is_asked_for = |trial: &Trial| !arguments.is_filtered_out(trial) && !arguments.is_ignored(trial);
    if arguments.list || !trials(|_| Ok(Completion::Completed)).iter().any(is_asked_for) {
        return run(|_| Ok(Completion::Completed)).exit_code();
    }
    let possible = || -> Result<_, String> {
        Installation::probe()?;
        Client::build()?;
        Ok((Programs::find_or_build()?, Sandbox::probe()?))
    };
    Sandbox::run_inside_or(possible(), |reason| run(move |_| skip(&reason)).exit_code())
}

fn run(how: impl Fn(Run) -> Outcome + Clone + Send + 'static) -> Conclusion {
    let mut arguments = Arguments::from_args();
    // Each loads the machine on purpose.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials(how))
}

fn trials(how: impl Fn(Run) -> Outcome + Clone + Send + 'static) -> Vec<Trial> {
    let trial = |&(name, run): &(&str, Run)| {
        let how = how.clone();
        Trial::ignorable_test(name, move || how(run))
    };
    TRIALS.iter().map(trial).collect()
}
