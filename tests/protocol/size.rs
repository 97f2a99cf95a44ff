//! 413: bodies around 7 MiB.

use super::reviews::{CHUNKED_HEAD, GOOD_POD, create, patched, post, refused, replaced};
use super::server::{GOOD_PATCH, with_server};

const SEVEN_MIB: usize = 7 * 1024 * 1024;

/// A good review of exactly this many bytes.
fn review_of(length: usize) -> String {
    let review = create(GOOD_POD);
    // `"x":"",` goes in, and the padding between its quotes.
    let padding = "x".repeat(length - review.len() - 7);
    let review = replaced(&review, r#""spec":{"#, &format!(r#""spec":{{"x":"{padding}","#));
    assert_eq!(review.len(), length);
    review
}

fn too_large() -> String {
    refused("413 Payload Too Large", "the body is larger than 7 MiB")
}

fn head(length: &str) -> String {
    format!(
        "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn seven_mebibytes_are_accepted() {
    with_server(|server| {
        let mut client = server.connect();
        for length in [SEVEN_MIB - 1, SEVEN_MIB] {
            client.send(post(&review_of(length)));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "{length} bytes");
        }
    });
}

#[test]
fn seven_mebibytes_are_accepted_in_chunks() {
    with_server(|server| {
        let mut client = server.connect();
        for (length, chunk) in [(SEVEN_MIB - 1, 10_000), (SEVEN_MIB, 65_536), (SEVEN_MIB, SEVEN_MIB)] {
            client.send(CHUNKED_HEAD);
            client.send(super::reviews::chunked(review_of(length).as_bytes(), chunk));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "{length} bytes in {chunk}");
        }
    });
}

/// The answer comes before the first byte of the body.
#[test]
fn one_byte_more_is_refused_by_its_announcement() {
    with_server(|server| {
        for length in [(SEVEN_MIB + 1).to_string(), "4294967296".to_owned(), (u64::MAX - 2).to_string()] {
            assert_eq!(server.exchange(head(&length)), too_large(), "{length}");
        }
    });
}

#[test]
fn a_client_that_waits_for_100_continue_need_not_send_a_body_that_is_too_large() {
    with_server(|server| {
        let head = replaced(&head(&(SEVEN_MIB + 1).to_string()), "Host: x", "Expect: 100-continue");
        assert_eq!(server.exchange(head), too_large());
    });
}

/// The answer comes although the body has no end yet.
#[test]
fn one_byte_more_is_refused_in_chunks() {
    let body = review_of(SEVEN_MIB + 1);
    with_server(|server| {
        for length in [10_000, SEVEN_MIB + 1] {
            let mut chunks = super::reviews::chunked(body.as_bytes(), length);
            chunks.truncate(chunks.len() - "\r\n0\r\n\r\n".len());
            assert_eq!(server.exchange([CHUNKED_HEAD.as_bytes(), &chunks].concat()), too_large(), "{length}");
        }
    });
}

/// A body that is refused for another reason is not read beyond the limit either.
#[test]
fn a_refused_body_is_not_read_without_end() {
    let body = "x".repeat(SEVEN_MIB + 1);
    with_server(|server| {
        let request = format!("POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{body}");
        assert_eq!(server.exchange(request), too_large());
    });
}
