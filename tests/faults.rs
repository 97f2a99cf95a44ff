//! The fault table: what clients, strangers and the machine can do wrong, and what `pullkey serve` does then.
//!
//! Each row starts the real program with limits of its own, does one thing to it over real sockets, and
//! compares what happens with what must happen. Afterwards the program must be well: it runs, is ready,
//! answers a good review, has no connection and no descriptor left over, and no thread of it panicked.
//! The table is printed, and one row that differs makes the command fail.
//!
//! ```text
//! make test-faults                     # all rows, with the release build
//! cargo test --test faults -- head     # the rows with "head" in their name
//! ```

#[path = "support/program.rs"]
mod built;
#[path = "support/running.rs"]
mod running;
#[path = "support/signal.rs"]
mod signal;
#[path = "support/trusting.rs"]
mod trusting;
#[path = "support/wait.rs"]
mod wait;

#[path = "faults/cgroup.rs"]
mod cgroup;
#[path = "faults/client.rs"]
mod client;
#[path = "faults/load.rs"]
mod load;
#[path = "faults/malformed.rs"]
mod malformed;
#[path = "faults/measure.rs"]
mod measure;
#[path = "faults/place.rs"]
mod place;
#[path = "faults/program.rs"]
mod program;
#[path = "faults/requests.rs"]
mod requests;
#[path = "faults/table.rs"]
mod table;

#[path = "faults/bodies.rs"]
mod bodies;
#[path = "faults/descriptors.rs"]
mod descriptors;
#[path = "faults/framing.rs"]
mod framing;
#[path = "faults/handshakes.rs"]
mod handshakes;
#[path = "faults/heads.rs"]
mod heads;
#[path = "faults/output.rs"]
mod output;
#[path = "faults/overload.rs"]
mod overload;
#[path = "faults/signals.rs"]
mod signals;
#[path = "faults/soak.rs"]
mod soak;
#[path = "faults/strangers.rs"]
mod strangers;

use std::process::ExitCode;

use table::Table;

fn main() -> ExitCode {
    let table = Table {
        // They wait more than they work, so some of them run at once.
        together: [
            handshakes::ROWS,
            heads::ROWS,
            bodies::ROWS,
            framing::ROWS,
            output::ROWS,
            signals::ROWS,
            descriptors::ROWS,
            strangers::ROWS,
        ]
        .concat(),
        // These measure, or take all of the machine.
        alone: [overload::ROWS, strangers::CROWD, soak::ROWS].concat(),
    };
    table.run(std::env::args().skip(1))
}
