//! A certificate that the program issues for itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::client::Client;
use super::place::{configuration, folder, text, write};
use super::serving::Serving;
use super::wait::until;

#[test]
fn the_issued_certificate_verifies_the_connection_by_each_of_its_names() {
    let folder = folder();
    let config = folder.path().join("config.yaml");
    write(&config, &configuration("one"));
    let ca = folder.path().join("ca.pem");
    let names = ["--dns-name=localhost", "--dns-name=127.0.0.1,::1", "--dns-name=pullkey.pullkey-system.svc"];
    let files = ["--config", &text(&config), "--ca-out", &text(&ca)];
    let serving = Serving::start(folder.path(), &[&files[..], &names].concat());

    let pem = fs::read(&ca).expect("the certificate was written");
    let trusted: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(|der| der.expect("PEM")).collect();
    assert_eq!(trusted.len(), 1, "one certificate is its own trust anchor");
    assert!(!String::from_utf8_lossy(&pem).contains("PRIVATE"), "a key is nobody's business");

    for name in ["localhost", "127.0.0.1", "::1", "pullkey.pullkey-system.svc"] {
        let mut client = Client::connect(serving.listen, name, &trusted)
            .unwrap_or_else(|error| panic!("the certificate is not valid for {name}: {error}"));
        assert_eq!(client.presented(), trusted[0]);
        assert_eq!(client.injected(), "one");
    }
    for name in ["example.com", "127.0.0.2", "pullkey.pullkey-system.svc.cluster.local"] {
        let error = Client::connect(serving.listen, name, &trusted).expect_err(name);
        assert!(error.to_string().contains("not valid for name"), "{name}: {error}");
    }
}

#[test]
fn each_start_issues_another_certificate() {
    let folder = folder();
    let config = folder.path().join("config.yaml");
    write(&config, &configuration("one"));
    let ca = folder.path().join("ca.pem");
    let arguments = ["--config", &text(&config), "--ca-out", &text(&ca), "--dns-name=localhost"];
    let issue = || {
        let _serving = Serving::start(folder.path(), &arguments);
        fs::read(&ca).expect("the certificate was written")
    };
    assert_ne!(issue(), issue());
    let left_over: Vec<_> = fs::read_dir(folder.path()).expect("the folder can be listed").collect();
    assert_eq!(left_over.len(), 3, "{left_over:?}");
}

/// A folder with a configuration, and what it takes to serve with a kept certificate.
struct Kept {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Kept {
    fn new() -> Self {
        let folder = folder();
        let (config, ca) = (folder.path().join("config.yaml"), folder.path().join("ca.pem"));
        write(&config, &configuration("one"));
        let arguments =
            ["--config", &text(&config), "--ca-out", &text(&ca), "--state-dir", &text(folder.path())];
        Self { arguments: arguments.map(str::to_owned).to_vec(), folder }
    }

    fn serve(&self, more: &[&str]) -> Serving {
        let arguments: Vec<&str> =
            self.arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Serving::start(self.folder.path(), &arguments)
    }

    fn ca(&self) -> Vec<CertificateDer<'static>> {
        let pem = fs::read(self.folder.path().join("ca.pem")).expect("the certificate was written");
        CertificateDer::pem_slice_iter(&pem).map(|der| der.expect("PEM")).collect()
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("pullkey.pem")
    }
}

#[test]
fn a_kept_certificate_survives_a_restart() {
    let kept = Kept::new();
    drop(kept.serve(&["--dns-name=localhost,127.0.0.1"]));
    let mode = fs::metadata(kept.state()).expect("the pair was kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a key is nobody else's business");

    let first = kept.ca();
    let serving = kept.serve(&["--dns-name=127.0.0.1,localhost"]);
    assert_eq!(kept.ca(), first);
    let client = Client::connect(serving.listen, "localhost", &first).expect("the kept pair is served");
    assert_eq!(client.presented(), first[0]);
    drop(serving);

    // It is not valid for another name.
    drop(kept.serve(&["--dns-name=localhost"]));
    assert_ne!(kept.ca(), first);
}

#[test]
fn rubbish_where_the_kept_certificate_should_be_is_said_and_replaced() {
    let kept = Kept::new();
    for rubbish in ["rubbish", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        write(&kept.state(), rubbish);
        let serving = kept.serve(&["--dns-name=localhost"]);
        let message = "the kept certificate cannot be taken up (--state-dir); issued another";
        until("it is said", || serving.line(message).map(drop));
        until("another is kept", || {
            let state = fs::read_to_string(kept.state()).unwrap_or_default();
            if state.contains("PRIVATE KEY") { Ok(()) } else { Err(state) }
        });
    }
}

#[test]
fn a_certificate_of_a_short_life_is_renewed_and_served_in_time() {
    let kept = Kept::new();
    let serving = kept.serve(&["--dns-name=localhost", "--certificate-life=5s"]);
    let first = kept.ca();
    until("the new one is served", || {
        let client =
            Client::connect(serving.listen, "localhost", &kept.ca()).map_err(|error| error.to_string())?;
        // It may have been renewed again by now.
        if client.presented() == first[0] { Err("still the first".to_owned()) } else { Ok(()) }
    });
}
