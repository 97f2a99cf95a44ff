//! Signals at bad moments.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::client::Client;
use super::place::{Place, folder};
use super::program::command;
use super::requests::{CONFIG, HOST, head, review};
use super::signal::signal;
use super::table::Row;
use super::wait::until;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "SIGTERM twice",
        sent: "SIGTERM, and again, while a request waits for the rest of its body",
        must: "not ready after the first; the end at once after the second, exit code 0",
        run: twice,
    },
    Row {
        name: "SIGTERM under load",
        sent: "SIGTERM with --drain-timeout 5s, then 50 requests, each on a new connection",
        must: "50 times 200 with Connection: close; then the end, exit code 0",
        run: under_load,
    },
    Row {
        name: "SIGTERM with an idle connection",
        sent: "SIGTERM with --drain-timeout 5s, then a request on a connection that was idle",
        must: "200 with Connection: close: it is the client that closes",
        run: idle,
    },
    Row {
        name: "SIGTERM during start",
        sent: "SIGTERM 0 to 38 ms after the program was started, 20 times",
        must: "the end, by the signal or with exit code 0",
        run: during_start,
    },
];

const TERM: i32 = 15;

/// A request half of whose body is still to come.
fn request_under_way(place: &Place) -> anyhow::Result<(Client, String)> {
    let body = review("a-uid", 0);
    let mut client = place.connect()?;
    client.send(head(&format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len())))?;
    // The server asks for the body only once somebody reads it.
    ensure!(client.answer()?.status == 100, "it does not ask for the body");
    let (first, rest) = body.split_at(body.len() / 2);
    client.send(first)?;
    Ok((client, rest.to_owned()))
}

fn until_not_ready(place: &Place) {
    until("it is not ready", || {
        let answer = place.admin("/readyz").map_err(|error| error.to_string())?;
        if answer.starts_with("HTTP/1.1 503 ") { Ok(()) } else { Err(answer) }
    });
}

fn twice() -> anyhow::Result<String> {
    let mut place = Place::start(&["--body-timeout=60s"])?;
    let under_way = request_under_way(&place)?;
    place.program.signal("TERM");
    until_not_ready(&place);
    place.program.assert_running();
    place.program.signal("TERM");
    let status = place.program.ended();
    drop(under_way);
    ensure!(status.code() == Some(0), "it ended with {status}");
    place.program.line("ending at once").map_err(anyhow::Error::msg)?;
    Ok(format!("not ready; {status}"))
}

fn under_load() -> anyhow::Result<String> {
    let mut place = Place::start(&["--drain-timeout=5s"])?;
    place.program.signal("TERM");
    until_not_ready(&place);
    for number in 0..50 {
        let mut client = place.connect().with_context(|| format!("request {number}"))?;
        client.send(super::requests::good())?;
        let answer = client.answer().with_context(|| format!("request {number}"))?;
        answer.is_right("a-uid")?;
        ensure!(answer.closes(), "no Connection: close: {answer:?}");
    }
    let status = place.program.ended();
    ensure!(status.code() == Some(0), "it ended with {status}");
    Ok(format!("50 times 200, closing; {status}"))
}

fn idle() -> anyhow::Result<String> {
    let mut place = Place::start(&["--drain-timeout=5s"])?;
    let mut client = place.connect()?;
    client.is_answered()?;
    place.program.signal("TERM");
    until_not_ready(&place);
    client.send(super::requests::good()).context("on the idle connection")?;
    let answer = client.answer().context("on the idle connection")?;
    answer.is_right("a-uid")?;
    ensure!(answer.closes(), "no Connection: close: {answer:?}");
    drop(client);
    let status = place.program.ended();
    ensure!(status.code() == Some(0), "it ended with {status}");
    Ok(format!("200, closing; {status}"))
}

fn during_start() -> anyhow::Result<String> {
    let folder = folder()?;
    fs::write(folder.path().join("config.yaml"), CONFIG)?;
    let name = format!("--dns-name={HOST}");
    let flags = ["--config=config.yaml", "--ca-out=ca.pem", &name, "--drain-timeout=0s"];
    let (mut by_signal, mut by_itself) = (0, 0);
    for step in 0..20 {
        let log = File::create(folder.path().join("serve.log"))?;
        let mut child = command("", folder.path(), &flags).stderr(log).spawn()?;
        // Not until something has happened: the moment is what this row is about, and it differs each time.
        thread::sleep(Duration::from_millis(2 * step));
        assert!(signal("TERM", child.id()), "SIGTERM cannot be sent");
        let status = until("it ends", || {
            child.try_wait().map_err(|error| error.to_string())?.ok_or_else(|| format!("{} runs", child.id()))
        });
        match (status.signal(), status.code()) {
            (Some(TERM), _) => by_signal += 1,
            (_, Some(0)) => by_itself += 1,
            _ => anyhow::bail!("{step}: it ended with {status}"),
        }
    }
    Ok(format!("{by_signal} by the signal, {by_itself} with exit code 0"))
}
