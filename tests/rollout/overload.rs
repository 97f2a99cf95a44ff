//! Far more requests than a replica takes: each refusal must reach the client as a 503 that makes the API server try
//! again, because it takes a connection that breaks for a failed call.

use std::net::{Ipv4Addr, SocketAddr};

use super::cases;
use super::certificates::{Certificates, write};
use super::client::Client;
use super::replica::Replica;
use super::support::wait::until;
use super::table::{Table, count, milliseconds};
use super::world::{World, verdict};

const KIB: usize = 1024;
/// The lengths of the requests, up to the longest that the API server takes from its own clients, and how many are
/// under way at once.
const LOADS: [(usize, usize); 4] = [(8 * KIB, 200), (64 * KIB, 200), (512 * KIB, 64), (3 * KIB * KIB, 64)];
/// Limits so small that they are met on any machine.
const LIMITS: [&str; 2] = ["--max-requests=1", "--max-body-bytes=8388608"];

/// The trial.
pub(crate) fn overload_is_answered_with_503(world: &World) -> Result<(), String> {
    let mut table = Table::new(
        &format!("Overload of one replica with {}", LIMITS.join(" ")),
        &["body", "at once", "requests", "200", "503", "failed", "wrong", "connections", "p50", "p99", "max"],
    );
    let mut results = Vec::new();
    for (length, workers) in LOADS {
        let folder = world.folder(&format!("overload-{length}"));
        let certificates = Certificates::make(&folder);
        let (configuration, cases) = (folder.join("config.yaml"), folder.join("cases.json"));
        write(&configuration, &cases::configuration());
        write(&cases, &cases::REVIEWS);
        let mut arguments = certificates.arguments();
        arguments.push(format!("--config={}", configuration.display()));
        arguments.extend(LIMITS.map(str::to_owned));
        let mut replica = Replica::start(&folder, &arguments, &[]);
        until("the replica is ready", || replica.ready());
        let client = Client::start(&[
            "overload".to_owned(),
            format!("--address={}", SocketAddr::from((Ipv4Addr::LOCALHOST, replica.tls.port()))),
            format!("--ca={}", certificates.ca.display()),
            format!("--cases={}", cases.display()),
            format!("--workers={workers}"),
            format!("--body-bytes={length}"),
            format!("--seconds={}", world.form.overload.as_secs()),
        ]);
        let totals = client.finish();
        until("the replica is still ready", || replica.ready());
        table.push(&[
            format!("{} KiB", length / KIB),
            workers.to_string(),
            count(totals.sent),
            count(totals.ok),
            count(totals.refused),
            totals.kinds(),
            count(totals.wrong),
            count(totals.connections),
            milliseconds(totals.p50_ms),
            milliseconds(totals.p99_ms),
            milliseconds(totals.max_ms),
        ]);
        results.push((length, totals));
    }
    world.show(table);
    // A test in which nothing is refused would prove nothing.
    let is_overload = results.iter().any(|(_, totals)| totals.refused > 0 && totals.ok > 0);
    let overloaded =
        if is_overload { Ok(()) } else { Err("no length was both served and refused".to_owned()) };
    let right =
        results.iter().map(|(length, totals)| totals.all_right(&format!("with {} KiB", length / KIB)));
    verdict(right.chain([overloaded]))
}
