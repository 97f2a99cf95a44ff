//! Heads that do not come, come slowly, or are too much.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::ensure;

use super::place::with;
use super::requests::{good, head, review};
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "silent after the handshake",
        sent: "nothing in a TLS connection",
        must: "the end after --head-timeout, without a word",
        run: silent,
    },
    Row {
        name: "slow head",
        sent: "a head that never ends, a byte each 10 ms",
        must: "the end after --head-timeout, without a word",
        run: slow_head,
    },
    Row {
        name: "slow second head",
        sent: "a good request, then a head that never ends",
        must: "200, then the end after --idle-timeout",
        run: slow_second_head,
    },
    Row {
        name: "idle after a request",
        sent: "a good request, then nothing",
        must: "200, then the end after --idle-timeout",
        run: idle,
    },
    Row {
        name: "1,000 headers",
        sent: "a good request with 1,000 headers more",
        must: "431 and the end",
        run: thousand_headers,
    },
    Row { name: "one huge header", sent: "a header of 1 MiB", must: "431 and the end", run: huge_header },
    Row {
        name: "a head without end",
        sent: "8 MiB of header lines, without the empty line",
        must: "431 and the end",
        run: endless_head,
    },
    Row {
        name: "a head that is no HTTP",
        sent: "random bytes, bad versions, bad names, bare line feeds in names",
        must: "400 or silence, and the end",
        run: nonsense,
    },
];

fn silent() -> anyhow::Result<String> {
    with(&["--head-timeout=300ms"], |place| {
        place.connect()?.ends_in_silence()?;
        Ok("the end, nothing said".to_owned())
    })
}

fn slow_head() -> anyhow::Result<String> {
    with(&["--head-timeout=300ms"], |place| {
        let mut client = place.connect()?;
        let mut head = head("");
        head.truncate(head.len() - 2);
        client.send(head)?;
        client.trickle(b"x-more: 1\r\n", Duration::from_millis(10))?;
        client.ends_in_silence()?;
        Ok("the end, nothing said".to_owned())
    })
}

fn slow_second_head() -> anyhow::Result<String> {
    with(&["--idle-timeout=300ms"], |place| {
        let mut client = place.connect()?;
        client.is_answered()?;
        client.send("POST /mutate HTTP/1.1\r\n")?;
        client.trickle(b"x-more: 1\r\n", Duration::from_millis(10))?;
        client.ends_in_silence()?;
        Ok("200, the end".to_owned())
    })
}

fn idle() -> anyhow::Result<String> {
    with(&["--idle-timeout=300ms"], |place| {
        let mut client = place.connect()?;
        client.is_answered()?;
        client.ends_in_silence()?;
        Ok("200, the end".to_owned())
    })
}

/// Sends a head with these headers and returns what the table says about the answer.
fn too_much(headers: &str, is_whole: bool) -> anyhow::Result<String> {
    with(&[], |place| {
        let body = review("x", 0);
        let mut request = head(&format!("Content-Length: {}\r\n{headers}", body.len()));
        if is_whole {
            request.push_str(&body);
        } else {
            request.truncate(request.len() - 2);
        }
        let mut client = place.connect()?;
        // The server may answer and close before it has read all of it.
        let sent = client.send(&request);
        let answers = client.answers()?;
        // After a reset nothing can be read any more; this client is none whose errors matter.
        ensure!(answers.len() <= 1 && (sent.is_err() || answers.len() == 1), "{sent:?}, then {answers:?}");
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        ensure!(statuses.iter().all(|status| *status == 431), "{answers:?}");
        Ok(format!("{statuses:?}, the end"))
    })
}

fn thousand_headers() -> anyhow::Result<String> {
    let mut headers = String::new();
    for number in 0..1000 {
        write!(headers, "X-Number-{number}: {number}\r\n")?;
    }
    too_much(&headers, true)
}

fn huge_header() -> anyhow::Result<String> {
    too_much(&format!("X-Huge: {}\r\n", "x".repeat(1024 * 1024)), true)
}

fn endless_head() -> anyhow::Result<String> {
    too_much(&"X-More: 0123456789\r\n".repeat(8 * 1024 * 1024 / 20), false)
}

fn nonsense() -> anyhow::Result<String> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut heads: Vec<Vec<u8>> = (0..10).map(|_| (0..500).map(|_| random.u8(..)).collect()).collect();
    for text in [
        "GET\r\n\r\n",
        "POST /mutate HTTP/9.9\r\n\r\n",
        "POST /mutate HTTP/1.1 HTTP/1.1\r\n\r\n",
        "POST /mut ate HTTP/1.1\r\n\r\n",
        "POST /mutate HTTP/1.1\r\nA B: c\r\n\r\n",
        "POST /mutate HTTP/1.1\r\nA\n: c\r\n\r\n",
        "POST /mutate HTTP/1.1\r\n: c\r\n\r\n",
        "POST /mutate HTTP/1.1\r\nA: \0\r\n\r\n",
        "\0\0\0\0\0\0\r\n\r\n",
    ] {
        heads.push(text.as_bytes().to_vec());
    }
    let count = heads.len();
    with(&[], |place| {
        for head in heads {
            let mut client = place.connect()?;
            let _ = client.send(&head);
            // Random bytes may look like the beginning of a head, for which the server would wait.
            let _ = client.half_close();
            let answers = client.answers()?;
            let shown = String::from_utf8_lossy(&head);
            ensure!(answers.len() <= 1, "{shown:?} is answered by {answers:?}");
            ensure!(
                answers.iter().all(|answer| answer.status == 400),
                "{shown:?} is answered by {answers:?}"
            );
        }
        let mut client = place.connect()?;
        client.send(good())?;
        client.answer()?.is_right("a-uid")?;
        Ok(format!("{count} of them: 400 or silence, and the end"))
    })
}
