//! The metrics as Prometheus itself reads them: promtool, built from source by `tests/promtool/build`.
//!
//! Prometheus asks for the `OpenMetrics` format, which is all that pullkey speaks. promtool reads that format where
//! it makes storage out of it, and lints only the older text format; so both are done here, the second after the
//! rewriting that Prometheus' own libraries do for a reader of the older format.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::certificates::Setting;
use super::client::{admin, one_of_each, post};
use super::place::{Pair, folder, text};
use super::tool::{promtool, run};

/// What design section 8 promises, as the series are named.
const PROMISED: &[&str] = &[
    "pullkey_admission_duration_seconds_bucket",
    "pullkey_admission_requests_total",
    "pullkey_build_info",
    "pullkey_bundle_repairs_total",
    "pullkey_certificate_expiry_timestamp_seconds",
    "pullkey_certificate_published",
    "pullkey_config_info",
    "pullkey_config_reload_successful",
    "pullkey_connections",
    "pullkey_images_unparsable_total",
    "pullkey_log_lines_dropped_total",
    "pullkey_registry_matches_total",
    "pullkey_tls_handshakes_total",
];

/// The time that each sample gets: storage needs one, and a scrape has none.
const SECONDS: u64 = 1_700_000_000;

/// What a program says that has seen every kind of request.
fn scraped() -> String {
    let setting = Setting::start(&Pair::new(), &[], &[]);
    let mut client = setting.connect();
    for body in one_of_each() {
        client.send(&post(&body));
        client.body();
    }
    let (_, body) = admin(setting.serving.admin_listen, "/metrics");
    body
}

/// The lines that are samples, with the time behind them.
fn timed(openmetrics: &str) -> String {
    let mut timed = String::new();
    for line in openmetrics.lines() {
        let time = if line.starts_with('#') { String::new() } else { format!(" {SECONDS}") };
        writeln!(timed, "{line}{time}").expect("a string takes any text");
    }
    timed
}

/// The names of all series.
fn names(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

/// Puts text into a new storage, as a scrape would.
fn stored(promtool: &Path, folder: &Path, openmetrics: &str) -> Result<(), String> {
    let file = folder.join("metrics");
    fs::write(&file, openmetrics).expect("a file can be written");
    let mut command = Command::new(promtool);
    let storage = text(&folder.join("storage"));
    command.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", &text(&file), &storage]);
    let output = run(&mut command, "");
    // It wants to see a log of what has not been stored yet, also where there is none.
    fs::create_dir_all(folder.join("storage/wal")).expect("a folder can be made");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// What the older text format says instead: a counter is named with its suffix, and there are no infos and units.
fn as_older_text(openmetrics: &str) -> String {
    let counters: BTreeSet<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let infos: BTreeSet<&str> =
        openmetrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" info")).collect();
    let mut text = String::new();
    for line in openmetrics.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let line = match words[..] {
            ["#", "EOF" | "UNIT", ..] => continue,
            ["#", keyword, name, rest] if counters.contains(name) => {
                format!("# {keyword} {name}_total {rest}")
            }
            ["#", "TYPE", name, _] if infos.contains(name) => format!("# TYPE {name}_info gauge"),
            ["#", keyword, name, rest] if infos.contains(name) => format!("# {keyword} {name}_info {rest}"),
            _ => line.to_owned(),
        };
        writeln!(text, "{line}").expect("a string takes any text");
    }
    text
}

#[test]
fn prometheus_stores_every_promised_metric() {
    let Some(promtool) = promtool() else { return };
    let (scraped, folder) = (scraped(), folder());
    stored(&promtool, folder.path(), &timed(&scraped)).expect("Prometheus reads the metrics");
    let mut dump = Command::new(&promtool);
    dump.args(["tsdb", "dump-openmetrics", &text(&folder.path().join("storage"))]);
    let dumped = run(&mut dump, "");
    let dumped = String::from_utf8_lossy(&dumped.stdout).into_owned();
    assert_eq!(names(&dumped), names(&scraped));
    for name in PROMISED {
        assert!(names(&dumped).contains(name), "{name} is promised and not there:\n{dumped}");
    }
    let sample = r#"pullkey_admission_requests_total{result="patched"} 1"#;
    assert!(dumped.contains(sample), "{dumped}");
}

#[test]
fn promtool_has_no_complaint() {
    let Some(promtool) = promtool() else { return };
    let output = run(Command::new(&promtool).args(["check", "metrics"]), &as_older_text(&scraped()));
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", output.status);
}

/// Both would say it if something were wrong.
#[test]
fn promtool_complains_about_wrong_metrics() {
    let Some(promtool) = promtool() else { return };
    let good =
        "# HELP a_seconds Help.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n";
    let folder = folder();
    assert_eq!(stored(&promtool, folder.path(), &timed(good)), Ok(()));
    for (from, to) in [
        ("# EOF\n", ""),
        ("a_seconds 1\n", "a_seconds one\n"),
        ("a_seconds 1\n", "a_seconds{x=\"} 1\n"),
        ("# UNIT a_seconds seconds", "# UNIT a_seconds bytes"),
        ("gauge", "colour"),
    ] {
        let text = timed(&good.replacen(from, to, 1));
        assert!(stored(&promtool, folder.path(), &text).is_err(), "{text}");
    }
    for wrong in [
        "# HELP a_milliseconds Help.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n",
        "# HELP a Help.\n# TYPE a counter\na 1\n",
        "# TYPE a_seconds gauge\na_seconds 1\n",
        "# HELP a_seconds Help.\n# TYPE a_seconds colour\na_seconds 1\n",
    ] {
        let output = run(Command::new(&promtool).args(["check", "metrics"]), wrong);
        assert!(!output.status.success(), "{wrong}");
    }
}
