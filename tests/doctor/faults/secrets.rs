//! Secrets that do not serve the images for which pullkey names them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::patient::Patient;
use crate::tenants::{Namespace, pod};

const HUB: &str = "https://index.docker.io/v1/";

/// All that is needed to know which Secrets are.
const RIGHTS: [(&str, &str); 3] = [
    ("get,list", "namespaces,pods,configmaps"),
    ("get,list", "deployments.apps,statefulsets.apps,daemonsets.apps,cronjobs.batch"),
    ("get,list", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
];

/// A namespace that is sent, with a Pod of this image.
fn with_pod<'p>(patient: &'p Patient, image: &str) -> Namespace<'p> {
    let namespace = Namespace::sent(patient);
    patient.create(&namespace.name, &pod("web", image));
    namespace
}

/// A pull secret with this text in it.
fn secret(patient: &Patient, namespace: &str, name: &str, content: &Value) {
    let data = STANDARD.encode(content.to_string());
    patient.create(
        namespace,
        &json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": data},
        }),
    );
}

fn login() -> Value {
    json!({"auth": STANDARD.encode("shop:pw-shop")})
}

/// Waits for the finding, and looks that it tells no credential.
#[track_caller]
fn named(patient: &Patient, check: &str, namespace: &str, name: &str) -> Value {
    let finding = patient.until_named(check, &format!("Secret {namespace}/{name}"));
    let said = finding.to_string();
    assert!(!said.contains("pw-shop") && !said.contains(&STANDARD.encode("shop:pw-shop")), "{said}");
    finding
}

/// Carries the fix out with a user and a password, and waits until all is well.
#[track_caller]
fn mended(patient: &Patient, finding: &Value) {
    let fix = finding["fix"].as_str().unwrap_or_default();
    patient.shell(&fix.replace("USER", "shop").replace("PASSWORD", "pw-shop"));
    patient.until_healthy();
}

pub(crate) fn it_is_missing(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let finding = named(patient, "secret-missing", &namespace.name, "registrysecret");
    assert_eq!(finding["severity"], "problem", "{finding}");
    mended(patient, &finding);
}

pub(crate) fn a_secret_that_no_pod_needs_is_not_missed(patient: &Patient) {
    let namespace = with_pod(patient, "quay.io/public/web");
    patient.until_healthy();
    assert!(!namespace.name.is_empty());
}

pub(crate) fn it_is_of_a_type_that_the_kubelet_passes_over(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let arguments = ["create", "secret", "generic", "registrysecret", "-n", &namespace.name];
    patient.kubectl(&[&arguments[..], &["--from-literal=.dockerconfigjson={}"]].concat());
    let finding = named(patient, "secret-ignored", &namespace.name, "registrysecret");
    assert_eq!(finding["severity"], "problem", "{finding}");
    mended(patient, &finding);
}

pub(crate) fn it_has_its_credentials_under_another_key(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let arguments = ["create", "secret", "generic", "registrysecret", "-n", &namespace.name];
    patient.kubectl(&[&arguments[..], &["--from-literal=config.json={}"]].concat());
    let finding = named(patient, "secret-ignored", &namespace.name, "registrysecret");
    mended(patient, &finding);
}

pub(crate) fn it_cannot_be_read(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let content = json!({"auths": {"registry.example.com": {"auth": "pw-shop without base64"}}});
    secret(patient, &namespace.name, "registrysecret", &content);
    let finding = named(patient, "secret-malformed", &namespace.name, "registrysecret");
    assert_eq!(finding["severity"], "problem", "{finding}");
    patient.kubectl(&["delete", "secret", "registrysecret", "-n", &namespace.name]);
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    patient.until_healthy();
}

pub(crate) fn it_is_for_another_registry(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.org");
    let finding = named(patient, "secret-registry", &namespace.name, "registrysecret");
    assert_eq!(finding["severity"], "problem", "{finding}");
    assert!(finding.to_string().contains("registry.example.org"), "{finding}");
    mended(patient, &finding);
}

pub(crate) fn its_key_of_docker_hub_lacks_the_slash(patient: &Patient) {
    let namespace = with_pod(patient, "janedoe/web");
    let content = json!({"auths": {"https://index.docker.io/v1": login()}});
    secret(patient, &namespace.name, "regcred", &content);
    let finding = named(patient, "secret-registry", &namespace.name, "regcred");
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains(HUB)), "{finding}");
    patient.kubectl(&["delete", "secret", "regcred", "-n", &namespace.name]);
    patient.make_secret(&namespace.name, "regcred", HUB);
    patient.until_healthy();
}

