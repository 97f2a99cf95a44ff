//! How a request is cut into pieces, and how requests follow each other on one connection.

use super::reviews::{
    CHUNKED_HEAD, GOOD_POD, allowed, chunked, create, create_with_image, patched, post, refused, replaced,
};
use super::server::{GOOD_PATCH, with_limits, with_server};

fn good() -> String {
    patched(GOOD_PATCH, "registrysecret")
}

#[test]
fn a_body_may_come_in_chunks() {
    let body = create(GOOD_POD);
    with_server(|server| {
        let mut client = server.connect();
        for length in [body.len(), 100, 7, 1] {
            client.send(CHUNKED_HEAD);
            client.send(chunked(body.as_bytes(), length));
            assert_eq!(client.answer(), good(), "chunks of {length}");
        }
    });
}

#[test]
fn each_byte_of_a_chunked_body_may_come_by_itself() {
    with_server(|server| {
        let mut client = server.connect();
        client.send(CHUNKED_HEAD);
        for byte in chunked(create(GOOD_POD).as_bytes(), 1) {
            client.send([byte]);
        }
        assert_eq!(client.answer(), good());
    });
}

#[test]
fn a_review_of_a_megabyte_may_come_in_very_many_chunks() {
    let padding = format!(r#""spec":{{"padding":"{}","#, "x".repeat(1024 * 1024));
    let body = replaced(&create(GOOD_POD), r#""spec":{"#, &padding);
    with_server(|server| {
        let mut client = server.connect();
        client.send(CHUNKED_HEAD);
        client.send(chunked(body.as_bytes(), 11));
        assert_eq!(client.answer(), good());
    });
}

#[test]
fn chunks_may_have_extensions_and_trailers() {
    let body = create(GOOD_POD);
    with_server(|server| {
        let mut client = server.connect();
        client.send(format!(
            "{CHUNKED_HEAD}{:X};a=\"b\"\r\n{body}\r\n000;c\r\nx-trailer: 1\r\n\r\n",
            body.len()
        ));
        assert_eq!(client.answer(), good());
        // Nothing of the trailer is left over.
        client.send(post(&body));
        assert_eq!(client.answer(), good());
    });
}

#[test]
fn a_broken_chunk_is_refused() {
    with_server(|server| {
        for broken in ["5\r\nabcdefgh\r\n", "x\r\n", "-1\r\n\r\n", "ffffffffffffffffff\r\n"] {
            let answer = server.exchange(format!("{CHUNKED_HEAD}{broken}"));
            assert_eq!(answer, refused("400 Bad Request", "the body broke off"), "{broken:?}");
        }
    });
}

#[test]
fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let body = create(GOOD_POD);
    let request = replaced(&post(&body), "Accept-Encoding: gzip", "Expect: 100-continue");
    let (head, body) = request.split_at(request.len() - body.len());
    with_server(|server| {
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(head);
            assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
            client.send(body);
            assert_eq!(client.answer(), good());
        }
    });
}

#[test]
fn a_connection_carries_many_reviews() {
    with_server(|server| {
        let mut client = server.connect();
        for _ in 0..50 {
            client.send(post(&create(GOOD_POD)));
            assert_eq!(client.answer(), good());
            client.send(post(&create_with_image("quay.io/x/y")));
            assert_eq!(client.answer(), allowed());
        }
    });
}

#[test]
fn pipelined_reviews_are_answered_in_their_order() {
    let (first, second) = (post(&create(GOOD_POD)), post(&create_with_image("quay.io/x/y")));
    with_server(|server| {
        let mut client = server.connect();
        client.send([first.as_str(), &second, &first, &second].concat());
        for expected in [good(), allowed(), good(), allowed()] {
            assert_eq!(client.answer(), expected);
        }
    });
}

#[test]
fn a_refusal_ends_a_pipeline() {
    let (good_one, bad) = (post(&create(GOOD_POD)), post("nonsense"));
    with_server(|server| {
        let answers = server.exchange([good_one.as_str(), &bad, &good_one].concat());
        let refusal =
            refused("400 Bad Request", "the body is no AdmissionReview: expected ident at line 1 column 2");
        assert_eq!(answers, good() + &refusal);
    });
}

#[test]
fn a_client_that_closes_gets_its_answer_first() {
    let request = replaced(&post(&create(GOOD_POD)), "Accept-Encoding: gzip", "Connection: close");
    with_server(|server| {
        let expected = replaced(&good(), "\r\ncontent-length", "\r\nconnection: close\r\ncontent-length");
        assert_eq!(server.exchange(request), expected);
    });
}

#[test]
fn each_byte_of_a_head_may_come_by_itself() {
    let request = post(&create(GOOD_POD));
    with_server(|server| {
        let mut client = server.connect();
        for byte in request.bytes() {
            client.send([byte]);
        }
        assert_eq!(client.answer(), good());
    });
}

/// The connection that waits was opened before the one that runs into the limit.
#[test]
fn an_idle_connection_is_kept_once_it_carried_a_review() {
    let short = std::time::Duration::from_millis(200);
    with_limits(
        |limits| limits.first_head = short,
        |server| {
            let mut idle = server.connect();
            idle.send(post(&create(GOOD_POD)));
            assert_eq!(idle.answer(), good());
            let mut silent = server.connect();
            silent.assert_ends();
            idle.send(post(&create(GOOD_POD)));
            assert_eq!(idle.answer(), good());
        },
    );
}

#[test]
fn an_idle_connection_ends_after_its_own_limit() {
    let short = std::time::Duration::from_millis(200);
    with_limits(
        |limits| limits.idle = short,
        |server| {
            let mut client = server.connect();
            client.send(post(&create(GOOD_POD)));
            assert_eq!(client.answer(), good());
            client.assert_ends();
        },
    );
}
