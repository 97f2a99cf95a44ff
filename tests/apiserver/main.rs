//! pullkey behind a real API server.
//!
//! The manifests of `deploy/` are applied unchanged to etcd and kube-apiserver, kubectl creates Pods, and what the
//! API server stored is compared with the same Pod in a namespace that did not opt in.
//!
//! ```text
//! cargo test --test apiserver                    # all trials
//! cargo test --test apiserver -- mirror --list   # which are there
//! ```

#[path = "../support/support.rs"]
mod support;

mod audit;
mod canary;
mod containers;
mod down;
mod manifests;
mod operator;
mod other_webhook;
mod pods;
mod readme;
mod scenarios;
mod secrets;
mod selection;
mod workloads;
mod world;
mod writing;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use support::installation::Installation;
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};
use world::World;

type Run = fn(&World);

/// A trial that is named as its function.
macro_rules! named {
    ($($module:ident :: $trial:ident,)*) => { [$((stringify!($trial), $module::$trial as Run),)*] };
}

/// What needs an API server.
const TRIALS: &[(&str, Run)] = &named![
    selection::a_pod_in_an_opted_in_namespace_gets_the_secret,
    selection::both_opt_in_values_work,
    selection::a_pod_in_another_namespace_stays_as_it_is,
    selection::a_pod_opts_out_by_label,
    selection::pullkeys_own_namespace_and_kube_system_cannot_opt_in,
    selection::a_mirror_pod_is_left_alone_and_accepted,
    selection::a_pod_whose_images_match_nothing_stays_as_it_is,
    secrets::existing_secrets_stay_in_front,
    secrets::a_secret_that_is_there_already_is_not_repeated,
    secrets::secrets_of_the_service_account_stay_in_front,
    secrets::a_secret_that_does_not_exist_does_not_keep_the_pod_out,
    secrets::names_for_always_need_no_matching_image,
    containers::an_init_container_counts,
    containers::a_native_sidecar_counts,
    containers::an_image_volume_counts,
    containers::an_image_that_cannot_be_parsed_does_not_keep_the_pod_out,
    containers::secrets_come_in_the_order_of_the_configuration,
    containers::a_debug_container_changes_no_secrets,
    writing::escaped_text_arrives_unchanged,
    writing::null_members_are_as_good_as_absent_ones,
    writing::a_generated_name_works,
    writing::a_pod_of_a_megabyte_passes,
    writing::a_dry_run_shows_the_secret_and_stores_nothing,
    writing::server_side_apply_gets_the_secret_and_can_be_repeated,
    writing::server_side_apply_owns_only_the_names_it_wrote,
    writing::client_side_apply_can_be_repeated,
    writing::a_created_pod_can_still_be_updated,
    other_webhook::a_container_added_afterwards_brings_its_secret,
    other_webhook::a_container_added_from_the_same_registry_repeats_nothing,
    other_webhook::secrets_added_afterwards_stay_and_are_not_repeated,
    down::a_pod_is_refused_with_a_clear_message,
    down::pods_of_other_namespaces_are_created,
    down::pods_of_pullkey_itself_and_of_kube_system_are_created,
    down::pods_that_exist_can_be_changed_debugged_and_deleted,
    down::under_fail_open_a_pod_is_created_without_the_secret,
    audit::the_audit_log_names_what_was_injected,
    scenarios::regcred,
    scenarios::yandex,
    scenarios::tanzu,
    scenarios::replicated,
    scenarios::the_pod_of_the_quick_start,
    manifests::base_is_valid,
    manifests::overlay_files_is_valid,
    manifests::overlay_cert_manager_is_valid,
    manifests::component_opt_out_is_valid,
    manifests::component_fail_open_is_valid,
    manifests::the_overlay_in_the_readme_is_valid,
];

/// What needs the controller manager as well.
const CONTROLLER_TRIALS: &[(&str, Run)] = &named![
    readme::the_commands_of_the_readme_install_and_remove_pullkey,
    readme::the_commands_for_own_certificate_files_never_keep_a_pod_out,
    readme::the_commands_for_cert_manager_work_and_its_renewal_is_no_rollout,
    scenarios::werf,
    workloads::the_pods_of_a_deployment_get_the_secret,
    workloads::the_pods_of_a_deployment_come_once_pullkey_answers,
    workloads::the_shipped_deployment_gets_its_pods_without_pullkey,
];

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        let world = Box::leak(Box::new(World::start(&inside)));
        return run(|run, needs_controllers| {
            if needs_controllers && !world.cluster.has_controllers {
                return skip("there is no kube-controller-manager in the folder of programs");
            }
            run(world);
            Ok(Completion::Completed)
        })
        .exit_code();
    }

    let arguments = Arguments::from_args();
    let is_asked_for = |trial: &Trial| !arguments.is_filtered_out(trial) && !arguments.is_ignored(trial);
    if arguments.list || !trials(|_, _| Ok(Completion::Completed)).iter().any(is_asked_for) {
        return run(|_, _| Ok(Completion::Completed)).exit_code();
    }
    // The programs come first: building them may need the network, and there is none inside.
    let possible = || -> Result<_, String> {
        Installation::probe()?;
        Ok((Programs::find_or_build()?, Sandbox::probe()?))
    };
    match possible() {
        Ok((programs, sandbox)) => sandbox.run_this_program_inside(&programs).unwrap_or_else(|reason| {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }),
        Err(reason) => run(move |_, _| skip(&reason)).exit_code(),
    }
}

type Outcome = Result<Completion, libtest_mimic::Failed>;

fn run(how: impl Fn(Run, bool) -> Outcome + Clone + Send + 'static) -> Conclusion {
    let mut arguments = Arguments::from_args();
    // They share one pullkey, which some of them take down.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials(how))
}

fn trials(how: impl Fn(Run, bool) -> Outcome + Clone + Send + 'static) -> Vec<Trial> {
    let all =
        TRIALS.iter().map(|trial| (trial, false)).chain(CONTROLLER_TRIALS.iter().map(|trial| (trial, true)));
    all.map(|(&(name, run), needs_controllers)| {
        let how = how.clone();
        Trial::ignorable_test(name, move || how(run, needs_controllers))
    })
    .collect()
}

/// Nobody would notice a skipped trial in CI, so there it fails.
fn skip(reason: &str) -> Outcome {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        Err(format!("cannot run, and in CI nothing may be skipped: {reason}").into())
    } else {
        Ok(Completion::ignored_with(reason))
    }
}
