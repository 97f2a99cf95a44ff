//! Before there is HTTP: what is no TLS, or not enough of it.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::client::{is_end, last_bytes};
use super::place::{Place, with};
use super::requests::{HOST, good};
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "random bytes on the TLS port",
        sent: "1 to 20,000 random bytes, 20 times",
        must: "a TLS alert or nothing, and the end",
        run: random_bytes,
    },
    Row {
        name: "plain HTTP on the TLS port",
        sent: "a good request without TLS",
        must: "a TLS alert and the end; no HTTP",
        run: plain_http,
    },
    Row {
        name: "silent handshake",
        sent: "nothing after connecting",
        must: "the end after --handshake-timeout, counted as timeout",
        run: silent_handshake,
    },
    Row {
        name: "slow handshake",
        sent: "a good ClientHello, a byte each 10 ms",
        must: "the end after --handshake-timeout, counted as timeout",
        run: slow_handshake,
    },
    Row {
        name: "half a ClientHello",
        sent: "the first half of one, then the client closes",
        must: "the end, counted as failed",
        run: half_a_hello,
    },
    Row {
        name: "a client of TLS 1.2",
        sent: "openssl s_client -tls1_2",
        must: "the alert protocol_version",
        run: tls_1_2,
    },
    Row {
        name: "ALPN h2 only",
        sent: "a handshake that offers HTTP/2 and nothing else",
        must: "the alert no_application_protocol",
        run: http_2_only,
    },
    Row {
        name: "ALPN h2 and http/1.1",
        sent: "a handshake that prefers HTTP/2, then a good request by HTTP/1.1",
        must: "http/1.1 is chosen, 200",
        run: http_2_preferred,
    },
];

const SHORT: &str = "--handshake-timeout=300ms";
/// A TLS record that is an alert.
const ALERT: u8 = 21;

fn random_bytes() -> anyhow::Result<String> {
    let mut random = fastrand::Rng::with_seed(7);
    with(&[], |place| {
        let mut alerts = 0;
        for _ in 0..20 {
            let bytes: Vec<u8> = (0..random.usize(1..20_000)).map(|_| random.u8(..)).collect();
            let mut tcp = place.tcp()?;
            // The server may have closed before the last of them.
            let _ = tcp.write_all(&bytes);
            let _ = tcp.shutdown(Shutdown::Write);
            let answer = last_bytes(&tcp)?;
            ensure!(answer.first().is_none_or(|first| *first == ALERT), "the server said {answer:?}");
            alerts += usize::from(!answer.is_empty());
        }
        Ok(format!("20 ends, {alerts} of them with an alert"))
    })
}

fn plain_http() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut tcp = place.tcp()?;
        tcp.write_all(good().as_bytes())?;
        let answer = last_bytes(&tcp)?;
        ensure!(answer.len() == 7 && answer[0] == ALERT, "the server said {answer:?}");
        Ok(format!("alert {}", answer[6]))
    })
}

fn timeouts(place: &Place) -> String {
    let counted = place.metric_becomes(r#"pullkey_tls_handshakes_total{result="timeout"}"#, |n| n > 0.5);
    format!("the end; {counted} counted")
}

fn silent_handshake() -> anyhow::Result<String> {
    with(&[SHORT], |place| {
        let answer = last_bytes(&place.tcp()?)?;
        ensure!(answer.is_empty(), "the server said {answer:?}");
        Ok(timeouts(place))
    })
}

fn client_hello(place: &Place) -> anyhow::Result<Vec<u8>> {
    let name = ServerName::try_from(HOST).expect("a host name");
    let mut client = ClientConnection::new(Arc::new(place.tls()), name)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    Ok(hello)
}

fn slow_handshake() -> anyhow::Result<String> {
    with(&[SHORT], |place| {
        let hello = client_hello(place)?;
        let mut tcp = place.tcp()?;
        let mut sent = 0;
        for byte in &hello {
            if tcp.write_all(&[*byte]).is_err() {
                break;
            }
            sent += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        ensure!(sent < hello.len(), "all {sent} bytes were taken");
        let mut rest = [0; 16];
        let answer = tcp.read(&mut rest);
        ensure!(answer.as_ref().map_or_else(is_end, |length| *length == 0), "the server said {answer:?}");
        Ok(timeouts(place))
    })
}

fn half_a_hello() -> anyhow::Result<String> {
    with(&[], |place| {
        let hello = client_hello(place)?;
        let mut tcp = place.tcp()?;
        tcp.write_all(&hello[..hello.len() / 2])?;
        tcp.shutdown(Shutdown::Write)?;
        let answer = last_bytes(&tcp)?;
        ensure!(answer.first().is_none_or(|first| *first == ALERT), "the server said {answer:?}");
        let counted = place.metric_becomes(r#"pullkey_tls_handshakes_total{result="failed"}"#, |n| n > 0.5);
        Ok(format!("the end; {counted} counted"))
    })
}

fn tls_1_2() -> anyhow::Result<String> {
    with(&[], |place| {
        let address = place.program.listen.to_string();
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-servername", HOST, "-tls1_2"])
            .stdin(Stdio::null())
            .output()
            .context("openssl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && said.contains("alert protocol version"), "openssl says {said}");
        Ok("openssl says: tlsv1 alert protocol version".to_owned())
    })
}

fn http_2_only() -> anyhow::Result<String> {
    with(&[], |place| {
        let error = place.connect_with(&["h2"]).err().context("the handshake succeeded")?;
        let said = format!("{error:#}");
        ensure!(said.contains("NoApplicationProtocol"), "{said}");
        Ok("alert NoApplicationProtocol".to_owned())
    })
}

fn http_2_preferred() -> anyhow::Result<String> {
    with(&[], |place| {
        let mut client = place.connect_with(&["h2", "http/1.1"])?;
        let chosen = String::from_utf8_lossy(client.protocol().unwrap_or_default()).into_owned();
        ensure!(chosen == "http/1.1", "{chosen:?} was chosen");
        client.is_answered()?;
        Ok(format!("{chosen}, 200"))
    })
}
