//! The metrics: names, types, units and labels of design section 8, and that they count.

use super::certificates::Setting;
use super::client::{one_of_each, post, review};
use super::openmetrics::{Families, parse, scrape, value};
use super::place::Pair;
use super::wait::until;

/// Every family: its name, type, unit, and the labels of its samples.
const FAMILIES: &[(&str, &str, &str, &[&str])] = &[
    ("pullkey_admission_duration_seconds", "histogram", "seconds", &["le"]),
    ("pullkey_admission_requests", "counter", "", &["result"]),
    ("pullkey_build", "info", "", &["version"]),
    ("pullkey_bundle_repairs", "counter", "", &[]),
    ("pullkey_certificate_expiry_timestamp_seconds", "gauge", "seconds", &[]),
    ("pullkey_certificate_published", "gauge", "", &[]),
    ("pullkey_certificate_reload_failures", "counter", "", &[]),
    ("pullkey_config_info", "gauge", "", &["hash"]),
    ("pullkey_config_reload_successful", "gauge", "", &[]),
    ("pullkey_connections", "gauge", "", &["state"]),
    ("pullkey_images_unparsable", "counter", "", &[]),
    ("pullkey_log_lines_dropped", "counter", "", &[]),
    ("pullkey_registry_matches", "counter", "", &["registry"]),
    ("pullkey_tls_handshakes", "counter", "", &["result"]),
];

#[test]
fn each_metric_has_the_name_and_the_unit_that_are_promised() {
    let setting = Setting::start(&Pair::new(), &[], &[]);
    let families = scrape(setting.serving.admin_listen);
    let names: Vec<_> = families.keys().map(String::as_str).collect();
    let promised: Vec<_> = FAMILIES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, promised);
    for (name, kind, unit, labels) in FAMILIES {
        let family = &families[*name];
        assert_eq!((family.kind.as_str(), family.unit.as_str()), (*kind, *unit), "{name}");
        assert!(!family.samples.is_empty(), "{name} has no sample before the first request");
        for sample in &family.samples {
            let found = sample.labels.iter().map(|(label, _)| label.as_str());
            assert!(
                found.clone().all(|label| labels.contains(&label)),
                "{name} has other labels: {sample:?}"
            );
        }
    }
    let results = |name: &str| {
        let mut results: Vec<_> =
            families[name].samples.iter().map(|sample| sample.labels[0].1.clone()).collect();
        results.sort();
        results
    };
    assert_eq!(results("pullkey_admission_requests"), ["error", "patched", "shed", "skipped", "unchanged"]);
    assert_eq!(results("pullkey_tls_handshakes"), ["failed", "ok", "timeout"]);
    let bounds: Vec<_> = families["pullkey_admission_duration_seconds"]
        .samples
        .iter()
        .filter_map(|sample| {
            sample.labels.first().map(|(_, bound)| bound.parse::<f64>().unwrap_or(f64::INFINITY))
        })
        .collect();
    assert!((bounds[0] - 50e-6).abs() < 1e-9, "the first bound is not 50 µs: {bounds:?}");
    assert!((bounds[bounds.len() - 2] - 1.0).abs() < 1e-9, "the last bound is not 1 s: {bounds:?}");
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    let setting = Setting::start(&Pair::new(), &[], &[]);
    let mut client = setting.connect();
    for body in [review("x"), review("x")].into_iter().chain(one_of_each()) {
        client.send(&post(&body));
        client.body();
    }
    let families = scrape(setting.serving.admin_listen);
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        let found = value(&families, name, labels);
        assert!((found - expected).abs() < 0.5, "{name} {labels:?} is {found} instead of {expected}");
    };
    is("pullkey_admission_requests_total", &[("result", "patched")], 3.0);
    is("pullkey_admission_requests_total", &[("result", "unchanged")], 2.0);
    is("pullkey_admission_requests_total", &[("result", "skipped")], 1.0);
    is("pullkey_admission_requests_total", &[("result", "error")], 1.0);
    is("pullkey_admission_duration_seconds_count", &[], 7.0);
    is("pullkey_registry_matches_total", &[("registry", "registry.example.com")], 3.0);
    is("pullkey_images_unparsable_total", &[], 1.0);
    is("pullkey_tls_handshakes_total", &[("result", "ok")], 1.0);
    is("pullkey_tls_handshakes_total", &[("result", "failed")], 0.0);
    is("pullkey_config_reload_successful", &[], 1.0);
    is("pullkey_log_lines_dropped_total", &[], 0.0);
    is("pullkey_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

#[test]
fn connections_and_failed_handshakes_are_counted() {
    let setting = Setting::start(&Pair::new(), &[], &[]);
    let until_is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        until("the connections are counted", || {
            let found = value(&scrape(setting.serving.admin_listen), name, labels);
            if (found - expected).abs() < 0.5 { Ok(()) } else { Err(format!("{name} is {found}")) }
        });
    };
    let idle = [("state", "idle")];
    until_is("pullkey_connections", &idle, 0.0);
    let clients = [setting.connect(), setting.connect()];
    until_is("pullkey_connections", &idle, 2.0);
    drop(clients);
    until_is("pullkey_connections", &idle, 0.0);
    let silent = std::net::TcpStream::connect(setting.serving.listen).expect("the port is open");
    until_is("pullkey_connections", &[("state", "handshake")], 1.0);
    drop(silent);
    until_is("pullkey_connections", &[("state", "handshake")], 0.0);
    let stranger = Pair::new();
    let refused = super::client::Client::connect(setting.serving.listen, "localhost", &[stranger.der]);
    assert!(refused.is_err());
    until_is("pullkey_tls_handshakes_total", &[("result", "failed")], 2.0);
}

/// The reader of this test is as strict as it says.
#[test]
fn text_that_is_no_openmetrics_is_refused() {
    let good =
        "# HELP a_seconds Help.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n";
    assert!(parse(good).is_ok_and(|families: Families| families.len() == 1));
    for (from, to) in [
        ("# EOF\n", ""),
        ("# EOF\n", "# EOF\n\n"),
        ("a_seconds 1\n", "a_seconds 1\na_seconds 2\n"),
        ("a_seconds 1\n", "a_seconds_total 1\n"),
        ("a_seconds 1\n", "a_seconds{x=\"} 1\n"),
        ("a_seconds 1\n", "a_seconds{x=\"1\",x=\"2\"} 1\n"),
        ("a_seconds 1\n", "a_seconds one\n"),
        ("a_seconds 1\n", "a_seconds\n"),
        ("a_seconds 1\n", "a_seconds 1\n# TYPE b gauge\n# HELP b B.\nb 1\n# HELP a_seconds Again.\n"),
        ("# HELP a_seconds Help.\n", ""),
        ("# UNIT a_seconds seconds\n", "# UNIT a_seconds bytes\n"),
        ("gauge", "counter"),
        ("gauge", "colour"),
        ("gauge", "histogram"),
    ] {
        let text = good.replacen(from, to, 1);
        assert!(parse(&text).is_err(), "{text}");
    }
    let histogram = |buckets: &str| {
        parse(&format!("# HELP h H.\n# TYPE h histogram\nh_sum 1\nh_count 3\n{buckets}# EOF\n"))
    };
    assert!(histogram("h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\n").is_ok());
    for wrong in [
        "h_bucket{le=\"1.0\"} 2\n",
        "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\n",
        "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\n",
        "h_bucket{x=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\n",
    ] {
        assert!(histogram(wrong).is_err(), "{wrong}");
    }
}
