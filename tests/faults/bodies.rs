//! Bodies that come slowly, lie about their length, or never end.

use std::time::Duration;

use anyhow::ensure;

use super::place::with;
use super::requests::{Answer, good, head, post, review};
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "slow body",
        sent: "a body of 7,000 bytes, a byte each 10 ms",
        must: "408 and the end after --body-timeout",
        run: slow_body,
    },
    Row {
        name: "slow chunks",
        sent: "a chunked body, a byte each 10 ms, without end",
        must: "408 and the end after --body-timeout",
        run: slow_chunks,
    },
    Row {
        name: "slow body of a refused request",
        sent: "text/plain, a byte each 10 ms",
        must: "408 and the end after --body-timeout",
        run: slow_refused_body,
    },
    Row {
        name: "huge Content-Length",
        sent: "Content-Length of 8 MiB, 1 TiB, 2^64 - 1 and 20 digits, no body",
        must: "413, or 400 or 431 where it is no length; the end",
        run: huge_length,
    },
    Row {
        name: "chunks without end",
        sent: "chunks until the server has enough",
        must: "413 and the end",
        run: endless_chunks,
    },
    Row {
        name: "Content-Length shorter than the body",
        sent: "a review cut off by its length; then a whole one with surplus bytes",
        must: "400 and the end; 200, 400 and the end",
        run: shorter,
    },
    Row {
        name: "Content-Length longer than the body",
        sent: "a good request that announces ten bytes more, and waits",
        must: "408 and the end after --body-timeout; no patch",
        run: longer,
    },
    Row {
        name: "body that breaks off",
        sent: "half a body, then close_notify and FIN",
        must: "400 or silence, and the end; no patch",
        run: broken_off,
    },
    Row {
        name: "bodies that are no review",
        sent: "nothing, null, an array, depth 100,000, 1 MiB of quotes, UTF-16, gzip",
        must: "400 and the end, each",
        run: no_review,
    },
];

const SHORT: &str = "--body-timeout=300ms";

fn is_refused(answer: &Answer, status: u16) -> anyhow::Result<()> {
    ensure!(answer.status == status, "{answer:?}");
    ensure!(answer.closes(), "the refusal does not say that it closes: {answer:?}");
    Ok(())
}

fn trickled(head: &str) -> anyhow::Result<String> {
    with(&[SHORT], |place| {
        let mut client = place.connect()?;
        client.send(head)?;
        client.trickle(b"1\r\n \r\n", Duration::from_millis(10))?;
        is_refused(&client.last_answer()?, 408)?;
        Ok("408, the end".to_owned())
    })
}

fn slow_body() -> anyhow::Result<String> {
    trickled(&head("Content-Length: 7000\r\n"))
}

fn slow_chunks() -> anyhow::Result<String> {
    trickled(&head("Transfer-Encoding: chunked\r\n"))
}

fn slow_refused_body() -> anyhow::Result<String> {
    trickled(&head("Content-Length: 7000\r\n").replace("application/json\r\n", "text/plain\r\n"))
}

fn huge_length() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut statuses = Vec::new();
        for (length, expected) in [
            ("8388608", &[413][..]),
            ("1099511627776", &[413]),
            ("18446744073709551615", &[400, 413, 431]),
            ("99999999999999999999", &[400]),
            ("-1", &[400]),
            ("0x10", &[400]),
        ] {
            let mut client = place.connect()?;
            client.send(head(&format!("Content-Length: {length}\r\n")))?;
            let answer = client.last_answer()?;
            ensure!(expected.contains(&answer.status), "{length}: {answer:?}");
            statuses.push(answer.status);
        }
        Ok(format!("{statuses:?}, the end"))
    })
}

fn endless_chunks() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut client = place.connect()?;
        client.send(head("Transfer-Encoding: chunked\r\n"))?;
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
        let mut sent = 0;
        // Twice what may be accepted; what stands in the buffers of the machine is less than that.
        while sent < 14 * 16 && client.send(&chunk).is_ok() {
            sent += 1;
        }
        let answers = client.answers()?;
        ensure!(answers.iter().all(|answer| answer.status == 413) && answers.len() <= 1, "{answers:?}");
        // Unread bytes at the close may cost this client the answer; the log has it all the same.
        let refused = r#""status":413"#;
        super::wait::until("the refusal is logged", || {
            if place.program.log_text().contains(refused) { Ok(()) } else { Err(place.program.log_text()) }
        });
        Ok("413, the end".to_owned())
    })
}

fn shorter() -> anyhow::Result<String> {
    let body = review("x", 0);
    let cut_off = head(&format!("Content-Length: {}\r\n", body.len() - 10)) + &body;
    let surplus = good() + "0123456789\r\n\r\n";
    with(&[], |place| {
        let mut client = place.connect()?;
        client.send(cut_off)?;
        is_refused(&client.last_answer()?, 400)?;
        let mut client = place.connect()?;
        client.send(surplus)?;
        let answers = client.answers()?;
        ensure!(answers.len() == 2 && answers[1].status == 400, "{answers:?}");
        answers[0].is_right("a-uid")?;
        Ok("400, the end; 200, 400, the end".to_owned())
    })
}

fn longer() -> anyhow::Result<String> {
    let body = review("x", 0);
    let request = head(&format!("Content-Length: {}\r\n", body.len() + 10)) + &body;
    with(&[SHORT], |place| {
        let mut client = place.connect()?;
        client.send(request)?;
        is_refused(&client.last_answer()?, 408)?;
        Ok("408, the end".to_owned())
    })
}

fn broken_off() -> anyhow::Result<String> {
    with(&[], |place| {
        let request = good();
        let mut client = place.connect()?;
        client.send(&request[..request.len() - 50])?;
        client.half_close()?;
        let answers = client.answers()?;
        ensure!(answers.iter().all(|answer| answer.status == 400) && answers.len() <= 1, "{answers:?}");
        let said = if answers.is_empty() { "silence" } else { "400" };
        Ok(format!("{said}, the end"))
    })
}

fn no_review() -> anyhow::Result<String> {
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "\"".repeat(1024 * 1024),
        "{\0\"\0k\0".to_owned(),
        "\u{1f}\u{8b}\u{8}".to_owned(),
        review("x", 0).replacen("AdmissionReview", "Review", 1),
        review("x", 0).replacen("\"x\"", "3", 1),
    ];
    with(&[], |place| {
        for body in &bodies {
            let mut client = place.connect()?;
            client.send(post(body))?;
            is_refused(&client.last_answer()?, 400)?;
        }
        Ok(format!("{} times 400 and the end", bodies.len()))
    })
}
