//! The pair in `--state-dir`, and when a restarted container takes it up.

use std::fs;
use std::time::Duration;

use pullkey::certs::issue;
use pullkey::certs::issuer::Issuer;

use super::replica::wall;

const HOUR: u64 = 3600;

#[test]
fn a_kept_certificate_is_taken_up_as_long_as_it_is_of_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = |name: &str, pod| Issuer {
        names: vec![name.parse().expect("a name")],
        life: issue::LIFE,
        own_name: issue::own_name(pod),
        ca_out: None,
        state_dir: Some(folder.path().to_owned()),
    };
    let ours = issuer("a.example.com", "pod-a");
    let after = |seconds| wall(Duration::from_secs(seconds));
    assert!(ours.take_up(after(0)).expect("nothing there is no error").is_none());
    let own = ours.issue(after(2 * HOUR)).expect("a certificate");
    ours.keep(&own);
    for (seconds, is_taken_up) in [
        // The clock was set back before its beginning.
        (HOUR - 1, false),
        (2 * HOUR, true),
        // Its renewal is due after 16 hours.
        (2 * HOUR + 17 * HOUR, true),
        (2 * HOUR + 24 * HOUR - 20, true),
        // It would end before it is served and renewed.
        (2 * HOUR + 24 * HOUR - 5, false),
        (2 * HOUR + 25 * HOUR, false),
    ] {
        let taken_up = ours.take_up(after(seconds)).expect("it can be read");
        assert_eq!(taken_up.is_some(), is_taken_up, "after {seconds} s");
    }
    for other in [issuer("b.example.com", "pod-a"), issuer("a.example.com", "pod-b")] {
        assert!(other.take_up(after(2 * HOUR)).is_err());
    }
    fs::write(folder.path().join("pullkey.pem"), "rubbish").expect("it can be written");
    assert!(ours.take_up(after(2 * HOUR)).is_err());
}
