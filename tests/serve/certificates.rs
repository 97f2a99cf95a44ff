//! Certificate files, which the program reads again by content.

use std::path::PathBuf;
use std::{fs, io};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;

use super::client::{Client, admin};
use super::openmetrics::{scrape, value};
use super::place::{POLL, Pair, Volume, configuration, folder, text, write};
use super::serving::Serving;
use super::wait::until;

const FAILURES: &str = "pullkey_certificate_reload_failures_total";

/// A program that serves the files of a volume, and who may be behind them.
pub(super) struct Setting {
    pub(super) serving: Serving,
    pub(super) volume: Volume,
    pub(super) config: PathBuf,
    /// All certificates that the volume ever had.
    known: Vec<CertificateDer<'static>>,
    _folder: TempDir,
}

impl Setting {
    pub(super) fn start(first: &Pair, others: &[&Pair], arguments: &[&str]) -> Self {
        let folder = folder();
        let config = folder.path().join("config.yaml");
        write(&config, &configuration("one"));
        let mut volume = Volume::new(folder.path().join("tls"));
        volume.swap_pair(&first.cert, &first.key);
        let files = [
            "--config",
            &text(&config),
            "--tls-cert",
            &volume.file("tls.crt"),
            "--tls-key",
            &volume.file("tls.key"),
            POLL,
        ];
        let serving = Serving::start(folder.path(), &[&files, arguments].concat());
        let known = [first].iter().chain(others).map(|pair| pair.der.clone()).collect();
        Self { serving, volume, config, known, _folder: folder }
    }

    #[track_caller]
    pub(super) fn connect(&self) -> Client {
        self.try_connect().expect("the certificate is one we know")
    }

    pub(super) fn try_connect(&self) -> io::Result<Client> {
        Client::connect(self.serving.listen, "localhost", &self.known)
    }

    #[track_caller]
    pub(super) fn until_presents(&self, pair: &Pair) {
        until("new handshakes present the changed certificate", || {
            let presents = self.connect().presented() == pair.der;
            presents.then_some(()).ok_or_else(|| self.serving.log_text())
        });
        assert_eq!(self.connect().injected(), "one");
        let (head, shown) = admin(self.serving.admin_listen, "/certificate");
        assert!(head.contains("content-type: application/pem-certificate-chain"), "{head}");
        let shown: Vec<_> = CertificateDer::pem_slice_iter(shown.as_bytes()).collect();
        assert!(matches!(&shown[..], [Ok(shown)] if *shown == pair.der), "{shown:?}");
    }

    fn failures(&self) -> f64 {
        value(&scrape(self.serving.admin_listen), FAILURES, &[])
    }

    /// Waits until the program has seen files that are wrong, and expects it to serve on as before.
    #[track_caller]
    fn until_refused(&self, failures: f64, served: &Pair, reason: &str) {
        until("the wrong files are counted", || {
            let found = self.failures();
            if found >= failures {
                Ok(())
            } else {
                Err(format!("{found} failures\n{}", self.serving.log_text()))
            }
        });
        let message = "the changed certificate files cannot be used; the former certificate stays";
        until("the log says why", || {
            let said = |line: &serde_json::Value| {
                line["message"] == message
                    && line["level"] == "ERROR"
                    && line["error"].as_str().is_some_and(|error| error.contains(reason))
            };
            self.serving.lines().iter().any(said).then_some(()).ok_or_else(|| self.serving.log_text())
        });
        let mut client = self.connect();
        assert_eq!(client.presented(), served.der, "the former certificate is no longer served");
        assert_eq!(client.injected(), "one");
    }
}

