//! What is measured: rounds in which everything takes its turn.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullkey::engine::review::review;
use pullkey::engine::rules::Rules;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::figures::{self, Table};
use crate::load::{self, Load};
use crate::reviews::{Registries, Size, assert_right};
use crate::server::{Memory, Server};

/// A sample is long beside the clock's own cost and short beside a time slice, so that the median
/// of the samples does not know who else was running.
const REVIEWS_PER_SAMPLE: u32 = 10;
const SAMPLES: usize = 20;
/// Few enough that the machine is in the same mood for all servers of a turn.
pub(crate) const REQUESTS_PER_TURN: usize = 1000;

/// What the engine is measured with. The servers have the first.
pub(crate) const REGISTRIES: [Registries; 3] = [
    Registries { exact: 10, globs: 0 },
    Registries { exact: 1000, globs: 0 },
    Registries { exact: 10, globs: 100 },
];

/// What is asked for on the command line.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) pullkey: PathBuf,
    /// How often every program is started anew.
    pub(crate) rounds: usize,
    /// How often each server gets requests in a round, for each length of review.
    pub(crate) turns: usize,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    /// By the place of the size in [`Size::ALL`].
    pub(crate) turns: [Vec<Turn>; 3],
    /// By the place of the size in [`Size::ALL`]: of `pullkey serve` after its requests.
    pub(crate) loaded: [Vec<Memory>; 3],
    /// After one request.
    pub(crate) idle: Vec<Memory>,
    /// The same with the second configuration of [`REGISTRIES`].
    pub(crate) idle_with_many_entries: Vec<Memory>,
    /// From before the program starts to the verified answer, with certificate files.
    pub(crate) start_with_files: Vec<Duration>,
    /// The same, and the certificate is made on the way.
    pub(crate) start_self_issued: Vec<Duration>,
}

/// What one review and one request of one length cost, all within the same fraction of a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// By the place of the configuration in [`REGISTRIES`].
    pub(crate) engine: [Duration; 3],
    pub(crate) floor: Duration,
    /// `pullkey serve` as shipped.
    pub(crate) info: Duration,
    /// `pullkey serve` with a log that is silent about patched Pods.
    pub(crate) warn: Duration,
}

/// A length of review with all that is sent and expected.
struct Case {
    body: Vec<u8>,
    request: Arc<[u8]>,
    answer: Arc<[u8]>,
    answer_file: PathBuf,
}

/// The files that the servers read.
struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

/// Measures everything `plan.rounds` times.
pub(crate) async fn run(plan: &Plan) -> Table {
    let files = Files::write();
    let tls = load::trusting(files.certificate.clone());
    let rules = REGISTRIES.map(Registries::rules);
    let cases = Size::ALL.map(|size| Case::new(size, &rules[0], &files));
    let mut measurements = Measurements::default();
    let usual = &cases[1];
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        for (place, case) in cases.iter().enumerate() {
            let (turns, memory) = turns(plan, &files, &tls, &rules, case).await;
            measurements.turns[place].extend(turns);
            measurements.loaded[place].push(memory);
        }
        let (server, time) = start(plan, &files.serve_args("few.yaml", "info"), &tls, usual).await;
        measurements.start_with_files.push(time);
        measurements.idle.push(server.memory());
        drop(server);
        let (server, _) = start(plan, &files.serve_args("many.yaml", "info"), &tls, usual).await;
        measurements.idle_with_many_entries.push(server.memory());
        drop(server);
        measurements.start_self_issued.push(start_self_issued(plan, &files, usual).await);
    }
    let (server, _) = start(plan, &files.serve_args("few.yaml", "info"), &tls, usual).await;
    figures::table(plan, &measurements, server.maps_a_libc())
}

