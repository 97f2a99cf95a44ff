//! `pullkey serve` with something wrong: one clear message, exit code 2, nothing served.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use jiff::Timestamp;
use pullkey::certs::issue;
use serde_json::Value;

use super::run::{Folder, Report};

/// A configuration, and two certificates with their keys.
fn folder() -> Folder {
    let folder = Folder::with(&[
        ("config.yaml", include_str!("../../examples/config.yaml")),
        ("bad.yaml", "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n"),
    ]);
    for name in ["tls", "other"] {
        let (certificate, key) = pair();
        folder.write(&format!("{name}.crt"), certificate.as_bytes());
        folder.write(&format!("{name}.key"), key.as_bytes());
    }
    folder
}

/// A certificate and its key as PEM.
fn pair() -> (String, String) {
    let name = "localhost".parse().expect("a host name");
    let issued = issue::issue("test", &[name], Timestamp::now()).expect("a certificate can be made");
    (issued.pem, pem("PRIVATE KEY", issued.key.secret_der()))
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

const PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// What `serve` says when it does not start.
#[track_caller]
fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let message = folder.run(&[&["serve"], arguments].concat()).error();
    assert!(!message.contains("serving"), "{message}");
    message
}

#[test]
fn wrong_flags_are_refused() {
    let folder = folder();
    let good = ["--config", "config.yaml", "--dns-name", "localhost"];
    let mut report = Report::default();
    for arguments in [
        &[][..],
        &["--config", "config.yaml"],
        &["--dns-name", "localhost"],
        &["--config", "config.yaml", "--tls-cert", "tls.crt"],
        &["--config", "config.yaml", "--tls-key", "tls.key"],
        &[
            "--config",
            "config.yaml",
            "--tls-cert",
            "tls.crt",
            "--tls-key",
            "tls.key",
            "--dns-name",
            "localhost",
        ],
        &["--config", "config.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key", "--ca-out", "ca.pem"],
        &["--config", "config.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key", "--state-dir", "."],
        &["--config", "config.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key", "--tls-ca", "tls.crt"],
        &[
            "--config",
            "config.yaml",
            "--tls-cert",
            "tls.crt",
            "--tls-key",
            "tls.key",
            "--registration",
            "pullkey",
        ],
        &[
            "--config",
            "config.yaml",
            "--dns-name",
            "localhost",
            "--registration",
            "pullkey",
            "--tls-ca",
            "tls.crt",
        ],
        &["--config", "config.yaml", "--dns-name", ""],
        &["--config", "config.yaml", "--dns-name", "my_host"],
        &["--config", "config.yaml", "--dns-name", "https://localhost"],
        &["--config", "config.yaml", "--dns-name", "*.example.com"],
    ] {
        report.add(&format!("pullkey serve {}", arguments.join(" ")), &refused(&folder, arguments));
    }
    for arguments in [
        &["--listen", "8443"][..],
        &["--listen", ":8443"],
        &["--listen", "localhost:8443"],
        &["--listen", "127.0.0.1"],
        &["--listen", "127.0.0.1:65536"],
        &["--admin-listen", "[::1:8080"],
        &["--poll-interval", "10"],
        &["--poll-interval", "0s"],
        &["--poll-interval", "-5s"],
        &["--poll-interval", "soon"],
        &["--certificate-life", "4s"],
        &["--certificate-life", "8761h"],
        &["--certificate-life", "1"],
        &["--registration", "Pull_Key"],
        &["--registration", ""],
        &["--registration", "pullkey", "--ca-out", "ca.pem"],
        &["--log-level", "loud"],
        &["--log-format", "xml"],
        &["--reload=maybe"],
        &["--lisen", "127.0.0.1:0"],
        &["extra"],
    ] {
        let all = [&good, arguments].concat();
        report.add(&format!("pullkey serve … {}", arguments.join(" ")), &refused(&folder, &all));
    }
    report.assert("serve_wrong_flags");

    // Where there is no API server to find; the rest of the message depends on the machine.
    let message = refused(&folder, &[&good[..], &["--registration", "pullkey"]].concat());
    assert!(message.contains("--registration needs the API server"), "{message}");
}

