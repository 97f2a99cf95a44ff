//! What the documentation says about the kubelet, asked of the kubelet's own code. Where one of
//! these fails after an update of Kubernetes, the documentation has to change too.

use serde::Deserialize;
use serde_json::{Value, json};

use super::process::Oracle;

#[derive(Debug, Deserialize)]
struct KeyAnswer {
    matches: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
struct SecretsAnswer {
    credentials: Option<Vec<Credential>>,
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Credential {
    username: String,
    secret: String,
}

#[test]
fn kubelet_keys_match_as_documented() {
    let Some(oracle) = Oracle::build_or_skip("what the documentation says of credential keys") else {
        return;
    };
    let facts = [
        // A path is a prefix of bytes, not of segments.
        ("registry.example.com/team-a", "registry.example.com/team-a/app", true),
        ("registry.example.com/team-a", "registry.example.com/team-abc/app", true),
        ("registry.example.com/team-a/", "registry.example.com/team-a/app", true),
        ("registry.example.com/team-a/", "registry.example.com/team-a", false),
        // Tags, digests, and globs outside the host never match.
        ("registry.example.com/app:1", "registry.example.com/app:1", false),
        ("registry.example.com/*", "registry.example.com/app", false),
        ("registry.example.com:*", "registry.example.com:5000/app", false),
        // A star stays inside one label.
        ("*.example.com", "registry.example.com/app", true),
        ("*.example.com", "example.com/app", false),
        ("*.example.com", "eu.registry.example.com/app", false),
        // Docker Hub is docker.io.
        ("docker.io", "nginx", true),
        ("docker.io/library", "nginx", true),
        ("*.io", "nginx", true),
        ("*.docker.io", "nginx", false),
        ("registry-1.docker.io", "nginx", false),
        ("hub.docker.com", "nginx", false),
        // The keys that `docker login` writes are a case of their own.
        ("https://index.docker.io/v1/", "nginx", true),
        ("https://index.docker.io/v2/", "nginx", true),
        ("index.docker.io", "nginx", true),
        ("https://index.docker.io/v1", "nginx", false),
        ("https://index.docker.io/v1/access-token", "nginx", false),
        ("index.docker.io:443", "nginx", false),
        ("https://index.docker.io/v1/", "localhost/app", true),
        ("https://index.docker.io/v1/", "MyReg/app", true),
        ("docker.io", "localhost/app", false),
        // Ports compare as text.
        ("registry.example.com:443", "registry.example.com/app", false),
        ("registry.example.com:05000", "registry.example.com:5000/app", false),
        ("localhost", "localhost:5000/app", false),
        // Hosts compare with their case.
        ("Registry.example.com", "registry.example.com/app", false),
        ("INDEX.docker.io", "INDEX.docker.io/app", true),
        // The first v1/ or v2/ of a path is cut off.
        ("registry.example.com/v1/app", "registry.example.com/app", true),
        ("registry.example.com/v1/app", "registry.example.com/v1/app", false),
        ("registry.example.com/v1", "registry.example.com/v1/app", true),
        // An IPv6 host matches itself only with a port, and only if it is an address.
        ("[::1]:5000", "[::1]:5000/app", true),
        ("[::1]:5000", "[0::1]:5000/app", false),
        ("[::1]", "[::1]/app", false),
        ("[abc]:5000", "[abc]:5000/app", false),
        ("*:5000", "[::1]:5000/app", true),
        // Without a known scheme there is none.
        ("docker://registry.example.com", "registry.example.com/app", false),
        ("HTTPS://registry.example.com", "registry.example.com/app", false),
        // An underscore in the host hides the domain from the grammar, not from the keyring.
        ("my_reg.example.com", "my_reg.example.com/app", true),
    ];
    let questions: Vec<Value> =
        facts.iter().map(|(key, image, _)| json!({ "key": key, "image": image })).collect();
    let answers: Vec<KeyAnswer> = oracle.ask(&questions);
    for ((key, image, matches), answer) in facts.iter().zip(answers) {
        assert_eq!(answer.matches, *matches, "key {key}, image {image}");
    }
}

#[test]
fn several_secrets_work_together_as_documented() {
    let Some(oracle) = Oracle::build_or_skip("what the documentation says of several Secrets") else {
        return;
    };
    let hub = || secret("hub", &json!({ "https://index.docker.io/v1/": login("hub-user") }));
    let facts = [
        // A longer path comes first, an exact host before a glob, whatever the order of the names.
        (
            vec![
                secret("glob", &json!({ "*.io": login("glob") })),
                secret("host", &json!({ "quay.io": login("host") })),
                secret("path", &json!({ "quay.io/team": login("path") })),
                secret("path-of-glob", &json!({ "*.io/team": login("path-of-glob") })),
            ],
            "quay.io/team/app",
            Ok(vec!["path", "host", "path-of-glob", "glob"]),
        ),
        // Under one key they come in the order of the names.
        (
            vec![
                secret("second", &json!({ "quay.io": login("second") })),
                secret("first", &json!({ "https://quay.io/v2/": login("first") })),
            ],
            "quay.io/app",
            Ok(vec!["second", "first"]),
        ),
        // The key that `docker login` writes is only a last resort: any other match hides it.
        (
            vec![hub(), secret("mine", &json!({ "docker.io/mine": login("mine") }))],
            "mine/app",
            Ok(vec!["mine"]),
        ),
        (
            vec![hub(), secret("mine", &json!({ "docker.io/mine": login("mine") }))],
            "nginx",
            Ok(vec!["hub-user"]),
        ),
        // An entry with a token only is an empty credential, and still a match.
        (vec![secret("token", &json!({ "quay.io": { "identitytoken": "t" } }))], "quay.io/app", Ok(vec![""])),
        // One malformed Secret breaks the look-up of every image.
        (
            vec![secret("bad", &json!({ "quay.io": { "auth": "!" } })), hub()],
            "nginx",
            Err("illegal base64 data at input byte 0"),
        ),
        // What is no pull secret is passed over in silence.
        (vec![json!({ "metadata": { "name": "opaque" }, "type": "Opaque" })], "nginx", Ok(vec![])),
    ];
    let questions: Vec<Value> =
        facts.iter().map(|(secrets, image, _)| json!({ "secrets": secrets, "image": image })).collect();
    let answers: Vec<SecretsAnswer> = oracle.ask(&questions);
    for ((_, image, expected), answer) in facts.iter().zip(answers) {
        let found = match (&answer.error, &answer.credentials) {
            (Some(error), _) => Err(error.as_str()),
            (None, credentials) => {
                Ok(credentials.iter().flatten().map(|found| found.username.as_str()).collect())
            }
        };
        assert_eq!(&found, expected, "image {image}: {answer:?}");
    }
}

#[test]
fn patches_are_applied_as_documented() {
    let Some(oracle) = Oracle::build_or_skip("what the documentation says of JSON patches") else { return };
    let append = json!([{ "op": "add", "path": "/spec/imagePullSecrets/-", "value": { "name": "b" } }]);
    let whole = json!([{ "op": "add", "path": "/spec/imagePullSecrets", "value": [{ "name": "b" }] }]);
    let with = |secrets: Value| json!({ "spec": { "imagePullSecrets": secrets } });
    let facts = [
        (with(json!([{ "name": "a" }])), &append, Some(with(json!([{ "name": "a" }, { "name": "b" }])))),
        (with(json!([])), &append, Some(with(json!([{ "name": "b" }])))),
        (json!({ "spec": {} }), &append, None),
        (with(Value::Null), &append, None),
        (json!({ "spec": {} }), &whole, Some(with(json!([{ "name": "b" }])))),
        (with(Value::Null), &whole, Some(with(json!([{ "name": "b" }])))),
        (with(json!([{ "name": "a" }])), &whole, Some(with(json!([{ "name": "b" }])))),
    ];
    let questions: Vec<Value> =
        facts.iter().map(|(document, patch, _)| json!({ "document": document, "patch": patch })).collect();
    let answers: Vec<Value> = oracle.ask(&questions);
    for ((document, patch, expected), answer) in facts.iter().zip(answers) {
        assert_eq!(answer.get("document"), expected.as_ref(), "{patch} on {document}: {answer}");
    }
}

fn login(username: &str) -> Value {
    json!({ "username": username, "password": "password" })
}

fn secret(name: &str, auths: &Value) -> Value {
    use base64::Engine as _;
    let config = json!({ "auths": auths }).to_string();
    json!({
        "metadata": { "name": name },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": base64::engine::general_purpose::STANDARD.encode(config) },
    })
}
