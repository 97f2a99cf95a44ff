//! The client notices what it is there to notice: without this, a table of noughts would prove nothing.

use std::net::SocketAddr;
use std::path::Path;

use super::cases;
use super::certificates::{Certificates, write};
use super::client::{Client, Totals};
use super::replica::Replica;
use super::support::wait::until;
use super::world::{World, verdict};

const REQUESTS: u64 = 60;

/// The trial.
pub(crate) fn the_client_notices_wrong_answers_and_lost_requests(world: &World) -> Result<(), String> {
    let folder = world.folder("noticed");
    let [certificates, stranger] = ["own", "strange"].map(|name| Certificates::make(&world.folder(name)));
    // It knows none of the registries of the cases, so that every patch that must be there is missing.
    let configuration = folder.join("config.yaml");
    write(&configuration, &cases::configuration_with("other"));
    let mut arguments = certificates.arguments();
    arguments.push(format!("--config={}", configuration.display()));
    let mut replica = Replica::start(&folder, &arguments, &[]);
    until("the replica is ready", || replica.ready());

    let wrong = ask(&folder, replica.tls, &certificates);
    let distrusted = ask(&folder, replica.tls, &stranger);
    let address = replica.tls;
    drop(replica);
    let refused = ask(&folder, address, &certificates);

    // A quarter of the cases have all their names already.
    let is_noticed = (wrong.ok, wrong.wrong, wrong.failures()) == (REQUESTS / 4, REQUESTS * 3 / 4, 0);
    verdict([
        expect(is_noticed && wrong.all_right("").is_err(), "patches that are missing", &wrong),
        expect(has_failed(&distrusted, "tls"), "a certificate that is not trusted", &distrusted),
        expect(has_failed(&refused, "refused"), "that nobody listens", &refused),
    ])
}

fn expect(is_noticed: bool, what: &str, totals: &Totals) -> Result<(), String> {
    if is_noticed { Ok(()) } else { Err(format!("the client did not notice {what}: {totals:?}")) }
}

fn has_failed(totals: &Totals, kind: &str) -> bool {
    totals.failed.get(kind) == Some(&REQUESTS) && totals.all_right("").is_err()
}

fn ask(folder: &Path, address: SocketAddr, trusted: &Certificates) -> Totals {
    let cases = folder.join("cases.json");
    write(&cases, &cases::REVIEWS);
    Client::start(&[
        "reviews".to_owned(),
        format!("--address={address}"),
        format!("--ca={}", trusted.ca.display()),
        format!("--cases={}", cases.display()),
        "--rate=100".to_owned(),
        format!("--requests={REQUESTS}"),
    ])
    .finish()
}
