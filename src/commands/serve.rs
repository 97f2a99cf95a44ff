//! `pullkey serve`: the webhook, from the command line to the last answer.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::input::ConfigFile;
use crate::certs::cell::{Cell, Distrusted};
use crate::cli::serve::{LogFormat, ServeArgs};
use crate::engine::review::review;
use crate::engine::rules::Rules;
use crate::process::admin;
use crate::process::logs::{Format, Logs};
use crate::process::metrics::Metrics;
use crate::process::ready::Conditions;
use crate::process::shutdown::StopSignals;
use crate::server::active::Active;
use crate::server::listener::{self, Listener};
use crate::server::probe::{Probe, ProbeAddress};
use crate::server::routes::Webhook;
use crate::server::tls;

mod certificates;
mod limits;
mod watch;

use certificates::Certificates;

/// A review takes microseconds; two threads keep one slow client's TLS from delaying the others.
const WORKER_THREADS: usize = 2;

/// The tasks that live as long as the process. One that ends by itself ends the process, by name.
type Tasks = JoinSet<&'static str>;

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    certificates::check(&args)?;
    let config = ConfigFile::load(&args.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(args, config))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: ServeArgs, config: ConfigFile) -> anyhow::Result<()> {
    let mut signals = StopSignals::catch().context("cannot catch signals")?;
    let tcp = bind(args.listen, "--listen").await?;
    let admin_tcp = bind(args.admin_listen, "--admin-listen").await?;
    let (listen, admin_listen) = (tcp.local_addr()?, admin_tcp.local_addr()?);
    // Last of all that can fail, because it writes `--ca-out`.
    let certificates = Certificates::load(&args).await?;

    let logs = start_logs(&args);
    config.log_warnings(&args.config);
    certificates.log_warnings();

    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let ConfigFile { config, hash, .. } = config;
    metrics.set_config_hash(&hash);
    metrics.config_reload_successful.set(1);
    metrics.certificate_expiry.set(certificates.pair.not_after().as_second());

    let mut conditions = Conditions::default();
    let answering = conditions.add("the TLS port has not answered a review of its own yet");
    let certificates = certificates.with_condition(&mut conditions);
    let readiness = conditions.finish();

    let cell = Arc::new(Cell::new(certificates.pair.clone()));
    let distrusted = Distrusted::default();
    let active = Arc::new(ArcSwap::from_pointee(Active::new(Rules::new(config), &metrics)));
    let webhook = Webhook { active: Arc::clone(&active), metrics: metrics.clone(), review };
    let tls = Arc::new(tls::config(Arc::clone(&cell) as _));

    let stop = CancellationToken::new();
    let probe = Probe { listen, cell: Arc::clone(&cell), address: ProbeAddress::default() };
    let listener = Listener {
        tcp,
        tls,
        webhook,
        limits: limits::of(&args),
        probe: probe.address.clone(),
        distrusted: distrusted.clone(),
    };
    let mut serving = tokio::spawn(listener.serve(stop.clone().cancelled_owned()));

    let mut tasks = Tasks::new();
    let served = certificates::chain(&cell);
    let admin = admin::routes(readiness.clone(), registry, metrics.clone(), logs.dropped(), served);
    tasks.spawn(async { (admin::serve(admin_tcp, admin).await, "admin port").1 });
    let keep = certificates.keep(cell, metrics.clone(), distrusted);
    tasks.spawn(async { (keep.await, "certificate watch").1 });
    if args.reload {
        let watch = watch::configuration(args.config, hash.clone(), active, args.poll_interval, metrics);
        tasks.spawn(async { (watch.await, "configuration watch").1 });
    }
    let ready = async {
        probe.answered().await;
        tracing::info!("answering");
        answering.met();
        pending::<Infallible>().await
    };
    let drain_timeout = format!("{:#}", jiff::SignedDuration::try_from(args.drain_timeout)?);
    tracing::info!(%listen, %admin_listen, config = hash, "serving");

    tokio::select! {
        signal = signals.next() => tracing::info!(signal, drain_timeout, "stopping"),
        never = ready => match never {},
        _ = &mut serving => bail!("the TLS port ended unexpectedly"),
        Some(ended) = tasks.join_next() => bail!("the {} ended unexpectedly", ended.unwrap_or("task that panicked")),
    }
    readiness.stop();
    stop.cancel();
    tokio::select! {
        ended = serving => ended.context("the TLS port ended unexpectedly")?,
        signal = signals.next() => tracing::warn!(signal, "ending at once"),
    }
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    listener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!(
                "port {} is in use ({flag} {address}); end the other program or choose another port",
                address.port()
            )
        }
        _ => anyhow!(error).context(format!("cannot listen on {address} ({flag})")),
    })
}

fn start_logs(args: &ServeArgs) -> Logs {
    let format = match args.log_format {
        LogFormat::Auto => Format::for_stderr(),
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    Logs::start(format, args.log_level)
}
