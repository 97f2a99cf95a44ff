//! The program of a row: started with limits of its own, and looked at when the row is over.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use super::client::{ANSWER_MAX, Client};
use super::load::Target;
use super::measure;
use super::program::Program;
use super::requests::{CONFIG, HOST};
use super::trusting::trusting;
use super::wait::until;

/// A running program in a folder of its own.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) program: Program,
    trusted: CertificateDer<'static>,
    /// How many descriptors were open before anybody connected.
    descriptors: usize,
    /// Last, so that it goes when the program has ended.
    _folder: TempDir,
}

impl Place {
    /// Starts the program with these flags.
    pub(crate) fn start(flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_after("", flags)
    }

    /// Starts it in a shell that does this first.
    pub(crate) fn start_after(preparation: &str, flags: &[&str]) -> anyhow::Result<Self> {
        Self::launch(flags, |folder, flags| Program::start(preparation, folder, flags))
    }

    /// Starts it with a log that nobody reads.
    pub(crate) fn start_unread(flags: &[&str]) -> anyhow::Result<Self> {
        Self::launch(flags, Program::start_unread)
    }

    fn launch(
        flags: &[&str],
        start: impl FnOnce(&Path, &[&str]) -> anyhow::Result<Program>,
    ) -> anyhow::Result<Self> {
        let folder = folder()?;
        fs::write(folder.path().join("config.yaml"), CONFIG)?;
        let name = format!("--dns-name={HOST}");
        let own = ["--config=config.yaml", "--ca-out=ca.pem", &name];
        let program = start(folder.path(), &[&own[..], flags].concat())?;
        let trusted =
            CertificateDer::from_pem_file(folder.path().join("ca.pem")).context("no certificate")?;
        let mut place = Self { program, trusted, descriptors: 0, _folder: folder };
        until("the program is ready", || place.is_ready());
        place.descriptors = until("its own connections have ended", || place.settled_descriptors());
        Ok(place)
    }

    /// A connection without TLS.
    pub(crate) fn tcp(&self) -> anyhow::Result<TcpStream> {
        let tcp = TcpStream::connect(self.program.listen).context("cannot connect")?;
        tcp.set_read_timeout(Some(ANSWER_MAX))?;
        tcp.set_write_timeout(Some(ANSWER_MAX))?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    /// A TLS connection as the API server makes it.
    pub(crate) fn connect(&self) -> anyhow::Result<Client> {
        self.connect_with(&["http/1.1"])
    }

    /// A TLS connection that offers these protocols.
    pub(crate) fn connect_with(&self, protocols: &[&str]) -> anyhow::Result<Client> {
        let mut config = self.tls();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Client::handshake(self.tcp()?, config)
    }

    /// The settings of a client that trusts this server and no other.
    pub(crate) fn tls(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("the certificate can be trusted");
        let mut config = trusting(roots);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The API server's client keeps no sessions.
        config.resumption = rustls::client::Resumption::disabled();
        config
    }

    /// The same for many clients at once.
    pub(crate) fn target(&self) -> Target {
        Target { address: self.program.listen, tls: Arc::new(self.tls()) }
    }

    /// Asks the admin port.
    pub(crate) fn admin(&self, path: &str) -> anyhow::Result<String> {
        let mut tcp = TcpStream::connect(self.program.admin_listen)?;
        tcp.set_read_timeout(Some(ANSWER_MAX))?;
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The sum of all samples of the metrics whose name and labels begin like this.
    pub(crate) fn metric(&self, beginning: &str) -> anyhow::Result<f64> {
        let text = self.admin("/metrics")?;
        let samples = text.lines().filter(|line| line.starts_with(beginning));
        let values: Vec<f64> = samples.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        ensure!(!values.is_empty(), "no metric begins with {beginning}");
        Ok(values.iter().sum())
    }

    /// Fails unless a metric is, or soon becomes, this.
    pub(crate) fn metric_becomes(&self, beginning: &str, expected: impl Fn(f64) -> bool) -> f64 {
        until(&format!("{beginning} is as expected"), || {
            let value = self.metric(beginning).map_err(|error| error.to_string())?;
            if expected(value) { Ok(value) } else { Err(format!("it is {value}")) }
        })
    }

    /// Fails unless the program is as well as before the row.
    pub(crate) fn assert_well(&mut self) -> anyhow::Result<()> {
        self.program.assert_running();
        self.is_answered().context("afterwards")?;
        self.is_ready().map_err(anyhow::Error::msg).context("afterwards")?;
        self.metric_becomes("pullkey_connections", |open| open < 0.5);
        until("no descriptor is left over", || match self.settled_descriptors()? {
            now if now <= self.descriptors => Ok(()),
            now => Err(format!("{now} are open, and {} were", self.descriptors)),
        });
        let log = self.program.log_text();
        ensure!(!log.contains("panicked"), "a thread panicked: {log}");
        self.program.lines();
        Ok(())
    }

    /// Fails unless a good review on a new connection is answered.
    pub(crate) fn is_answered(&self) -> anyhow::Result<()> {
        self.connect().and_then(|mut client| client.is_answered()).context("on a new connection")
    }

    fn is_ready(&self) -> Result<(), String> {
        let answer = self.admin("/readyz").map_err(|error| error.to_string())?;
        if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(format!("not ready: {answer}")) }
    }

    /// How many are open, when it was the same twice.
    fn settled_descriptors(&self) -> Result<usize, String> {
        let count = || measure::descriptors(self.program.id()).map_err(|error| error.to_string());
        let first = count()?;
        std::thread::sleep(std::time::Duration::from_millis(10));
        if count()? == first { Ok(first) } else { Err("their number changes".to_owned()) }
    }
}

/// A temporary folder below `target/`.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder can be made")
}

/// Runs a row against a program with these flags, and sees afterwards whether it is well.
pub(crate) fn with(
    flags: &[&str],
    row: impl FnOnce(&Place) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let mut place = Place::start(flags)?;
    let happened = row(&place)?;
    place.assert_well()?;
    Ok(happened)
}
