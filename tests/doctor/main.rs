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
mod large;
mod other_webhook;
mod patient;
mod selectors;
mod tenants;
mod variants;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

use patient::Patient;
use support::outcome::{Outcome, skip};
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};

type Run = fn(&Patient);

/// A trial that is named as its function.
macro_rules! named {
    ($($($module:ident)::+ ;)*) => { [$((stringify!($($module)::+), $($module)::+ as Run),)*] };
}

const TRIALS: &[(&str, Run)] = &named![
    healthy::nothing_is_found;
    variants::every_namespace_is_open;
    variants::the_rights_that_are_shipped_are_enough;
    variants::conditions_on_images_keep_others_away;
    large::the_first_few_are_shown_and_the_others_counted;
    selectors::they_are_read_as_the_api_server_reads_them;
    faults::registration::it_is_missing;
    faults::registration::it_has_another_name;
    faults::registration::its_rules_do_not_cover_pods;
    faults::registration::its_rules_send_too_much;
    faults::registration::it_can_be_sent_what_it_depends_on;
    faults::registration::pods_cannot_opt_out;
    faults::registration::its_timeout_is_not_sensible;
    faults::registration::it_speaks_another_version;
    faults::registration::it_does_not_look_again;
    faults::registration::it_leads_to_another_path;
    faults::registration::it_is_sent_mirror_pods;
    faults::registration::its_condition_is_of_another_configuration;
    faults::configuration::it_is_missing;
    faults::configuration::its_key_is_missing;
    faults::configuration::it_is_not_valid;
    faults::configuration::it_has_a_warning;
    faults::configuration::it_was_changed_in_place;
    faults::configuration::it_is_not_the_one_that_is_meant;
    faults::service::it_is_missing;
    faults::service::it_has_another_port;
    faults::service::it_lacks_one_of_its_ports;
    faults::service::it_leads_to_a_port_that_no_container_has;
    faults::service::it_leads_to_a_port_where_nobody_listens;
    faults::service::it_selects_nothing;
    faults::service::it_also_selects_somebody_else;
    faults::service::somebody_else_has_the_labels_of_its_pods;
    faults::service::it_has_no_endpoint;
    faults::replicas::there_is_no_deployment;
    faults::replicas::there_are_none;
    faults::replicas::there_is_one;
    faults::replicas::a_rollout_stalls;
    faults::replicas::a_rollout_stalls_at_its_configuration;
    faults::replicas::one_cannot_pull_its_image;
    faults::replicas::one_is_not_made;
    faults::replicas::all_are_on_one_node;
    faults::replicas::they_are_of_different_versions;
    faults::replicas::they_do_not_opt_out;
    faults::replicas::they_are_killed_while_they_drain;
    faults::certificate::the_bundle_is_empty;
    faults::certificate::the_bundle_is_no_certificate;
    faults::certificate::the_bundle_lacks_a_line_end;
    faults::certificate::the_bundle_is_too_long;
    faults::certificate::one_is_not_trusted;
    faults::certificate::none_is_trusted;
    faults::certificate::it_is_for_another_name;
    faults::certificate::it_is_not_renewed;
    faults::around::nobody_limits_a_drain;
    faults::around::a_drain_never_ends;
    faults::around::nobody_may_connect;
    faults::around::policies_add_up;
    faults::labels::a_namespace_has_a_key_that_is_nearly_right;
    faults::labels::a_namespace_has_a_value_that_is_nearly_right;
    faults::labels::a_namespace_has_a_value_that_says_nothing;
    faults::labels::the_label_of_a_namespace_is_an_annotation;
    faults::labels::namespaces_that_are_never_sent_are_opted_in;
    faults::labels::no_namespace_is_opted_in;
    faults::labels::the_label_stands_on_a_workload_instead_of_its_namespace;
    faults::labels::a_pod_that_meant_to_opt_out_is_injected;
    faults::secrets::it_is_missing;
    faults::secrets::a_secret_that_no_pod_needs_is_not_missed;
    faults::secrets::it_is_wrong_before_any_pod_needs_it;
    faults::secrets::it_is_of_a_type_that_the_kubelet_passes_over;
    faults::secrets::it_has_its_credentials_under_another_key;
    faults::secrets::it_cannot_be_read;
    faults::secrets::it_is_for_another_registry;
    faults::secrets::its_key_of_docker_hub_lacks_the_slash;
    faults::secrets::its_entry_has_no_login;
    faults::secrets::another_secret_hides_it;
    faults::secrets::it_may_not_be_read;
    faults::secrets::what_cannot_be_a_secret_is_passed_over;
    faults::secrets::the_right_to_one_secret_by_name_is_enough;
    faults::pods::one_is_older_than_the_label;
    faults::pods::one_that_lacks_a_secret_cannot_pull;
    faults::pods::one_that_lacks_nothing_cannot_pull;
    faults::rivals::a_webhook_replaces_the_list;
    faults::rivals::a_policy_replaces_the_list;
    faults::rivals::a_policy_adds_to_the_list;
    faults::rivals::kyverno_writes_the_list;
    faults::rivals::gatekeeper_writes_the_list;
    faults::rivals::another_pullkey_is_asked_about_the_same_pods;
    faults::probe::no_replica_answers;
    faults::probe::pods_slip_through_where_nobody_answers;
    faults::probe::the_registration_leads_nowhere;
    faults::probe::the_certificate_is_not_trusted;
    faults::probe::somebody_else_refuses;
    faults::probe::another_webhook_never_answers;
    faults::probe::the_strictest_level_admits_it;
    faults::probe::the_user_may_create_no_pods;
    faults::probe::whoever_may_see_little_is_told_what_he_missed;
    faults::probe::whoever_is_not_known_sees_no_report;
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
    let wanted = ["etcd", "kubectl", "kube-apiserver", "kube-controller-manager"];
    let possible =
        || -> Result<_, String> { Ok((Programs::find_or_build_all(&wanted, &wanted)?, Sandbox::probe()?)) };
    Sandbox::run_inside_or(possible(), |reason| run(move |_| skip(&reason)).exit_code())
}

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