/// Who watches the inode of a file goes deaf after the first swap.
#[test]
fn two_swaps_in_a_row_are_both_picked_up() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &[]);
    let mut kept = setting.connect();
    assert_eq!(kept.presented(), first.der);
    assert_eq!(kept.injected(), "one");

    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);
    setting.volume.swap_pair(&third.cert, &third.key);
    setting.until_presents(&third);

    // A connection from before the swaps goes on.
    assert_eq!(kept.injected(), "one");
    let changes = setting.serving.log_text().matches("serving the changed certificate").count();
    assert_eq!(changes, 2, "{}", setting.serving.log_text());
}

#[test]
fn of_two_swaps_at_once_the_last_one_counts() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &[]);
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.volume.swap_pair(&third.cert, &third.key);
    setting.until_presents(&third);
}

#[test]
fn the_end_of_the_served_certificate_is_a_metric() {
    let [first, second] = [Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second], &[]);
    let end = |setting: &Setting| {
        value(&scrape(setting.serving.admin_listen), "pullkey_certificate_expiry_timestamp_seconds", &[])
    };
    // What rcgen writes into a certificate: the first second of the year 4096.
    let expected = 67_090_118_400.0;
    assert!((end(&setting) - expected).abs() < 86_400.0, "{}", end(&setting));
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);
    assert!((end(&setting) - expected).abs() < 86_400.0, "{}", end(&setting));
}

#[test]
fn a_pair_that_does_not_fit_leaves_the_former_one() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &[]);
    setting.volume.swap_pair(&second.cert, &third.key);
    setting.until_refused(1.0, &first, "the private key does not belong to the certificate");
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);

    // Wrong once more, in another way, and right again.
    setting.volume.swap_pair(&second.cert, "no key at all");
    setting.until_refused(2.0, &second, "has no unencrypted private key");
    setting.volume.swap_pair(&third.cert, &third.key);
    setting.until_presents(&third);
}

#[test]
fn an_empty_file_leaves_the_former_pair() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &[]);
    setting.volume.swap_pair("", &second.key);
    setting.until_refused(1.0, &first, "tls.crt is empty");
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);
    setting.volume.swap_pair(&third.cert, "\n");
    setting.until_refused(2.0, &second, "tls.key is empty");
    setting.volume.swap_pair(&third.cert, &third.key);
    setting.until_presents(&third);
}

#[test]
fn a_missing_file_leaves_the_former_pair() {
    let [first, second] = [Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second], &[]);
    setting.volume.swap(&[("tls.crt", &second.cert)]);
    setting.until_refused(1.0, &first, "tls.key");
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);
    fs::remove_file(setting.volume.file("..data")).expect("the link can be removed");
    setting.until_refused(2.0, &second, "tls.crt");
}

#[test]
fn what_is_wrong_is_said_once_and_not_at_every_look() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &["--reload"]);
    setting.volume.swap_pair("", &second.key);
    setting.until_refused(1.0, &first, "tls.crt is empty");
    // The configuration is looked at as often as the certificate, so some looks have passed after these.
    for secret in ["two", "three", "four"] {
        write(&setting.config, &configuration(secret));
        until("the configuration is used", || {
            let used = setting.connect().injected();
            if used == secret { Ok(()) } else { Err(used) }
        });
    }
    let failures = setting.failures();
    assert!((failures - 1.0).abs() < 0.5, "{failures} failures\n{}", setting.serving.log_text());
}

#[test]
fn what_goes_wrong_again_after_it_was_mended_is_said_again() {
    let first = Pair::new();
    let setting = Setting::start(&first, &[], &[]);
    let link = setting.volume.file("..data");
    let target = fs::read_link(&link).expect("it is a link");
    for (times, failures) in [(1, 1.0), (2, 2.0)] {
        fs::remove_file(&link).expect("the link can be removed");
        setting.until_refused(failures, &first, "tls.crt");
        std::os::unix::fs::symlink(&target, &link).expect("a link can be made");
        until("the mended files are noticed", || {
            let text = setting.serving.log_text();
            let noticed = text.matches("again those that are served").count();
            if noticed >= times { Ok(()) } else { Err(text) }
        });
    }
}