#[test]
fn files_that_cannot_be_served_are_named() {
    let folder = folder();
    let read = |file: &str| std::fs::read(folder.path().join(file)).unwrap();
    let (certificate, key) = (read("tls.crt"), read("tls.key"));
    folder.write("empty", b"");
    folder.write("blank", b"\n\n");
    folder.write("garbage", b"\x00\xff\x17 not PEM at all\n");
    folder.write("half.crt", &certificate[..certificate.len() / 2]);
    folder.write("no-base64.crt", b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    folder.write("no-der.crt", pem("CERTIFICATE", b"hello").as_bytes());
    folder.write("no-der.key", pem("PRIVATE KEY", b"hello").as_bytes());
    folder.write("encrypted.key", pem("ENCRYPTED PRIVATE KEY", b"hello").as_bytes());
    folder.write(
        "encrypted-by-openssl.key",
        b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\naGVsbG8=\n-----END EC PRIVATE KEY-----\n",
    );
    folder.write("der.crt", &certificate.iter().rev().copied().collect::<Vec<u8>>());
    folder.write("both.pem", &[certificate, key].concat());
    let mut report = Report::default();
    for (cert, key) in [
        ("absent.crt", "tls.key"),
        ("tls.crt", "absent.key"),
        (".", "tls.key"),
        ("tls.crt", "other.key"),
        ("tls.key", "tls.crt"),
        ("tls.crt", "tls.crt"),
        ("empty", "tls.key"),
        ("tls.crt", "empty"),
        ("blank", "tls.key"),
        ("garbage", "tls.key"),
        ("tls.crt", "garbage"),
        ("half.crt", "tls.key"),
        ("no-base64.crt", "tls.key"),
        ("no-der.crt", "tls.key"),
        ("tls.crt", "no-der.key"),
        ("tls.crt", "encrypted.key"),
        ("tls.crt", "encrypted-by-openssl.key"),
        ("der.crt", "tls.key"),
    ] {
        let files = ["--config", "config.yaml", "--tls-cert", cert, "--tls-key", key];
        let message = refused(&folder, &[&files[..], &PORTS].concat());
        report.add(&format!("pullkey serve --tls-cert {cert} --tls-key {key}"), &message);
    }
    report.assert("serve_wrong_files");

    // A file with both is what some tools write; it is good.
    let both = ["--config", "config.yaml", "--tls-cert", "both.pem", "--tls-key", "both.pem"];
    Server::start(&folder, &[&both[..], &PORTS].concat());
}

#[test]
fn a_certificate_that_the_api_server_will_refuse_is_called_so() {
    let now = Timestamp::now();
    let month = jiff::SignedDuration::from_hours(30 * 24);
    let host = || vec!["localhost".parse().expect("a host name")];
    for (names, from, expected) in [
        (host(), now, None),
        (host(), now - month, Some("the certificate has expired")),
        (host(), now + month, Some("the certificate is not valid yet")),
        (Vec::new(), now, Some("the certificate has no subjectAltName")),
    ] {
        let issued = issue::issue("localhost", &names, from).expect("a certificate can be made");
        let folder = folder();
        folder.write("odd.pem", format!("{}{}", issued.pem, issued.key_pem).as_bytes());
        let files = ["--config", "config.yaml", "--tls-cert", "odd.pem", "--tls-key", "odd.pem"];
        let server = Server::start(&folder, &[&files[..], &PORTS].concat());
        let said = server.before.join("\n");
        match expected {
            Some(expected) => assert!(said.contains(expected), "{expected}: {said}"),
            None => assert_eq!(said, ""),
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let arguments = ["--config", "config.yaml", "--dns-name", "localhost", "--ca-out", "absent/ca.pem"];
    let mut report = Report::default();
    report
        .add("pullkey serve … --ca-out absent/ca.pem", &refused(&folder, &[&arguments[..], &PORTS].concat()));
    let arguments = ["--config", "config.yaml", "--dns-name", "localhost", "--ca-out", "."];
    report.add("pullkey serve … --ca-out .", &refused(&folder, &[&arguments[..], &PORTS].concat()));
    report.assert("serve_ca_out");
}

#[test]
fn a_port_in_use_is_named() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = taken.local_addr().unwrap().port().to_string();
    let good = ["--config", "config.yaml", "--dns-name", "localhost"];
    let mut report = Report::default();
    for (flag, other) in [("--listen", "--admin-listen"), ("--admin-listen", "--listen")] {
        let ports = [flag, &address, other, "127.0.0.1:0"];
        let message = refused(&folder, &[&good[..], &ports].concat());
        assert!(message.contains(&port), "{message}");
        report.add(&format!("pullkey serve … {flag} 127.0.0.1:PORT"), &message.replace(&port, "PORT"));
    }
    let same = ["--listen", "192.0.2.1:8443", "--admin-listen", "127.0.0.1:0"];
    report.add("pullkey serve … --listen 192.0.2.1:8443", &refused(&folder, &[&good[..], &same].concat()));
    report.assert("serve_ports");
}

#[test]
fn a_bad_configuration_is_refused_before_anything_else_happens() {
    let folder = folder();
    let arguments = ["--config", "bad.yaml", "--dns-name", "localhost", "--ca-out", "ca.pem"];
    let mut report = Report::default();
    report.add("pullkey serve --config bad.yaml", &refused(&folder, &[&arguments[..], &PORTS].concat()));
    report.assert("serve_bad_configuration");
    assert!(!folder.path().join("ca.pem").exists(), "nothing is written");
}

#[test]
fn settings_may_come_from_the_environment_and_are_refused_by_their_flag() {
    let folder = folder();
    let mut report = Report::default();
    for (variable, value) in [("PULLKEY_LISTEN", "tcp://10.0.0.1:443"), ("PULLKEY_RELOAD", "maybe")] {
        let output = assert_cmd::cargo::cargo_bin_cmd!("pullkey")
            .args(["serve", "--dns-name", "localhost"])
            .current_dir(folder.path())
            .env_clear()
            .env("PULLKEY_CONFIG", "config.yaml")
            .env(variable, value)
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
        report.add(&format!("{variable}={value}"), &String::from_utf8(output.stderr).unwrap());
    }
    report.assert("serve_environment");
}

#[test]
fn the_ports_that_the_system_chose_are_in_the_log() {
    let folder = folder();
    let arguments = ["--config", "config.yaml", "--dns-name", "localhost", "--ca-out", "ca.pem"];
    let server = Server::start(&folder, &[&arguments[..], &PORTS].concat());
    for field in ["listen", "admin_listen"] {
        let address = server.serving[field].as_str().unwrap();
        let port = address.strip_prefix("127.0.0.1:").and_then(|port| port.parse::<u16>().ok());
        assert!(port.is_some_and(|port| port != 0), "{field} {address}");
    }
    assert!(folder.path().join("ca.pem").exists());
}

/// A running server; it is ended when this value is dropped.
#[derive(Debug)]
struct Server {
    child: Child,
    serving: Value,
    /// What stood in the log before.
    before: Vec<String>,
}

impl Server {
    /// Starts and waits for the line that says so; the end of the log without it is a failure.
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = Command::new(cargo_bin!("pullkey"))
            .arg("serve")
            .args(arguments)
            .args(["--log-format", "json"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("its standard error is a pipe"));
        let mut server = Self { child, serving: Value::Null, before: Vec::new() };
        for line in log.lines().map(Result::unwrap) {
            if let Ok(event) = serde_json::from_str::<Value>(&line)
                && event["message"] == "serving"
            {
                server.serving = event;
                return server;
            }
            server.before.push(line);
        }
        panic!("it never served:\n{}", server.before.join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
