//! Who does not speak HTTP over TLS 1.3, or says nothing at all, is sent away and harms nobody.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::Duration;

use super::client::assert_tcp_ends;
use super::reviews::{CHUNKED_HEAD, GOOD_POD, create, patched, post};
use super::server::{GOOD_PATCH, Server, with_limits, with_server};

const SHORT: Duration = Duration::from_millis(200);

/// TLS alerts: content type, version, length, level "fatal", and the description (RFC 8446, 6).
const fn alert(description: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, description]
}
const DECODE_ERROR: u8 = 50;
const PROTOCOL_VERSION: u8 = 70;

/// Sends bytes without TLS and returns what the server says before it closes.
fn raw(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = server.tcp();
    tcp.write_all(bytes).expect("the server takes the bytes");
    let mut answer = Vec::new();
    match tcp.read_to_end(&mut answer) {
        Ok(_) => {}
        // It closes without reading more than it needs to see that this is no TLS.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
    answer
}

#[test]
fn an_http2_preface_ends_the_connection() {
    with_server(|server| {
        let mut client = server.connect();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        client.assert_ends();
    });
}

#[test]
fn plain_http_on_the_tls_port_ends_with_an_alert() {
    with_server(|server| {
        let answer = raw(server, post(&create(GOOD_POD)).as_bytes());
        assert_eq!(answer, alert(DECODE_ERROR));
    });
}

#[test]
fn random_bytes_end_the_connection() {
    let mut random = fastrand::Rng::with_seed(4);
    with_server(|server| {
        for length in [1, 5, 6, 100, 20_000] {
            let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let mut tcp = server.tcp();
            // The server may have closed before the last of them.
            let _ = tcp.write_all(&bytes);
            let _ = tcp.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let _ = tcp.read_to_end(&mut answer);
            assert!(answer.is_empty() || answer[0] == 21, "{length} random bytes are answered by {answer:?}");
        }
        // And such bytes inside a TLS connection.
        for length in [1, 100, 20_000, 500_000] {
            let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            server.connect().send_and_ignore_the_answer(&bytes);
        }
    });
}

#[test]
fn bytes_that_look_like_a_handshake_end_with_an_alert() {
    with_server(|server| {
        // A record of a ClientHello with nothing in it.
        assert_eq!(raw(server, &[22, 3, 1, 0, 4, 1, 0, 0, 0]), alert(DECODE_ERROR));
        // A record that says it is longer than any may be.
        let answer = raw(server, &[22, 3, 1, 255, 255, 1, 2, 3]);
        assert_eq!(&answer[..6], &alert(0)[..6], "{answer:?}");
    });
}

#[test]
fn a_client_of_tls_1_2_is_told_so() {
    let mut hello = vec![3, 3];
    hello.extend_from_slice(&[7; 32]);
    // No session; one cipher suite of TLS 1.2 and one of TLS 1.3; no compression.
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x2b, 0x13, 0x01, 1, 0]);
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..], // supported_groups: secp256r1
        &[0, 13, 0, 4, 0, 2, 4, 3],      // signature_algorithms: ecdsa_secp256r1_sha256
        &[0, 11, 0, 2, 1, 0],            // ec_point_formats: uncompressed
    ]
    .concat();
    hello.extend_from_slice(&u16::try_from(extensions.len()).expect("few extensions").to_be_bytes());
    hello.extend_from_slice(&extensions);
    let length = u8::try_from(hello.len()).expect("a short message");
    let message = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], hello.as_slice()].concat();
    with_server(|server| assert_eq!(raw(server, &message), alert(PROTOCOL_VERSION)));
}

#[test]
fn a_client_of_http_1_1_or_without_preference_is_served() {
    with_server(|server| {
        for protocols in [&["http/1.1"][..], &[], &["h2", "http/1.1"]] {
            let mut client = server.connect_with(protocols).expect("the handshake succeeds");
            client.send(post(&create(GOOD_POD)));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "{protocols:?}");
        }
    });
}

#[test]
fn a_client_of_http_2_only_is_told_so() {
    with_server(|server| {
        let error = server.connect_with(&["h2"]).expect_err("nobody speaks HTTP/2 here");
        assert_eq!(error.to_string(), "received fatal alert: NoApplicationProtocol");
    });
}

#[test]
fn a_client_that_does_not_trust_the_certificate_harms_nobody() {
    with_server(|server| {
        with_server(|other| {
            let error = server.connect_trusting(other).expect_err("the certificate is another one");
            assert!(error.to_string().starts_with("invalid peer certificate: "), "{error}");
        });
    });
}

#[test]
fn a_client_that_never_starts_the_handshake_is_sent_away() {
    with_limits(|limits| limits.handshake = SHORT, |server| assert_tcp_ends(server.tcp()));
}

#[test]
fn a_client_that_stops_inside_the_handshake_is_sent_away() {
    with_limits(
        |limits| limits.handshake = SHORT,
        |server| {
            let mut tcp = server.tcp();
            tcp.write_all(&[22, 3, 1, 2, 0, 1, 0]).expect("the server takes the bytes");
            assert_tcp_ends(tcp);
        },
    );
}

#[test]
fn a_client_that_is_silent_after_the_handshake_is_sent_away() {
    with_limits(|limits| limits.first_head = SHORT, |server| server.connect().assert_ends());
}

#[test]
fn a_client_that_sends_half_a_head_is_sent_away() {
    with_limits(
        |limits| limits.first_head = SHORT,
        |server| {
            for half in ["P", "POST /mutate HTTP/1.1\r\n", "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Le"] {
                let mut client = server.connect();
                client.send(half);
                client.assert_ends();
            }
        },
    );
}

#[test]
fn half_a_head_after_a_review_ends_with_the_idle_limit() {
    with_limits(
        |limits| limits.idle = SHORT,
        |server| {
            let mut client = server.connect();
            client.send(post(&create(GOOD_POD)));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"));
            client.send("POST /mutate HTT");
            client.assert_ends();
        },
    );
}

#[test]
fn a_client_that_vanishes_harms_nobody() {
    let review = post(&create(GOOD_POD));
    with_server(|server| {
        drop(server.tcp());
        server.connect().vanish();
        // In the head, in the body, before the answer, and in a chunk.
        for part in
            [&review[..50], &review[..review.len() - 10], &review, &format!("{CHUNKED_HEAD}ff\r\nabc")]
        {
            let mut client = server.connect();
            client.send(part);
            client.vanish();
        }
    });
}
