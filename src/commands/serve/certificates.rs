//! Which certificate is served, and what keeps it fresh.

use std::env;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::watch;
use crate::certs::anchored::{Anchored, AnchoredFiles};
use crate::certs::bundle::Anchor;
use crate::certs::cell::{Cell, Distrusted, KeyPair};
use crate::certs::ephemeral;
use crate::certs::files::{FilePair, WatchedPair};
use crate::certs::issue;
use crate::certs::issuer::{Issuer, Own};
use crate::certs::published::{Published, Surroundings};
use crate::certs::swap::warn_of_uselessness;
use crate::cli::serve::ServeArgs;
use crate::cluster::client::RegistrationClient;
use crate::process::metrics::Metrics;
use crate::process::ready::{Condition, Conditions};

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    Files(WatchedPair),
    Anchored(AnchoredFiles, Anchored),
    Issued(Issuer, Own),
}

/// The first certificate, and what its successors need.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) pair: KeyPair,
    source: Source,
    client: Option<RegistrationClient>,
    published: Option<Condition>,
    poll_interval: std::time::Duration,
    /// Why the kept certificate was not taken up.
    warning: Option<String>,
}

/// Refuses flags that make no sense together.
pub(super) fn check(args: &ServeArgs) -> anyhow::Result<()> {
    if args.tls_cert.is_none() && args.dns_name.is_empty() {
        bail!("no certificate: give --tls-cert and --tls-key, or --dns-name to have one issued in memory");
    }
    if args.tls_cert.is_some() && args.registration.is_some() && args.tls_ca.is_none() {
        bail!(
            "--registration does not know what to publish for --tls-cert: give its CA by --tls-ca, or leave --registration out when somebody else writes the caBundle"
        );
    }
    Ok(())
}

/// What is served, as PEM, leaf first; at each call anew.
pub(super) fn chain(cell: &Arc<Cell>) -> impl Fn() -> String + Clone + use<> {
    let cell = Arc::clone(cell);
    move || {
        let pair = cell.current();
        let anchors = pair.chain().iter().filter_map(|certificate| Anchor::from_der(certificate.to_vec()));
        anchors.map(|anchor| anchor.pem()).collect()
    }
}

impl Certificates {
    /// Reads or issues the first certificate.
    pub(super) async fn load(args: &ServeArgs) -> anyhow::Result<Self> {
        let client = match args.registration.clone() {
            Some(name) => Some(RegistrationClient::new(name).await.context(
                "--registration needs the API server: run in a Pod with a ServiceAccount, or set KUBECONFIG",
            )?),
            None => None,
        };
        let loaded = |pair, source| Self {
            pair,
            source,
            client,
            published: None,
            poll_interval: args.poll_interval,
            warning: None,
        };
        if let (Some(cert), Some(key)) = (args.tls_cert.clone(), args.tls_key.clone()) {
            let files = FilePair { cert, key };
            if let Some(ca) = args.tls_ca.clone() {
                let (files, first) =
                    AnchoredFiles::load(files, ca).context("cannot use the certificate files")?;
                return Ok(loaded(first.pair.clone(), Source::Anchored(files, first)));
            }
            let (files, pair) = files.load().context("cannot use --tls-cert and --tls-key")?;
            return Ok(loaded(pair, Source::Files(files)));
        }
        let issuer = Issuer {
            names: args.dns_name.clone(),
            life: args.certificate_life,
            own_name: issue::own_name(&pod().or_else(|| variable("HOSTNAME")).unwrap_or_default()),
            ca_out: args.ca_out.clone(),
            state_dir: args.state_dir.clone(),
        };
        let now = Timestamp::now();
        let (kept, warning) = match issuer.take_up(now) {
            // An old one is worth something where it is published already; elsewhere it is renewed in any case.
            Ok(kept) => {
                (kept.filter(|own| args.registration.is_some() || own.leaf.renew_at > Some(now)), None)
            }
            Err(warning) => (None, Some(warning)),
        };
        let first = match kept {
            Some(kept) => {
                issuer.hand_out(&kept)?;
                kept
            }
            None => issuer.issue(now)?,
        };
        Ok(Self { warning, ..loaded(first.pair.clone(), Source::Issued(issuer, first)) })
    }

    /// Says what became clear before there was a log.
    pub(super) fn log_warnings(&self) {
        warn_of_uselessness(&self.pair);
        if let Some(warning) = &self.warning {
            tracing::warn!(warning, "the kept certificate cannot be taken up (--state-dir); issued another");
        }
    }

    /// Where the certificate is to be published, the process is not ready before it is.
    pub(super) fn with_condition(mut self, conditions: &mut Conditions) -> Self {
        if self.client.is_some() {
            self.published = Some(conditions.add("the certificate is not published in the registration yet"));
        }
        self
    }

    /// Keeps the certificate fresh for as long as the process runs.
    pub(super) fn keep(
        self,
        cell: Arc<Cell>,
        metrics: Metrics,
        distrusted: Distrusted,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let around = match (self.client, self.published) {
            (Some(client), Some(ready)) => {
                let (cell, metrics) = (Arc::clone(&cell), metrics.clone());
                Some(Surroundings { client, cell, metrics, distrusted, ready })
            }
            _ => None,
        };
        match (self.source, around) {
            (Source::Files(files), _) => {
                Box::pin(watch::certificate(files, cell, self.poll_interval, metrics))
            }
            (Source::Anchored(files, first), Some(around)) => {
                Box::pin(Published::files(files, first, self.poll_interval, around).keep())
            }
            (Source::Anchored(..), None) => Box::pin(std::future::pending()),
            (Source::Issued(issuer, first), Some(around)) => {
                let own_name = pod().map(|pod| issue::own_name(&pod));
                issuer.keep(&first);
                Box::pin(Published::issued(issuer, first, own_name, around).keep())
            }
            (Source::Issued(issuer, first), None) => {
                issuer.keep(&first);
                Box::pin(ephemeral::keep(issuer, first.leaf, cell, metrics))
            }
        }
    }
}

/// The name of our Pod, where the manifest gives it. Only then is a certificate of this name known to
/// be one of ours: on a host's network the name of the host is that of other Pods too.
fn pod() -> Option<String> {
    variable("POD_NAME")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
