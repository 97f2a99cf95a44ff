//! pullkey behind a real API server.
//!
//! The manifests of `deploy/` are applied unchanged to etcd and kube-apiserver, kubectl creates Pods, and what the
//! API server stored is compared with the same Pod in a namespace that did not opt in.
//!
//! ```text
//! cargo test --test apiserver                    # all trials
//! cargo test --test apiserver -- mirror --list   # which are there
//! ```

#[path = "../support/trusting.rs"]
mod trusting;

#[path = "../support/support.rs"]
mod support;

mod audit;
mod beside;
mod by_url;
mod canary;
mod certificates;
mod chart;
mod conditions;
mod containers;
mod down;
mod elsewhere;
mod init;
mod injector;
mod manifests;
mod missed;
mod monitoring;
mod moving;
mod operator;
mod other_webhook;
mod pods;
mod readme;
mod replicas;
mod rights;
mod scenarios;
mod secrets;
mod selection;
mod steady;
mod values;
mod workloads;
mod world;
mod writing;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use beside::Beside;
use support::farewell::assert_all_ended_well;
use support::installation::Installation;
use support::outcome::{Outcome, skip};
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};
use world::World;

type Run = fn(&'static World);

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
    init::init_makes_a_configuration_of_the_secrets_in_a_cluster,
    init::init_tells_which_registries_of_pods_have_a_secret,
    init::init_says_which_right_is_missing,
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
    by_url::a_registration_with_a_url_works,
    conditions::only_pods_with_an_image_that_could_match_are_sent,
    audit::the_audit_log_names_what_was_injected,
    monitoring::the_api_server_counts_what_the_alerts_read,
    scenarios::regcred,
    scenarios::yandex,
    scenarios::tanzu,
    scenarios::replicated,
    scenarios::the_pod_of_the_quick_start,
    manifests::base_is_valid,
    manifests::the_default_is_valid,
    manifests::overlay_files_is_valid,
    manifests::overlay_cert_manager_is_valid,
    manifests::component_opt_out_is_valid,
    manifests::component_fail_open_is_valid,
    manifests::component_monitoring_is_valid,
    manifests::the_overlay_in_the_readme_is_valid,
    values::generated_values_are_refused_or_render_what_the_api_server_takes,
    rights::pullkeys_account_may_change_the_bundle_and_its_own_annotations_only,
    rights::pullkeys_account_has_this_one_right,
];

/// What needs the controller manager as well.
const CONTROLLER_TRIALS: &[(&str, Run)] = &named![
    rights::the_policy_has_no_mistake_in_its_types,
    readme::the_commands_of_the_readme_install_and_remove_pullkey,
    readme::the_commands_for_own_certificate_files_never_keep_a_pod_out,
    readme::the_commands_for_cert_manager_work_and_its_renewal_is_no_rollout,
    moving::from_the_default_to_own_files_and_back_no_pod_is_kept_out,
    moving::from_the_default_to_cert_manager_and_back_no_pod_is_kept_out,
    scenarios::werf,
    chart::helm_installs_upgrades_rolls_back_and_removes_without_a_refused_pod,
    workloads::the_pods_of_a_deployment_get_the_secret,
    workloads::the_pods_of_a_deployment_come_once_pullkey_answers,
    workloads::the_shipped_deployment_gets_its_pods_without_pullkey,
];

/// What needs the controller manager and has an installation of its own; it runs beside the others.
const TRIALS_BESIDE: &[(&str, Run)] = &named![
    certificates::applying_again_keeps_the_bundle,
    certificates::a_killed_container_comes_back_with_its_certificate,
    certificates::a_changed_bundle_is_put_right,
    certificates::a_registration_that_goes_away_and_comes_back_is_published_to,
    certificates::a_missing_right_is_named,
    missed::an_update_that_the_api_server_missed_is_healed,
    replicas::renewals_keep_no_pod_out,
    replicas::twenty_replicas_at_one_instant_converge,
];

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        let world: &'static World = Box::leak(Box::new(World::start(&inside)));
        let beside: Vec<_> = if world.cluster.has_controllers {
            TRIALS_BESIDE.iter().copied().filter(|(name, _)| is_asked_for(name)).collect()
        } else {
            Vec::new()
        };
        let beside = Arc::new(Beside::start(world, beside));
        return run(move |name, how| {
            if !matches!(how, How::Here(_)) && !world.cluster.has_controllers {
                return skip("there is no kube-controller-manager in the folder of programs");
            }
            match how {
                How::Here(run) | How::WithControllers(run) => run(world),
                How::Beside => beside.outcome(name)?,
            }
            Ok(Completion::Completed)
        })
        .exit_code();
    }

    let names = [TRIALS, CONTROLLER_TRIALS, TRIALS_BESIDE].into_iter().flatten().map(|(name, _)| name);
    if Arguments::from_args().list || !names.into_iter().any(|name| is_asked_for(name)) {
        return run(|_, _| Ok(Completion::Completed)).exit_code();
    }
    let possible = || -> Result<_, String> {
        Installation::probe()?;
        Ok((Programs::find_or_build()?, Sandbox::probe()?))
    };
    Sandbox::run_inside_or(possible(), |reason| run(move |_, _| skip(&reason)).exit_code())
}

/// How a trial is run.
#[derive(Clone, Copy, Debug)]
enum How {
    Here(Run),
    WithControllers(Run),
    Beside,
}

fn is_asked_for(name: &str) -> bool {
    let arguments = Arguments::from_args();
    let trial = Trial::test(name, || Ok(()));
    !arguments.is_filtered_out(&trial) && !arguments.is_ignored(&trial)
}

fn run(how: impl Fn(&'static str, How) -> Outcome + Clone + Send + 'static) -> Conclusion {
    let mut arguments = Arguments::from_args();
    // They share one pullkey, which some of them take down.
    arguments.test_threads = Some(1);
    let here = TRIALS.iter().map(|(name, run)| (*name, How::Here(*run)));
    let with_controllers = CONTROLLER_TRIALS.iter().map(|(name, run)| (*name, How::WithControllers(*run)));
    let beside = TRIALS_BESIDE.iter().map(|(name, _)| (*name, How::Beside));
    let trials = here.chain(with_controllers).chain(beside).chain([(FAREWELL, How::Here(farewell))]);
    let trials = trials.map(|(name, run)| {
        let how = how.clone();
        Trial::ignorable_test(name, move || how(name, run))
    });
    libtest_mimic::run(&arguments, trials.collect())
}

/// The last, because it waits for what those before set off.
const FAREWELL: &str = "every_replica_that_was_told_to_end_has_ended_well";

fn farewell(_: &'static World) {
    println!("{} replicas were told to end", assert_all_ended_well());
}
