//! What `doctor` says where it cannot read a cluster: exit code 2, and at once.
//!
//! What it says of a cluster, `tests/doctor` tells.

use std::net::TcpListener;

use super::run::{Folder, Report};

/// A kubeconfig with one context, `test`, that leads to this server.
fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: test\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n\
         users: [{{name: test, user: {{token: secret-token}}}}]\n\
         clusters: [{{name: test, cluster: {{server: '{server}'}}}}]\n"
    )
}

#[test]
fn what_leads_to_no_cluster_is_refused_by_name() {
    let folder = Folder::with(&[
        ("good", &kubeconfig("https://127.0.0.1:1")),
        ("torn", "apiVersion: v1\nusers: [{name: test, user: {token: secret-token}\n"),
        ("shifted", "apiVersion: v1\nusers: [{name: test, user: secret-token}]\n"),
        ("other", "registries: []\n"),
    ]);
    let mut report = Report::default();
    for arguments in [
        &["doctor"][..],
        &["doctor", "--kubeconfig=absent"],
        &["doctor", "--kubeconfig=torn"],
        &["doctor", "--kubeconfig=shifted"],
        &["doctor", "--kubeconfig=other"],
        &["doctor", "--kubeconfig=good", "--context=absent"],
        &["doctor", "--in-cluster"],
        &["doctor", "--in-cluster", "--kubeconfig=good"],
        &["doctor", "--registration=Not_A_Name"],
    ] {
        let said = folder.run(arguments).error();
        assert!(!said.contains("secret-token"), "a credential of the file is shown: {said}");
        report.add(&format!("pullkey {}", arguments.join(" ")), &said);
    }
    report.assert("doctor_without_a_cluster");
}

#[test]
fn an_api_server_that_is_not_there_is_named() {
    // The port was free a moment ago, and nobody listens on it any more.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|tcp| tcp.local_addr()).expect("a port is free");
    let folder = Folder::with(&[("kubeconfig", &kubeconfig(&format!("https://{address}")))]);
    for form in ["text", "json"] {
        let said = folder.run(&["doctor", "--kubeconfig=kubeconfig", "-o", form]).error();
        let begins = format!("pullkey: cannot read https://{address}/: the API server cannot be reached: ");
        assert!(said.starts_with(&begins), "{said}");
        assert!(said.contains("Connection refused"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!said.contains("secret-token"), "{said}");
    }
}
