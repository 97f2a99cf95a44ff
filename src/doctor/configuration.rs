//! The installed configuration: that it is there, valid, and the one that is meant.

use super::finding::{Check, Finding};
use super::home::{APPLY, Home};
use super::installation::Installation;
use super::seen::Seen;
use crate::engine::config::Config;

pub(super) fn examine(installation: &Installation, home: &Home) -> Vec<Finding> {
    let (Some(mounted), Some(config_map)) = (home.mounted(), &home.config_map) else { return Vec::new() };
    let object = format!("ConfigMap {}/{}", home.namespace, mounted.config_map);
    match config_map {
        Seen::Missing => {
            let problem = "the configuration that the Deployment mounts is not there: no new Pod can start";
            vec![Finding::problem(Check::Configuration, &object, problem, APPLY)]
        }
        Seen::Unseen(reason) => {
            let fix = format!("let somebody run this who may get configmaps in {}", home.namespace);
            vec![Finding::unseen(Check::Configuration, &object, reason, fix)]
        }
        Seen::Found(_) => match home.configuration_text() {
            None => {
                let problem =
                    format!("it has no {:?}, which the Deployment mounts: no new Pod can start", mounted.key);
                vec![Finding::problem(Check::Configuration, &object, problem, APPLY)]
            }
            Some(text) => judge(installation, home, &object, text),
        },
    }
}

fn judge(installation: &Installation, home: &Home, object: &str, text: &str) -> Vec<Finding> {
    let fix = "mend it in your overlay or values, try it with `pullkey check`, and apply it again";
    let warnings = match Config::parse(text) {
        Err(findings) => {
            let problem = |problem| format!("it is not valid, so that no new Pod can start: {problem}");
            let problems = findings.problems.iter().map(problem);
            return problems
                .map(|problem| Finding::problem(Check::Configuration, object, problem, fix))
                .collect();
        }
        Ok((_, warnings)) => warnings,
    };
    let warnings = warnings.iter().map(ToString::to_string);
    let mut findings: Vec<Finding> =
        warnings.map(|warning| Finding::warning(Check::Configuration, object, warning, fix)).collect();
    if let (Some(meant), Some(installed)) = (&installation.meant, &home.configuration_hash)
        && meant.hash != *installed
    {
        let problem =
            format!("it is not that of --config: its hash is {installed}, that of the file {}", meant.hash);
        findings.push(Finding::warning(Check::ConfigurationMeant, object, problem, APPLY));
    }
    findings
}
