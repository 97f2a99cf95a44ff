//! 404, 405, 408 and 415, and that a refused body is read to its end before the answer.

use std::time::Duration;

use super::reviews::{
    CHUNKED_HEAD, GOOD_POD, chunked, create, malformed, post, post_to, refused, refused_with,
};
use super::server::{with_limits, with_server};

const JSON: &str = "Content-Type: application/json\r\n";

fn not_found() -> String {
    refused("404 Not Found", "reviews are answered at /mutate")
}

fn not_allowed() -> String {
    refused_with("405 Method Not Allowed", "allow: POST\r\n", "only POST is answered here")
}

fn unsupported() -> String {
    refused("415 Unsupported Media Type", "the Content-Type must be application/json")
}

fn too_slow() -> String {
    refused("408 Request Timeout", "the body did not arrive in time")
}

#[test]
fn another_path_is_not_found() {
    with_server(|server| {
        for path in [
            "/",
            "/mutate/",
            "/mutate/profile",
            "/Mutate",
            "//mutate",
            "/mutate%2f",
            "/%6dutate",
            "/mutate;x",
            "/livez",
            "/metrics",
            "*",
            "/x?/mutate",
        ] {
            assert_eq!(server.exchange(post_to(path, JSON, &create(GOOD_POD))), not_found(), "{path}");
            assert_eq!(
                server.exchange(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")),
                not_found(),
                "GET {path}"
            );
        }
    });
}

#[test]
fn another_method_is_not_allowed() {
    with_server(|server| {
        for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "REVIEW"] {
            let request = post(&create(GOOD_POD)).replacen("POST", method, 1);
            assert_eq!(server.exchange(request), not_allowed(), "{method}");
            let request = format!("{method} /mutate HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(server.exchange(request), not_allowed(), "{method} without a body");
        }
    });
}

/// Answers to HEAD have no body, whatever the length they announce.
#[test]
fn head_gets_the_head_of_the_refusal() {
    let head = |answer: String| answer.split_inclusive("\r\n\r\n").next().expect("a head").to_owned();
    with_server(|server| {
        assert_eq!(server.exchange("HEAD /mutate HTTP/1.1\r\nHost: x\r\n\r\n"), head(not_allowed()));
        assert_eq!(server.exchange("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), head(not_found()));
    });
}

/// hyper ends such a connection without the farewell of TLS; the answer is whole.
#[test]
fn nobody_gets_a_tunnel() {
    with_server(|server| {
        let mut client = server.connect();
        client.send("CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.answer(), not_found());
        client.assert_ends();
    });
}

#[test]
fn another_content_type_is_refused() {
    with_server(|server| {
        for headers in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Type: \r\n",
            "Content-Type: application/jsonx\r\n",
            "Content-Type: application/json-patch+json\r\n",
            "Content-Type: application/vnd.kubernetes.protobuf\r\n",
            "Content-Type: json\r\n",
            "Content-Type: text/plain; application/json\r\n",
            "Content-Type: text/plain, application/json\r\n",
            "Content-Type: application/json, text/plain\r\n",
        ] {
            assert_eq!(
                server.exchange(post_to("/mutate", headers, &create(GOOD_POD))),
                unsupported(),
                "{headers:?}"
            );
        }
    });
}

/// Were the answer sent at once, the client would see a broken pipe or a reset instead of it.
#[test]
fn a_refused_body_of_six_mebibytes_is_read_to_its_end() {
    let body = "x".repeat(6 * 1024 * 1024);
    let text = "Content-Type: text/plain\r\n";
    with_server(|server| {
        for (request, expected) in [
            (post_to("/other", JSON, &body), not_found()),
            (post(&body).replacen("POST", "PUT", 1), not_allowed()),
            (post_to("/mutate", text, &body), unsupported()),
            (post(&body), malformed("expected value at line 1 column 1")),
        ] {
            assert_eq!(server.exchange(request), expected);
        }
        for (head, expected) in [
            (CHUNKED_HEAD.replacen("/mutate", "/other", 1), not_found()),
            (CHUNKED_HEAD.replacen("POST", "PUT", 1), not_allowed()),
            (CHUNKED_HEAD.replacen("application/json", "text/plain", 1), unsupported()),
        ] {
            let request = [head.as_bytes(), &chunked(body.as_bytes(), 4096)].concat();
            assert_eq!(server.exchange(request), expected);
        }
    });
}

/// The answer waits for the last byte of the body, which is sent after the server asked for it.
#[test]
fn a_refusal_waits_for_the_end_of_the_body() {
    with_server(|server| {
        let mut client = server.connect();
        client.send("POST /other HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("ab");
        client.send("c");
        assert_eq!(client.rest(), not_found());
    });
}

#[test]
fn a_body_that_does_not_arrive_is_not_waited_for() {
    with_limits(
        |limits| limits.body = Duration::from_millis(300),
        |server| {
            let head = format!("POST /mutate HTTP/1.1\r\nHost: x\r\n{JSON}");
            for request in [
                format!("{head}Content-Length: 10\r\n\r\n"),
                format!("{head}Content-Length: 10\r\n\r\n{{\"a\""),
                format!("{CHUNKED_HEAD}3\r\nabc\r\n"),
                CHUNKED_HEAD.to_owned(),
                // A refusal does not wait for ever either.
                "POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc".to_owned(),
            ] {
                assert_eq!(server.exchange(&request), too_slow(), "{request:?}");
            }
        },
    );
}

/// The methods that are allowed may be said with any status.
#[test]
fn a_body_of_a_wrong_method_is_not_waited_for() {
    with_limits(
        |limits| limits.body = Duration::from_millis(300),
        |server| {
            let expected =
                refused_with("408 Request Timeout", "allow: POST\r\n", "the body did not arrive in time");
            let request = "PUT /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc";
            assert_eq!(server.exchange(request), expected);
        },
    );
}

/// The limit is one for the whole body: a byte now and then does not move it.
#[test]
fn a_body_that_trickles_in_is_not_waited_for() {
    with_limits(
        |limits| limits.body = Duration::from_millis(300),
        |server| {
            let mut client = server.connect();
            client.send(format!("POST /mutate HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 1000000\r\n\r\n"));
            assert_eq!(client.answer_to_a_trickle(), too_slow());
        },
    );
}
