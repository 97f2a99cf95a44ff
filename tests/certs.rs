//! The scripts in `certs/`, run as an operator runs them, with the real openssl.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of its own for what the scripts write.
struct Scripts {
    folder: TempDir,
}

impl Scripts {
    /// Where openssl is missing, it says so and returns nothing; in CI it fails instead.
    fn or_skip(test: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(
                env::var_os("CI").is_none_or(|ci| ci.is_empty()),
                "no openssl; in CI nothing may be skipped"
            );
            // Past the test harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: openssl is not installed");
            return None;
        }
        Some(Self { folder: TempDir::new().expect("a temporary folder can be made") })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn make_certs(&self, arguments: &[&str]) -> Output {
        let (out, ca_out) = (self.path("out"), self.path("ca"));
        script("make-certs", &[&["--out", &out, "--ca-out", &ca_out], arguments].concat(), None)
    }

    /// What openssl says about the certificate that is served, for a client that trusts the CA.
    fn verify(&self, host: &str) -> Output {
        Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", host])
            .args(["-CAfile", &self.path("ca/ca.crt"), &self.path("out/tls.crt")])
            .output()
            .expect("openssl starts")
    }
}

fn script(name: &str, arguments: &[&str], kubectl: Option<&Path>) -> Output {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("certs").join(name));
    command.args(arguments).env_remove("KUBECTL");
    if let Some(kubectl) = kubectl {
        command.env("KUBECTL", kubectl);
    }
    command.output().expect("the script starts")
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The message of a wrong use: exit code 2, nothing on standard output.
#[track_caller]
fn refuses(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{message}");
    message
}

#[test]
fn the_certificate_is_for_the_name_that_the_api_server_asks_for() {
    let Some(scripts) = Scripts::or_skip("certs: names") else { return };
    succeeds(&scripts.make_certs(&[]));
    succeeds(&scripts.verify("pullkey.pullkey-system.svc"));
    succeeds(&scripts.verify("pullkey.pullkey-system.svc.cluster.local"));
    assert!(!scripts.verify("pullkey.other.svc").status.success());

    let Some(scripts) = Scripts::or_skip("certs: names") else { return };
    succeeds(&scripts.make_certs(&[
        "--namespace",
        "registry-access",
        "--service",
        "my-pullkey",
        "--days",
        "30",
    ]));
    succeeds(&scripts.verify("my-pullkey.registry-access.svc"));
}

