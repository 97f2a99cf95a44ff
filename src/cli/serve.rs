//! The command line of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::certs::issue::SubjectName;
use crate::engine::config::is_dns_label;
use crate::server::limits::BODY_BYTES_MAX;

pub(super) const EXAMPLES: &str = "\
Examples:
  # As in the cluster: a certificate of its own, published in the registration
  pullkey serve --config config.yaml --dns-name pullkey.pullkey-system.svc --registration pullkey

  # With certificate files
  pullkey serve --config config.yaml --tls-cert tls.crt --tls-key tls.key

  # To try it: a throw-away certificate, whose PEM a client must trust
  pullkey serve --config config.yaml --listen 127.0.0.1:8443 --dns-name localhost --ca-out ca.pem

Every flag can also be set by the environment variable in brackets.
The certificate files are compared by content every --poll-interval and swapped without a restart.";

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration, a YAML file
    #[arg(long, value_name = "FILE", env = "PULLKEY_CONFIG")]
    pub config: PathBuf,

    /// Read the configuration again when the file's content changes
    ///
    /// A file that is wrong is refused and the last good rules stay, until the next restart fails.
    #[arg(long, env = "PULLKEY_RELOAD", value_parser = boolean)]
    pub reload: bool,

    /// Where the API server connects to, by TLS
    #[arg(long, value_name = "ADDRESS", env = "PULLKEY_LISTEN", default_value = "[::]:8443", value_parser = address)]
    pub listen: SocketAddr,

    /// Where /livez, /readyz, /certificate and /metrics are answered, without TLS
    #[arg(long, value_name = "ADDRESS", env = "PULLKEY_ADMIN_LISTEN", default_value = "[::]:8080", value_parser = address)]
    pub admin_listen: SocketAddr,

    /// The certificate chain, a PEM file, leaf first
    #[arg(long, value_name = "FILE", env = "PULLKEY_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", env = "PULLKEY_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// The CA certificates to publish for the certificate files, a PEM file
    #[arg(
        long,
        value_name = "FILE",
        env = "PULLKEY_TLS_CA",
        requires = "tls_cert",
        requires = "registration"
    )]
    pub tls_ca: Option<PathBuf>,

    /// Issue a certificate for this host name or IP address, kept in memory; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "PULLKEY_DNS_NAME",
        value_delimiter = ',',
        conflicts_with = "tls_cert"
    )]
    pub dns_name: Vec<SubjectName>,

    /// Write the issued certificate here, for the client that must trust it
    #[arg(long, value_name = "FILE", env = "PULLKEY_CA_OUT", conflicts_with = "tls_cert")]
    pub ca_out: Option<PathBuf>,

    /// How long an issued certificate is valid; it is renewed at two thirds of its life
    #[arg(long, value_name = "DURATION", env = "PULLKEY_CERTIFICATE_LIFE", default_value = "24h", allow_hyphen_values = true, value_parser = certificate_life)]
    pub certificate_life: Duration,

    /// Keep the issued certificate here, so that a restarted container serves the same one
    ///
    /// The folder holds a private key: use one that lives in memory and dies with the Pod.
    #[arg(long, value_name = "FOLDER", env = "PULLKEY_STATE_DIR", conflicts_with = "tls_cert")]
    pub state_dir: Option<PathBuf>,

    /// Keep the certificate published in the mutating webhook configuration of this name
    ///
    /// It stands in the caBundle of the webhook inject.pullkey.dev, and is served only once it is trusted there.
    /// The API server is found by KUBECONFIG, or from within a Pod.
    #[arg(long, value_name = "NAME", env = "PULLKEY_REGISTRATION", conflicts_with = "ca_out", value_parser = object_name)]
    pub registration: Option<String>,

    /// How often files are compared by content
    #[arg(long, value_name = "DURATION", env = "PULLKEY_POLL_INTERVAL", default_value = "10s", allow_hyphen_values = true, value_parser = duration)]
    pub poll_interval: Duration,

    /// From the signal to stop to the end of serving, at the latest
    ///
    /// After SIGTERM pullkey serves on for at least 15 s, until nobody is sent to it any more. With 0s it only
    /// answers what is under way. A second signal ends it at once.
    #[arg(long, value_name = "DURATION", env = "PULLKEY_DRAIN_TIMEOUT", default_value = "60s", allow_hyphen_values = true, value_parser = duration_or_zero)]
    pub drain_timeout: Duration,

    /// The form of the log on standard error
    #[arg(long, value_name = "FORM", env = "PULLKEY_LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,

    /// The least serious log lines to write: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", env = "PULLKEY_LOG_LEVEL", default_value = "info", value_parser = level)]
    pub log_level: LevelFilter,

    /// What one client, and all of them, may take.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Limits of `serve`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Open connections; at this number one of the address that holds too many gives way
    #[arg(long, value_name = "NUMBER", env = "PULLKEY_MAX_CONNECTIONS", default_value = "1024", value_parser = number)]
    pub max_connections: usize,

    /// TLS handshakes under way; at this number the longest one gives way
    #[arg(long, value_name = "NUMBER", env = "PULLKEY_MAX_HANDSHAKES", default_value = "1024", value_parser = number)]
    pub max_handshakes: usize,

    /// Requests under way; more wait for a second and are then told to come again (503)
    #[arg(long, value_name = "NUMBER", env = "PULLKEY_MAX_REQUESTS", default_value = "512", value_parser = number)]
    pub max_requests: usize,

    /// Bytes of long request bodies held at once, at least one body of 7 MiB; more wait likewise
    #[arg(long, value_name = "BYTES", env = "PULLKEY_MAX_BODY_BYTES", default_value = "25165824", value_parser = body_bytes)]
    pub max_body_bytes: usize,

    /// How long a TLS handshake may take
    #[arg(long, value_name = "DURATION", env = "PULLKEY_HANDSHAKE_TIMEOUT", default_value = "5s", allow_hyphen_values = true, value_parser = duration)]
    pub handshake_timeout: Duration,

    /// How long a new connection may wait with its first request
    #[arg(long, value_name = "DURATION", env = "PULLKEY_HEAD_TIMEOUT", default_value = "120s", allow_hyphen_values = true, value_parser = duration)]
    pub head_timeout: Duration,

    /// How long a connection may be idle between two requests; the API server keeps one for 90s
    #[arg(long, value_name = "DURATION", env = "PULLKEY_IDLE_TIMEOUT", default_value = "120s", allow_hyphen_values = true, value_parser = duration)]
    pub idle_timeout: Duration,

    /// How long the body of a request may take
    #[arg(long, value_name = "DURATION", env = "PULLKEY_BODY_TIMEOUT", default_value = "10s", allow_hyphen_values = true, value_parser = duration)]
    pub body_timeout: Duration,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// One line of text for each event
    Text,
    /// One JSON object for each event
    Json,
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write an IP address with a port, such as 127.0.0.1:8443 or [::]:8443".to_owned())
}

