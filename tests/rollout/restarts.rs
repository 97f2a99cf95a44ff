//! Rolling restarts under a steady load from a client that has the API server's transport.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::cases;
use super::certificates::{Certificates, write};
use super::client::{Client, Totals};
use super::fleet::Fleet;
use super::table::{Table, count, milliseconds};
use super::world::{Form, World, verdict};

/// How many rows run at the same time. Each is mostly waiting, for its endpoints and for its drains.
const AT_ONCE: usize = 2;

/// The trial.
pub(crate) fn rolling_restarts_lose_no_request(world: &World) -> Result<(), String> {
    let form = world.form;
    let results = for_each_delay(form.delays, |delay| {
        restart(&world.folder(&format!("restarts-{}", delay.as_secs())), delay, form)
    });

    let mut table = Table::new(
        &format!("Rolling restarts of two replicas, {} requests per second", form.rate),
        &[
            "endpoints lag",
            "restarts",
            "drain took",
            "requests",
            "rate",
            "failed",
            "wrong",
            "after a 503",
            "p50",
            "p99",
            "max",
        ],
    );
    for row in &results {
        let (shortest, longest) = row.drains;
        table.push(&[
            format!("{} s", row.delay.as_secs()),
            form.rolls.to_string(),
            format!("{} to {} s", shortest.as_secs(), longest.as_secs()),
            count(row.totals.sent),
            row.totals.rate(),
            row.totals.kinds(),
            count(row.totals.wrong),
            count(row.totals.repeated),
            milliseconds(row.totals.p50_ms),
            milliseconds(row.totals.p99_ms),
            milliseconds(row.totals.max_ms),
        ]);
    }
    world.show(table);
    verdict(
        results.iter().map(|row| row.totals.all_right(&format!("with endpoints lagging {:?}", row.delay))),
    )
}

struct Restarted {
    delay: Duration,
    drains: (Duration, Duration),
    totals: Totals,
}

fn restart(folder: &Path, delay: Duration, form: Form) -> Restarted {
    let (mut fleet, mut client) = serving(folder, delay, form);
    client.push(format!("--requests={}", form.requests));
    let client = Client::start(&client);
    let start = Instant::now();
    for replacement in 0..form.rolls * 2 {
        thread::sleep((form.pace * replacement).saturating_sub(start.elapsed()));
        fleet.replace_one();
    }
    let drains = fleet.drained();
    let totals = client.finish();
    // The long form takes minutes, and somebody may be watching.
    eprintln!(
        "\nendpoints lag {delay:?}: {} requests, failed {}, wrong {}",
        totals.sent,
        totals.kinds(),
        totals.wrong
    );
    Restarted { delay, drains, totals }
}

/// Makes a row for each delay, in their order, a few at a time.
pub(crate) fn for_each_delay<T: Send>(delays: &[u64], row: impl Fn(Duration) -> T + Sync) -> Vec<T> {
    let row = &row;
    let some = |delays: &[u64]| {
        thread::scope(|scope| {
            let start = |&delay: &u64| scope.spawn(move || row(Duration::from_secs(delay)));
            let running: Vec<_> = delays.iter().map(start).collect();
            running.into_iter().map(|row| row.join().expect("its panic has been printed")).collect()
        })
    };
    delays.chunks(AT_ONCE).flat_map(|delays| -> Vec<T> { some(delays) }).collect()
}

/// Two replicas, and the arguments of a client that asks them steadily.
pub(crate) fn serving(folder: &Path, delay: Duration, form: Form) -> (Fleet, Vec<String>) {
    let certificates = Certificates::make(folder);
    let (configuration, cases) = (folder.join("config.yaml"), folder.join("cases.json"));
    write(&configuration, &cases::configuration());
    write(&cases, &cases::REVIEWS);
    let mut arguments = certificates.arguments();
    arguments.push(format!("--config={}", configuration.display()));
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let fleet = Fleet::start(folder, anywhere, delay, arguments, Vec::new());
    let client = vec![
        "reviews".to_owned(),
        format!("--address={}", fleet.balancer.address),
        format!("--ca={}", certificates.ca.display()),
        format!("--cases={}", cases.display()),
        format!("--rate={}", form.rate),
    ];
    (fleet, client)
}
