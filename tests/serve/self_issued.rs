//! A certificate that the program issues for itself.

use std::fs;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::client::Client;
use super::place::{configuration, folder, text, write};
use super::serving::Serving;

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
