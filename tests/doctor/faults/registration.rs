//! Faults of the registration.

use serde_json::json;

use crate::patient::Patient;

const OBJECT: &str = "MutatingWebhookConfiguration pullkey";

pub(crate) fn it_is_missing(patient: &Patient) {
    patient.kubectl(&["delete", "mutatingwebhookconfiguration", "pullkey"]);
    let finding = patient.until_named("registration", OBJECT);
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("install")), "{finding}");
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_has_another_name(patient: &Patient) {
    let report = patient.doctor(&["--registration=other"]);
    assert_eq!(report.exit, Some(1));
    assert_eq!(report.findings[0]["fix"], json!("name the one that there is: --registration pullkey"));
}