fn certificate_life(text: &str) -> Result<Duration, String> {
    let (shortest, longest) = (Duration::from_secs(5), Duration::from_secs(365 * 24 * 60 * 60));
    parsed_duration(text)
        .filter(|life| (shortest..=longest).contains(life))
        .ok_or_else(|| "write a time from 5s to 8760h (a year), such as 24h".to_owned())
}

pub(super) fn object_name(text: &str) -> Result<String, String> {
    if text.len() <= 253 && text.split('.').all(is_dns_label) {
        return Ok(text.to_owned());
    }
    Err("write the name of a MutatingWebhookConfiguration, such as pullkey".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let shortest = Duration::from_millis(100);
    parsed_duration(text)
        .filter(|duration| *duration >= shortest)
        .ok_or_else(|| "write a time of at least 100ms, such as 10s or 500ms".to_owned())
}

fn duration_or_zero(text: &str) -> Result<Duration, String> {
    parsed_duration(text).ok_or_else(|| "write a time such as 60s, or 0s".to_owned())
}

pub(super) fn parsed_duration(text: &str) -> Option<Duration> {
    text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok())
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| "write a number from 1 to 1000000".to_owned())
}

fn body_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().filter(|bytes| *bytes >= BODY_BYTES_MAX);
    bytes.ok_or_else(|| format!("write a number of bytes, at least {BODY_BYTES_MAX}: one body of 7 MiB"))
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "write error, warn, info, debug or trace".to_owned())
}