#[test]
fn keys_are_readable_by_their_owner_only() {
    let Some(scripts) = Scripts::or_skip("certs: keys") else { return };
    succeeds(&scripts.make_certs(&[]));
    for (file, mode) in
        [("out/tls.key", 0o600), ("ca/ca.key", 0o600), ("out/tls.crt", 0o644), ("ca/ca.crt", 0o644)]
    {
        let permissions = fs::metadata(scripts.path(file)).expect("the file was written").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn nothing_that_exists_is_replaced_without_being_told_to() {
    let Some(scripts) = Scripts::or_skip("certs: overwriting") else { return };
    succeeds(&scripts.make_certs(&[]));
    let (ca, certificate) = (scripts.read("ca/ca.crt"), scripts.read("out/tls.crt"));
    let message = refuses(&scripts.make_certs(&[]));
    assert!(message.contains("ca.crt exists") && message.contains("--force"), "{message}");
    assert_eq!(scripts.read("out/tls.crt"), certificate);

    succeeds(&scripts.make_certs(&["--force"]));
    assert_ne!(scripts.read("ca/ca.crt"), ca);
    succeeds(&scripts.verify("pullkey.pullkey-system.svc"));
}

#[test]
fn a_renewal_keeps_the_ca_that_the_api_server_trusts() {
    let Some(scripts) = Scripts::or_skip("certs: renewal") else { return };
    succeeds(&scripts.make_certs(&[]));
    let (ca, certificate) = (scripts.read("ca/ca.crt"), scripts.read("out/tls.crt"));
    succeeds(&scripts.make_certs(&["--renew"]));
    assert_eq!(scripts.read("ca/ca.crt"), ca);
    assert_ne!(scripts.read("out/tls.crt"), certificate);
    succeeds(&scripts.verify("pullkey.pullkey-system.svc"));

    // The CA is constrained to one Service, and does not outlive itself.
    let renewed = scripts.read("out/tls.crt");
    let message = refuses(&scripts.make_certs(&["--renew", "--namespace", "other"]));
    assert!(message.contains("not valid for pullkey.other.svc"), "{message}");
    let message = refuses(&scripts.make_certs(&["--renew", "--days", "4000"]));
    assert!(message.contains("ends before a certificate of 4000 days"), "{message}");
    assert_eq!(scripts.read("out/tls.crt"), renewed);
}

#[test]
fn a_discarded_ca_key_is_nowhere() {
    let Some(scripts) = Scripts::or_skip("certs: discarded key") else { return };
    succeeds(&scripts.make_certs(&[]));
    succeeds(&scripts.make_certs(&["--force", "--discard-ca-key"]));
    assert!(!Path::new(&scripts.path("ca/ca.key")).exists());
    succeeds(&scripts.verify("pullkey.pullkey-system.svc"));
    let message = refuses(&scripts.make_certs(&["--renew"]));
    assert!(message.contains("ca.key, which is absent"), "{message}");
}

#[test]
fn wrong_use_says_what_is_wrong_and_writes_nothing() {
    let Some(scripts) = Scripts::or_skip("certs: wrong use") else { return };
    for (arguments, expected) in [
        (&["--days", "soon"][..], "--days \"soon\" is not a number of days"),
        (&["--days", "0"], "--days \"0\" is not a number of days"),
        (&["--days", "99999999999999999999"], "is more than 36500 days"),
        (&["--days", "400", "--ca-days", "300"], "--days 400 outlives the CA"),
        (&["--days"], "--days needs a value"),
        (&["--out", ""], "--out needs a value"),
        (&["--namespace", "Team_A"], "--namespace \"Team_A\" is not a Kubernetes name"),
        (&["--namespace", "a.b"], "--namespace \"a.b\" is not a Kubernetes name"),
        (&["--renew", "--force"], "choose one"),
        (&["--renew", "--discard-ca-key"], "choose one"),
        (&["--dayz", "1"], "unknown argument \"--dayz\""),
    ] {
        let message = refuses(&scripts.make_certs(arguments));
        assert!(message.contains(expected) && message.contains("--help"), "{arguments:?}: {message}");
    }
    assert!(fs::read_dir(scripts.folder.path()).expect("the folder is there").next().is_none());
    for name in ["make-certs", "set-ca"] {
        assert!(succeeds(&script(name, &["--help"], None)).contains("Examples:"), "{name}");
    }
}

#[test]
fn the_patch_names_the_webhook_it_is_for_and_carries_the_bundle() {
    let Some(scripts) = Scripts::or_skip("certs: patch") else { return };
    succeeds(&scripts.make_certs(&[]));
    let ca = scripts.read("ca/ca.crt");
    // Text around the blocks, a missing last newline and a repeated certificate do no harm.
    fs::write(
        scripts.path("untidy.crt"),
        format!("a comment\r\n{ca}{}", ca.trim_end().replace('\n', "\r\n")),
    )
    .expect("a file can be written");
    for file in ["ca/ca.crt", "untidy.crt"] {
        let patch: Value =
            serde_json::from_str(&succeeds(&script("set-ca", &["--print", &scripts.path(file)], None)))
                .expect("the patch is JSON");
        assert_eq!(
            patch,
            json!([
                {"op": "test", "path": "/webhooks/0/name", "value": "inject.pullkey.dev"},
                {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": STANDARD.encode(&ca)},
            ]),
            "{file}"
        );
    }
}

#[test]
fn the_old_ca_stays_trusted_when_one_is_added() {
    let Some(scripts) = Scripts::or_skip("certs: two CAs") else { return };
    succeeds(&scripts.make_certs(&[]));
    let old = scripts.read("ca/ca.crt");
    succeeds(&scripts.make_certs(&["--force"]));
    let new = scripts.read("ca/ca.crt");

    let written = written(&scripts, &old, &["--add", &scripts.path("ca/ca.crt")]);
    assert!(written.contains(&old) && written.contains(&new), "{written}");
    assert_eq!(written.len(), old.len() + new.len());
}

/// The bundle that `set-ca` writes where this one is trusted.
#[track_caller]
fn written(scripts: &Scripts, trusted: &str, arguments: &[&str]) -> String {
    let kubectl = kubectl_that_trusts(scripts, trusted);
    succeeds(&script("set-ca", arguments, Some(&kubectl)));
    let patch: Value = serde_json::from_str(&scripts.read("patch")).expect("the patch is JSON");
    // Nothing that somebody else adds meanwhile is lost.
    let guard = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "17"});
    assert_eq!(patch[1], guard);
    let bundle = patch[2]["value"].as_str().and_then(|value| STANDARD.decode(value).ok());
    String::from_utf8(bundle.expect("the bundle is base64")).expect("PEM is text")
}

/// A kubectl that knows this bundle and writes down the patch.
fn kubectl_that_trusts(scripts: &Scripts, trusted: &str) -> PathBuf {
    let kubectl = scripts.folder.path().join("kubectl");
    let (patch, bundle) = (scripts.path("patch"), STANDARD.encode(trusted));
    fs::write(
        &kubectl,
        format!("#!/bin/sh\ncase $1 in\nget) printf '17 %s' '{bundle}' ;;\n*) for last; do :; done; printf %s \"$last\" >'{patch}' ;;\nesac\n"),
    )
    .expect("a file can be written");
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).expect("a file can be made executable");
    kubectl
}