/// Three servers run side by side, and each gets its requests while the others sleep. Whose turn is
/// first changes.
async fn turns(
    plan: &Plan,
    files: &Files,
    tls: &TlsConnector,
    rules: &[Rules; 3],
    case: &Case,
) -> (Vec<Turn>, Memory) {
    let answer = vec!["--answer".into(), case.answer_file.clone()];
    let servers = [
        Server::floor(&[files.pair_args(), answer].concat()),
        Server::pullkey(&plan.pullkey, &files.serve_args("few.yaml", "info")),
        Server::pullkey(&plan.pullkey, &files.serve_args("few.yaml", "warn")),
    ];
    let mut loads = Vec::new();
    for server in &servers {
        loads.push(Load::open(server, tls, Arc::clone(&case.request), Arc::clone(&case.answer)).await);
    }
    let mut turns = Vec::new();
    for turn in 0..plan.turns {
        let engine = rules.each_ref().map(|rules| engine(&case.body, rules));
        let mut costs = [Duration::ZERO; 3];
        for place in 0..servers.len() {
            let place = (place + turn) % servers.len();
            costs[place] = loads[place].cost(&servers[place], REQUESTS_PER_TURN).await;
        }
        let [floor, info, warn] = costs;
        turns.push(Turn { engine, floor, info, warn });
    }
    (turns, servers[1].memory())
}

/// The time of one review.
fn engine(body: &[u8], rules: &Rules) -> Duration {
    let mut samples: Vec<Duration> = (0..SAMPLES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..REVIEWS_PER_SAMPLE {
                drop(black_box(review(black_box(body), black_box(rules))));
            }
            started.elapsed() / REVIEWS_PER_SAMPLE
        })
        .collect();
    samples.sort_unstable();
    samples[SAMPLES / 2]
}

/// Starts `pullkey serve` and says how long it took to the first right answer.
async fn start(plan: &Plan, args: &[PathBuf], tls: &TlsConnector, case: &Case) -> (Server, Duration) {
    let started = Instant::now();
    let server = Server::pullkey_by_log(&plan.pullkey, args);
    load::first_answer(server.address(), tls, &case.request).await;
    (server, started.elapsed())
}

async fn start_self_issued(plan: &Plan, files: &Files, case: &Case) -> Duration {
    let ca = files.path("ca.pem");
    let args = ["--dns-name".into(), load::SERVER_NAME.into(), "--ca-out".into(), ca.clone()];
    let args = [files.config_args("few.yaml", "info"), args.to_vec()].concat();
    let started = Instant::now();
    let server = Server::pullkey_by_log(&plan.pullkey, &args);
    // The certificate is written before anything listens.
    let certificate = CertificateDer::from_pem_file(&ca).expect("pullkey wrote its certificate");
    load::first_answer(server.address(), &load::trusting(certificate), &case.request).await;
    started.elapsed()
}

impl Case {
    fn new(size: Size, rules: &Rules, files: &Files) -> Self {
        let body = size.review();
        let answer = review(&body, rules).expect("the review is well-formed").body;
        assert_right(&answer);
        let answer_file = files.path(format!("answer-{size}.json"));
        fs::write(&answer_file, &answer).expect("the target folder can be written to");
        Self { request: load::request(&body).into(), answer: answer.into(), body, answer_file }
    }
}

impl Files {
    fn write() -> Self {
        let folder =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written to");
        let write = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).expect("the target folder can be written to");
        };
        let issued = rcgen::generate_simple_self_signed([load::SERVER_NAME.to_owned()])
            .expect("a certificate can be made");
        write("tls.crt", issued.cert.pem());
        write("tls.key", issued.signing_key.serialize_pem());
        write("few.yaml", REGISTRIES[0].yaml());
        write("many.yaml", REGISTRIES[1].yaml());
        let certificate = issued.cert.der().clone();
        Self { folder, certificate }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pair_args(&self) -> Vec<PathBuf> {
        vec!["--tls-cert".into(), self.path("tls.crt"), "--tls-key".into(), self.path("tls.key")]
    }

    fn config_args(&self, config: &str, level: &str) -> Vec<PathBuf> {
        vec!["--config".into(), self.path(config), "--log-level".into(), level.into()]
    }

    fn serve_args(&self, config: &str, level: &str) -> Vec<PathBuf> {
        [self.config_args(config, level), self.pair_args()].concat()
    }
}
