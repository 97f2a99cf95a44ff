//! A fault of ours in one review is nobody else's: the request gets a 500, all others their answers.

use pullkey::engine::review::{Answer, ReviewError, review};
use pullkey::engine::rules::Rules;

use super::reviews::{GOOD_POD, create, create_with_image, patched, post, refused, replaced};
use super::server::{GOOD_PATCH, ON_PURPOSE, with_reviewer};

/// The image of the Pod that is reviewed with a fault.
const FAULTY: &str = "quay.io/faulty";

/// The engine, with a fault.
fn faulty<'b, 'r>(body: &'b [u8], rules: &'r Rules) -> Result<Answer<'r, 'b>, ReviewError> {
    let is_faulty = body.windows(FAULTY.len()).any(|window| window == FAULTY.as_bytes());
    assert!(!is_faulty, "{ON_PURPOSE}");
    review(body, rules)
}

fn faulty_review() -> String {
    post(&create_with_image(FAULTY))
}

fn refusal() -> String {
    let reason = "the review failed by a fault of pullkey; its log has the place";
    refused("500 Internal Server Error", reason)
}

#[test]
fn a_panic_in_a_review_fails_that_request_only() {
    with_reviewer(faulty, |server| {
        let mut other = server.connect();
        for _ in 0..20 {
            assert_eq!(server.exchange(faulty_review()), refusal());
            // On a connection that is older than the fault, and on a new one.
            other.send(post(&create(GOOD_POD)));
            assert_eq!(other.answer(), patched(GOOD_PATCH, "registrysecret"));
            server.assert_answers();
        }
    });
}

/// Such a review runs outside the ordinary threads.
#[test]
fn a_panic_in_a_long_review_fails_that_request_only() {
    let padding = format!(r#""spec":{{"padding":"{}","#, "x".repeat(1024 * 1024));
    let long = post(&replaced(&create_with_image(FAULTY), r#""spec":{"#, &padding));
    with_reviewer(faulty, |server| {
        for _ in 0..20 {
            assert_eq!(server.exchange(&long), refusal());
        }
    });
}

#[test]
fn a_panic_ends_a_pipeline_after_the_answers_before_it() {
    let good = post(&create(GOOD_POD));
    with_reviewer(faulty, |server| {
        let answers = server.exchange([good.as_str(), &faulty_review(), &good].concat());
        assert_eq!(answers, patched(GOOD_PATCH, "registrysecret") + &refusal());
    });
}
