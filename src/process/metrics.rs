//! Every metric by name. What the hot path counts is an atomic number, found once at start.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::DurationHistogram;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestResult {
    /// Names were added.
    Patched,
    /// The Pod has all that it needs.
    Unchanged,
    /// A mirror Pod, a Pod that opted out, or no creation of a Pod.
    Skipped,
    /// The request was refused: see the HTTP status in the log.
    Error,
    /// There was too much to do; the caller was told to come again.
    Shed,
}

/// What an open connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// The TLS handshake.
    Handshake,
    /// Nothing: it waits for a request.
    Idle,
    /// A request.
    Active,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeResult {
    /// The connection is up.
    Ok,
    /// The client broke off, or does not trust the certificate.
    Failed,
    /// The client was too slow.
    Timeout,
}

/// One label with a value from a fixed list.
type FixedLabel = [(&'static str, &'static str); 1];
/// One label with a value from the configuration.
type OwnLabel = [(&'static str, String); 1];

/// The metrics of the process. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics {
    patched: Counter,
    unchanged: Counter,
    skipped: Counter,
    error: Counter,
    shed: Counter,
    connections_handshake: Gauge,
    connections_idle: Gauge,
    connections_active: Gauge,
    handshake_ok: Counter,
    handshake_failed: Counter,
    handshake_timeout: Counter,
    registry_matches: Family<OwnLabel, Counter>,
    config_info: Family<OwnLabel, Gauge>,
    /// How long reviews took, from the whole body to the answer.
    pub duration: DurationHistogram,
    /// Images that are no image name.
    pub images_unparsable: Counter,
    /// When the served certificate ends, in seconds since 1970.
    pub certificate_expiry: Gauge,
    /// 1 while what is served stands in the caBundle of the registration and has settled there.
    pub certificate_published: Gauge,
    /// How often something of ours had to be put back into the caBundle.
    pub bundle_repairs: Counter,
    /// Changed certificate files that could not be used; the former pair goes on being served.
    pub certificate_reload_failures: Counter,
    /// 1 when the newest configuration is in use, 0 when it was refused.
    pub config_reload_successful: Gauge,
    /// Log lines dropped because standard error did not take them.
    pub log_lines_dropped: Counter,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn new(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("pullkey");
        let requests = Family::<FixedLabel, Counter>::default();
        let handshakes = Family::<FixedLabel, Counter>::default();
        let connections = Family::<FixedLabel, Gauge>::default();
        let request = |result| requests.get_or_create_owned(&[("result", result)]);
        let handshake = |result| handshakes.get_or_create_owned(&[("result", result)]);
        let connection = |state| connections.get_or_create_owned(&[("state", state)]);
        let metrics = Self {
            patched: request("patched"),
            unchanged: request("unchanged"),
            skipped: request("skipped"),
            error: request("error"),
            shed: request("shed"),
            connections_handshake: connection("handshake"),
            connections_idle: connection("idle"),
            connections_active: connection("active"),
            handshake_ok: handshake("ok"),
            handshake_failed: handshake("failed"),
            handshake_timeout: handshake("timeout"),
            registry_matches: Family::default(),
            config_info: Family::default(),
            duration: DurationHistogram::default(),
            images_unparsable: Counter::default(),
            certificate_expiry: Gauge::default(),
            certificate_published: Gauge::default(),
            bundle_repairs: Counter::default(),
            certificate_reload_failures: Counter::default(),
            config_reload_successful: Gauge::default(),
            log_lines_dropped: Counter::default(),
        };
        let Self { duration, registry_matches, images_unparsable, .. } = metrics.clone();
        registry.register("admission_requests", "Requests to the webhook by result", requests);
        registry.register_with_unit(
            "admission_duration",
            "Time that a review takes",
            Unit::Seconds,
            duration,
        );
        registry.register(
            "registry_matches",
            "Pods by the registry entry that matched them",
            registry_matches,
        );
        registry.register("images_unparsable", "Images that are no image name", images_unparsable);
        registry.register("connections", "Open connections by what they do", connections);
        registry.register("tls_handshakes", "TLS handshakes by result", handshakes);
        let Self { certificate_expiry, certificate_reload_failures, config_info, .. } = metrics.clone();
        let help = "When the served certificate ends, in seconds since 1970";
        registry.register_with_unit("certificate_expiry_timestamp", help, Unit::Seconds, certificate_expiry);
        let Self { certificate_published, bundle_repairs, .. } = metrics.clone();
        let help = "1 while the registration trusts what is served; 0 also without --registration";
        registry.register("certificate_published", help, certificate_published);
        let help = "How often our certificate was put back into the caBundle";
        registry.register("bundle_repairs", help, bundle_repairs);
        let help = "Changed certificate files that could not be used";
        registry.register("certificate_reload_failures", help, certificate_reload_failures);
        registry.register("config_info", "The configuration in use by its hash", config_info);
        let Self { config_reload_successful, log_lines_dropped, .. } = metrics.clone();
        let help = "1 when the newest configuration is in use, 0 when it was refused";
        registry.register("config_reload_successful", help, config_reload_successful);
        let help = "Log lines dropped because standard error did not take them";
        registry.register("log_lines_dropped", help, log_lines_dropped);
        registry.register(
            "build",
            "The version that runs",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        metrics
    }

    /// Metrics that nobody sees.
    #[must_use]
    pub fn unregistered() -> Self {
        Self::new(&mut Registry::default())
    }

    /// The counter for a result of a request.
    #[must_use]
    pub fn requests(&self, result: RequestResult) -> &Counter {
        match result {
            RequestResult::Patched => &self.patched,
            RequestResult::Unchanged => &self.unchanged,
            RequestResult::Skipped => &self.skipped,
            RequestResult::Error => &self.error,
            RequestResult::Shed => &self.shed,
        }
    }

    /// The number of open connections in a state.
    #[must_use]
    pub fn connections(&self, state: ConnectionState) -> &Gauge {
        match state {
            ConnectionState::Handshake => &self.connections_handshake,
            ConnectionState::Idle => &self.connections_idle,
            ConnectionState::Active => &self.connections_active,
        }
    }

    /// The counter for a result of a handshake.
    #[must_use]
    pub fn handshakes(&self, result: HandshakeResult) -> &Counter {
        match result {
            HandshakeResult::Ok => &self.handshake_ok,
            HandshakeResult::Failed => &self.handshake_failed,
            HandshakeResult::Timeout => &self.handshake_timeout,
        }
    }

    /// The counter of a registry entry, by the entry's name. Takes a lock: not for the hot path.
    #[must_use]
    pub fn registry_matches(&self, name: &str) -> Counter {
        self.registry_matches.get_or_create_owned(&[("registry", name.to_owned())])
    }

    /// Says which configuration is in use.
    pub fn set_config_hash(&self, hash: &str) {
        self.config_info.clear();
        self.config_info.get_or_create(&[("hash", hash.to_owned())]).set(1);
    }
}
