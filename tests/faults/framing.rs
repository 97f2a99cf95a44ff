//! Where one request ends and the next one begins.

use anyhow::ensure;

use super::place::with;
use super::requests::{good, head, post, review};
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "Content-Length before Transfer-Encoding",
        sent: "a request hidden in the body of another by the one or the other length",
        must: "at most one answer, then the end: the hidden one is never read",
        run: length_before_encoding,
    },
    Row {
        name: "Transfer-Encoding before Content-Length",
        sent: "the same with the headers in the other order",
        must: "at most one answer, then the end: the hidden one is never read",
        run: encoding_before_length,
    },
    Row {
        name: "obscure Transfer-Encodings",
        sent: "gzip, xchunked, chunked twice, 'chunked, identity', HTTP/1.0 with chunked; a request hidden behind",
        must: "400 or 501 and the end, or one answer and the end",
        run: obscure_encodings,
    },
    Row {
        name: "two different Content-Lengths",
        sent: "two headers, and one header with two values",
        must: "400 and the end",
        run: two_lengths,
    },
    Row { name: "HTTP/1.0", sent: "a good request of HTTP/1.0", must: "200 and the end", run: http_1_0 },
    Row {
        name: "pipelining",
        sent: "50 good requests at once",
        must: "50 times 200, in their order",
        run: pipelining,
    },
    Row {
        name: "Expect: 100-continue",
        sent: "a head, and the body after 100",
        must: "100, then 200",
        run: expect,
    },
    Row {
        name: "HTTP/2 preface",
        sent: "PRI * HTTP/2.0 in a TLS connection",
        must: "no HTTP/2: at most a refusal of HTTP/1, and the end",
        run: preface,
    },
    Row {
        name: "half-closed connection",
        sent: "a good request, then close_notify and FIN; 20 of them",
        must: "200 or silence, and the end",
        run: half_closed,
    },
    Row {
        name: "vanished client",
        sent: "a reset in the head, in the body and before the answer; 30 of them",
        must: "the end, nothing left over",
        run: vanished,
    },
];

/// A whole request that nobody must answer.
fn hidden() -> String {
    post(&review("hidden", 0))
}

/// Sends two lengths: by the first the body is empty or short, by the second it contains another request.
fn smuggle(headers: impl Fn(usize) -> String) -> anyhow::Result<String> {
    let hidden = hidden();
    let good = review("a-uid", 0);
    let chunked = format!("{:x}\r\n{good}\r\n0\r\n\r\n{hidden}", good.len());
    let length = chunked.len();
    let bodies = [
        // By the encoding a good request comes first; by the length it is all one body.
        (chunked, length),
        // By the encoding the body ends at once; by the length the rest belongs to it.
        (format!("0\r\n\r\n{hidden}"), 5 + hidden.len()),
        // By the length the body ends after the chunk's size; by the encoding the request is in the chunk.
        (format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len()), format!("{:x}\r\n", hidden.len()).len()),
    ];
    with(&[], |place| {
        let mut statuses = Vec::new();
        for (body, length) in &bodies {
            let mut client = place.connect()?;
            client.send(head(&headers(*length)) + body)?;
            let answers = client.answers()?;
            ensure!(answers.iter().all(|answer| !answer.body.contains("hidden")), "it is read: {answers:?}");
            ensure!(answers.len() <= 1, "more than one answer: {answers:?}");
            statuses.extend(answers.iter().map(|answer| answer.status));
        }
        Ok(format!("{statuses:?}, the end"))
    })
}

