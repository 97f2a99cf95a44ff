//! What pullkey costs, as one table: `cargo bench --bench table`.
//!
//! A request to `pullkey serve` is compared with one to the floor: a server of hyper and
//! tokio-rustls that reads the body and answers fixed bytes. The machine may be busy, so nothing
//! is compared across time: the servers take turns of a fraction of a second, a ratio is one of
//! neighbouring turns, and the table shows medians. A figure beyond its limit is a row that says "missed", not a failure.
//!
//! In reading order: `rounds` says what is measured, `figures` is the table, `server` runs a
//! server and asks the operating system about it, `load` is the client, `floor` is the floor.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

mod figures;
mod floor;
mod load;
#[path = "../support/reviews.rs"]
mod reviews;
mod rounds;
mod server;

use rounds::Plan;

#[derive(Debug, Parser)]
struct Args {
    /// How often every program is started anew
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    rounds: usize,

    /// How often each server gets a thousand requests in a round, for each length of review
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    turns: usize,

    /// The pullkey to measure instead of the one that cargo built, such as a static one
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_pullkey"))]
    pullkey: PathBuf,

    /// What `cargo bench` says; without it (`cargo test --benches`) one short round shows that all works
    #[arg(long, hide = true)]
    bench: bool,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the floor; the table starts itself so
    #[command(hide = true)]
    Floor(floor::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Role::Floor(args)) = args.role {
        floor::run(args);
        return ExitCode::SUCCESS;
    }
    if !server::can_be_measured() {
        println!("skipped: table (needs the scheduler's figures in /proc, as Linux has them)");
        return ExitCode::SUCCESS;
    }
    let (rounds, turns) = if args.bench { (args.rounds.max(1), args.turns.max(1)) } else { (1, 1) };
    let plan = Plan { pullkey: args.pullkey, rounds, turns };
    // One thread sends all requests: the other core is the server's.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the runtime starts");
    runtime.block_on(async {
        // Without this a SIGTERM would leave the servers behind: nothing would be dropped.
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be caught");
        let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be caught");
        tokio::select! {
            table = rounds::run(&plan) => print!("{table}"),
            _ = terminate.recv() => return ExitCode::FAILURE,
            _ = interrupt.recv() => return ExitCode::FAILURE,
        }
        ExitCode::SUCCESS
    })
}
