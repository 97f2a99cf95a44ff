//! A log that nobody reads.

use anyhow::ensure;

use super::place::Place;
use super::requests::good;
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "blocked standard output and error",
        sent: "8,000 good requests while both are pipes that nobody reads",
        must: "8,000 times 200; dropped log lines are counted; SIGTERM still ends it",
        run: blocked,
    },
    Row {
        name: "closed standard error",
        sent: "1,000 good requests after the reader of standard error has gone",
        must: "1,000 times 200",
        run: closed,
    },
];

/// Sends good requests on one connection, many at once.
fn send(place: &Place, requests: usize) -> anyhow::Result<()> {
    let mut client = place.connect()?;
    let batch = 100;
    for _ in 0..requests / batch {
        client.send(good().repeat(batch))?;
        for _ in 0..batch {
            client.answer()?.is_right("a-uid")?;
        }
    }
    Ok(())
}

fn blocked() -> anyhow::Result<String> {
    let mut place = Place::start_unread(&["--drain-timeout=0s"])?;
    send(&place, 8000)?;
    let dropped = place.metric("pullkey_log_lines_dropped_total")?;
    ensure!(dropped > 0.5, "no line was dropped");
    place.assert_well()?;
    place.program.signal("TERM");
    let status = place.program.ended();
    ensure!(status.code() == Some(0), "SIGTERM ended it with {status}");
    Ok(format!("8,000 times 200; {dropped} lines counted; {status}"))
}

fn closed() -> anyhow::Result<String> {
    let mut place = Place::start_unread(&[])?;
    place.program.close_standard_error();
    send(&place, 1000)?;
    place.assert_well()?;
    Ok("1,000 times 200".to_owned())
}