pub(crate) fn its_entry_has_no_login(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let content = json!({"auths": {"registry.example.com": {"identitytoken": "pw-shop"}}});
    secret(patient, &namespace.name, "registrysecret", &content);
    let finding = named(patient, "secret-login", &namespace.name, "registrysecret");
    assert_eq!(finding["severity"], "problem", "{finding}");
    mended(patient, &finding);
}

pub(crate) fn another_secret_hides_it(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let mut web = pod("web", "janedoe/web");
    web["spec"]["imagePullSecrets"] = json!([{"name": "mirror"}]);
    patient.create(&namespace.name, &web);
    patient.make_secret(&namespace.name, "regcred", HUB);
    secret(patient, &namespace.name, "mirror", &json!({"auths": {"docker.io": login()}}));
    let finding = named(patient, "secret-shadowed", &namespace.name, "regcred");
    assert_eq!(finding["severity"], "warning", "{finding}");
    assert!(finding.to_string().contains("mirror"), "{finding}");
    patient.kubectl(&["delete", "secret", "mirror", "-n", &namespace.name]);
    patient.make_secret(&namespace.name, "mirror", HUB);
    patient.until_healthy();
}

pub(crate) fn it_may_not_be_read(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    let guest = patient.guest(&RIGHTS);
    let report = patient.doctor(&[&guest, "--secrets"]);
    let object = format!("Secret {}/registrysecret", namespace.name);
    let finding = report.findings.iter().find(|one| one["object"] == object.as_str());
    let finding = finding.unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!((&finding["severity"], &finding["check"]), (&json!("unseen"), &json!("secret-missing")));
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("get secrets")), "{finding}");
    let asked = patient.doctor(&["--secrets"]);
    assert_eq!(asked.findings, Vec::<Value>::new());
}

pub(crate) fn the_right_to_one_secret_by_name_is_enough(patient: &Patient) {
    let namespace = with_pod(patient, "registry.example.com/web");
    let guest = patient.guest(&RIGHTS);
    let account = guest.rsplit('/').next().unwrap_or_default();
    let role = ["create", "role", "one-secret", "-n", &namespace.name, "--verb=get", "--resource=secrets"];
    patient.kubectl(&[&role[..], &["--resource-name=registrysecret"]].concat());
    let account = format!("--serviceaccount=default:{account}");
    let binding =
        ["create", "rolebinding", "one-secret", "-n", &namespace.name, "--role=one-secret", &account];
    patient.kubectl(&binding);
    let report = patient.doctor(&[&guest, "--secrets", "--namespace", &namespace.name]);
    let object = format!("Secret {}/registrysecret", namespace.name);
    let named = report.findings.iter().find(|finding| finding["object"] == object.as_str());
    let named = named.unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!((&named["severity"], &named["check"]), (&json!("problem"), &json!("secret-missing")));
}

pub(crate) fn it_is_wrong_before_any_pod_needs_it(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    patient.until_healthy();
    let arguments = ["create", "secret", "generic", "regcred", "-n", &namespace.name];
    patient.kubectl(&[&arguments[..], &["--from-literal=.dockerconfigjson={}"]].concat());
    let finding = named(patient, "secret-ignored", &namespace.name, "regcred");
    assert_eq!(finding["severity"], "warning", "{finding}");
    for (check, content) in [
        ("secret-registry", json!({"auths": {"quay.io": login()}})),
        ("secret-registry", json!({"auths": {}})),
        ("secret-malformed", json!({"auths": {HUB: {"auth": "no colon"}}})),
    ] {
        patient.kubectl(&["delete", "secret", "regcred", "-n", &namespace.name]);
        secret(patient, &namespace.name, "regcred", &content);
        named(patient, check, &namespace.name, "regcred");
    }
    patient.kubectl(&["delete", "secret", "regcred", "-n", &namespace.name]);
    secret(patient, &namespace.name, "regcred", &json!({"auths": {HUB: login()}}));
    patient.until_healthy();
}

pub(crate) fn what_cannot_be_a_secret_is_passed_over(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let mut web = pod("web", "registry.example.com/web");
    // The API server takes any text there.
    web["spec"]["imagePullSecrets"] = json!([{"name": "a b"}, {"name": "x?watch=true"}, {"name": "../../x"}]);
    patient.create(&namespace.name, &web);
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    patient.until_healthy();
}