#[test]
fn one_ca_is_removed_and_the_rest_stays_trusted() {
    let Some(scripts) = Scripts::or_skip("certs: a CA less") else { return };
    succeeds(&scripts.make_certs(&[]));
    let old = scripts.read("ca/ca.crt");
    fs::write(scripts.path("old.crt"), &old).expect("a file can be written");
    succeeds(&scripts.make_certs(&["--force"]));
    let new = scripts.read("ca/ca.crt");
    assert_eq!(written(&scripts, &format!("{old}{new}"), &["--remove", &scripts.path("old.crt")]), new);
    // What is not there needs no removal.
    assert_eq!(written(&scripts, &new, &["--remove", &scripts.path("old.crt")]), new);
    let kubectl = kubectl_that_trusts(&scripts, &old);
    let message = refuses(&script("set-ca", &["--remove", &scripts.path("old.crt")], Some(&kubectl)));
    assert!(message.contains("nothing would be trusted any more"), "{message}");
    // Where nothing is trusted yet, to add is to set.
    assert_eq!(written(&scripts, "", &["--add", &scripts.path("old.crt")]), old);
}

#[test]
fn what_is_no_certificate_never_reaches_the_registration() {
    let Some(scripts) = Scripts::or_skip("certs: no certificate") else { return };
    succeeds(&scripts.make_certs(&[]));
    let ca = scripts.read("ca/ca.crt");
    for (name, content, expected) in [
        ("empty.crt", String::new(), "holds no certificate"),
        ("text.crt", "not a certificate".to_owned(), "holds no certificate"),
        ("broken.crt", ca.replacen("MII", "!!!", 1), "holds no certificate"),
        ("half.crt", ca.lines().take(4).collect::<Vec<_>>().join("\n"), "holds no certificate"),
        ("second.crt", format!("{ca}{}", ca.replacen("MII", "!!!", 1)), "holds no certificate"),
        ("key.crt", scripts.read("out/tls.key"), "holds no certificate"),
    ] {
        fs::write(scripts.path(name), content).expect("a file can be written");
        let message = refuses(&script("set-ca", &["--print", &scripts.path(name)], None));
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
    let message = refuses(&script("set-ca", &["--print", &scripts.path("absent.crt")], None));
    assert!(message.contains("absent.crt cannot be read"), "{message}");
    for (arguments, expected) in [
        (&["--print", "--add"][..], "choose one"),
        (&["--add", "--remove"], "choose one"),
        (&["--webhook", "a\"b"], "is not a Kubernetes name"),
        (&["--prnt"], "unknown argument \"--prnt\""),
    ] {
        let message = refuses(&script("set-ca", arguments, None));
        assert!(message.contains(expected), "{message}");
    }
}
