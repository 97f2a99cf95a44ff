//! What the trials share: how long they are, a folder each, and the tables.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::site::Site;
use super::support::sandbox::Inside;
use super::table::Table;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// How long a change of readiness takes to reach the Service, in seconds, for the transport client.
    pub(crate) delays: &'static [u64],
    /// The same for the real API server.
    pub(crate) pod_delays: &'static [u64],
    /// How many requests the transport client sends per second.
    pub(crate) rate: u64,
    /// How often both replicas are replaced.
    pub(crate) rolls: u32,
    /// The same while Pods are created by the real API server.
    pub(crate) pod_rolls: u32,
    /// The least time from one replacement to the next.
    pub(crate) pace: Duration,
    /// The least number of requests.
    pub(crate) requests: u64,
    /// Whether all that was there before must have ended before the next thing happens to the real API server's
    /// replicas; otherwise that is so only at the end.
    pub(crate) is_patient: bool,
    /// How often the certificate is renewed.
    pub(crate) renewals: u32,
    /// How long certificates renew themselves while nothing else happens.
    pub(crate) steady: Duration,
    /// How long there is overload.
    pub(crate) overload: Duration,
}

/// For a busy machine and a build without optimisation.
const SHORT: Form = Form {
    delays: &[0, 1],
    pod_delays: &[1],
    rate: 100,
    rolls: 2,
    pod_rolls: 1,
    pace: Duration::from_millis(1500),
    requests: 0,
    is_patient: false,
    renewals: 3,
    steady: Duration::from_secs(15),
    overload: Duration::from_secs(2),
};

/// What the documentation quotes.
const LONG: Form = Form {
    delays: &[0, 1, 5, 10],
    pod_delays: &[0, 1, 5, 10],
    rate: 500,
    rolls: 20,
    pod_rolls: 2,
    pace: Duration::from_secs(5),
    requests: 100_000,
    is_patient: true,
    renewals: 15,
    steady: Duration::from_secs(120),
    overload: Duration::from_secs(10),
};

/// The place of the trials.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) inside: Inside,
    pub(crate) form: Form,
    tables: Mutex<Vec<Table>>,
    site: OnceLock<Site>,
}

impl World {
    pub(crate) fn new(inside: Inside) -> Self {
        let is_long = env::var_os("PULLKEY_ROLLOUT").is_some_and(|form| form == "long");
        Self {
            inside,
            form: if is_long { LONG } else { SHORT },
            tables: Mutex::default(),
            site: OnceLock::new(),
        }
    }

    /// A folder of its own for a trial.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.inside.folder.join(name);
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        folder
    }

    /// The cluster that the trials share.
    pub(crate) fn site(&self) -> &Site {
        self.site.get_or_init(|| Site::install(&self.inside, self.folder("pods")))
    }

    /// Shows a table now, and again at the end.
    pub(crate) fn show(&self, table: Table) {
        eprintln!("\n{table}");
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).push(table);
    }

    /// Prints all tables.
    pub(crate) fn print(&self) {
        for table in self.tables.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            println!("{table}");
        }
    }
}

/// Fails with all reasons, if there are any.
pub(crate) fn verdict(results: impl IntoIterator<Item = Result<(), String>>) -> Result<(), String> {
    let reasons: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if reasons.is_empty() { Ok(()) } else { Err(reasons.join("\n")) }
}