fn length_before_encoding() -> anyhow::Result<String> {
    smuggle(|length| format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"))
}

fn encoding_before_length() -> anyhow::Result<String> {
    smuggle(|length| format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"))
}

fn obscure_encodings() -> anyhow::Result<String> {
    let hidden = hidden();
    let empty = format!("0\r\n\r\n{hidden}");
    let old = head("Transfer-Encoding: chunked\r\n").replacen("HTTP/1.1", "HTTP/1.0", 1);
    let requests = [
        head("Transfer-Encoding: gzip\r\n") + &empty,
        head("Transfer-Encoding: xchunked\r\n") + &empty,
        head("Transfer-Encoding: chunked, identity\r\n") + &empty,
        head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + &empty,
        head("Transfer-Encoding : chunked\r\n") + &empty,
        head("Transfer-Encoding: \u{b}chunked\r\n") + &empty,
        old + &empty,
    ];
    with(&[], |place| {
        let mut statuses = Vec::new();
        for request in requests {
            let mut client = place.connect()?;
            client.send(&request)?;
            let answers = client.answers()?;
            ensure!(answers.iter().all(|answer| !answer.body.contains("hidden")), "{request:?}: {answers:?}");
            ensure!(answers.len() <= 1, "{request:?} has more than one answer: {answers:?}");
            statuses.extend(answers.iter().map(|answer| answer.status));
        }
        Ok(format!("{statuses:?}, the end"))
    })
}

fn two_lengths() -> anyhow::Result<String> {
    let body = review("x", 0);
    let length = body.len();
    with(&[], |place| {
        for headers in [
            format!("Content-Length: {length}\r\nContent-Length: 5\r\n"),
            format!("Content-Length: 5\r\nContent-Length: {length}\r\n"),
            format!("Content-Length: {length}, 5\r\n"),
        ] {
            let mut client = place.connect()?;
            client.send(head(&headers) + &body)?;
            let answer = client.last_answer()?;
            ensure!(answer.status == 400, "{headers:?}: {answer:?}");
        }
        Ok("3 times 400 and the end".to_owned())
    })
}

fn http_1_0() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut client = place.connect()?;
        client.send(good().replacen("HTTP/1.1", "HTTP/1.0", 1))?;
        client.last_answer()?.is_right("a-uid")?;
        Ok("200, the end".to_owned())
    })
}

fn pipelining() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut client = place.connect()?;
        let uids: Vec<String> = (0..50).map(|number| format!("uid-{number}")).collect();
        client.send(uids.iter().map(|uid| post(&review(uid, 0))).collect::<String>())?;
        for uid in &uids {
            client.answer()?.is_right(uid)?;
        }
        Ok(format!("{} times 200, in their order", uids.len()))
    })
}

fn expect() -> anyhow::Result<String> {
    let body = review("a-uid", 0);
    with(&[], |place| {
        let mut client = place.connect()?;
        for _ in 0..2 {
            client.send(head(&format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len())))?;
            let interim = client.answer()?;
            ensure!(interim.status == 100, "{interim:?}");
            client.send(&body)?;
            client.answer()?.is_right("a-uid")?;
        }
        Ok("100, 200, twice on one connection".to_owned())
    })
}

fn preface() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut client = place.connect()?;
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
        let answers = client.answers()?;
        ensure!(answers.iter().all(|answer| (400..506).contains(&answer.status)), "{answers:?}");
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        Ok(format!("{statuses:?}, the end"))
    })
}

fn half_closed() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut answered = 0;
        for _ in 0..20 {
            let mut client = place.connect()?;
            client.send(good())?;
            client.half_close()?;
            let answers = client.answers()?;
            ensure!(answers.len() <= 1, "{answers:?}");
            answers.iter().try_for_each(|answer| answer.is_right("a-uid"))?;
            answered += answers.len();
        }
        Ok(format!("{answered} of 20 answered, the end"))
    })
}

fn vanished() -> anyhow::Result<String> {
    with(&[], |place| {
        let request = good();
        for part in [&request[..20], &request[..request.len() - 9], &request] {
            for _ in 0..10 {
                let mut client = place.connect()?;
                client.send(part)?;
                // What lies unread in its buffer makes the socket end with a reset.
                drop(client);
            }
        }
        Ok("30 ends".to_owned())
    })
}
