//! The registration: that there is one, and what it sends.

use super::finding::{Check, Finding};
use super::installation::{Installation, webhook};
use super::seen::Seen;
use crate::cluster::registration::WEBHOOK_NAME;

pub(super) fn examine(installation: &Installation) -> Vec<Finding> {
    let object = format!("MutatingWebhookConfiguration {}", installation.name);
    match &installation.registration {
        Seen::Missing => vec![missing(installation, &object)],
        Seen::Unseen(reason) => {
            let fix = "let somebody run this who may read mutatingwebhookconfigurations";
            vec![Finding::unseen(Check::Registration, &object, reason, fix)]
        }
        Seen::Found(registration) if webhook(registration).is_none() => {
            let problem = format!("it has no webhook {WEBHOOK_NAME}, so that no Pod is sent to pullkey");
            let fix = "install it again: `kubectl apply -k` with your overlay, or `helm upgrade`";
            vec![Finding::problem(Check::Registration, &object, problem, fix)]
        }
        Seen::Found(_) => Vec::new(),
    }
}

fn missing(installation: &Installation, object: &str) -> Finding {
    let has_ours = installation.others.iter().filter(|other| webhook(other).is_some());
    let names: Vec<&str> = has_ours.filter_map(|other| other["metadata"]["name"].as_str()).collect();
    let problem = "there is none of this name, so that no Pod is sent to pullkey";
    let fix = match names.first() {
        Some(name) => format!("name the one that there is: --registration {name}"),
        None => "install pullkey: `kubectl apply -k` with your overlay, or `helm install`".to_owned(),
    };
    Finding::problem(Check::Registration, object, problem, fix)
}
