//! The bundle as a set of certificates.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use pullkey::certs::bundle::{Anchor, BYTES_MAX, Bundle, CERTIFICATES_MAX, Prune, hash};
use pullkey::certs::issue::{self, SubjectName};

use super::replica::wall;
use super::server::read_as_go_does;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn pem(name: &str, issued_at: Timestamp) -> String {
    let names: [SubjectName; 1] = ["a.example.com".parse().expect("a name")];
    issue::issue(name, &names, issued_at).expect("a certificate").pem
}

fn anchor(name: &str, issued_at: Timestamp) -> Anchor {
    Bundle::parse(pem(name, issued_at).as_bytes()).anchors()[0].clone()
}

fn now() -> Timestamp {
    wall(Duration::ZERO)
}

fn nothing_leaves() -> Prune<'static> {
    Prune { now: now(), former: &[], own_name: None }
}

#[test]
fn what_is_no_certificate_is_dropped_and_the_rest_stands_in_one_form() {
    let (a, b) = (pem("a ", now()), pem("b ", now()));
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let broken = a.replacen("MII", "!!!", 1);
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let begun = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    for text in [
        format!("{a}{b}"),
        format!("{}{b}", a.trim_end()),
        format!("{a}{}", b.trim_end()),
        format!("# comment\r\n{}{}", a.replace('\n', "\r\n"), b.replace('\n', " \n ")),
        format!("{key}{a}{broken}{no_der}{begun}{b}{begun}"),
        format!("{a}{a}{b}{a}"),
        format!("\u{0}\u{fffd}{a}text{b}"),
    ] {
        let bundle = Bundle::parse(text.as_bytes());
        assert_eq!(bundle.encode(), format!("{a}{b}").into_bytes(), "{text}");
        assert_eq!(read_as_go_does(&bundle.encode()), bundle);
    }
    assert_eq!(Bundle::parse(b"\xff\xfe nothing").encode(), b"");
}

#[test]
fn ours_is_added_at_the_end_and_once() {
    let (a, b) = (anchor("a ", now()), anchor("b ", now()));
    let one = Bundle::default().with(&[&a], nothing_leaves());
    let two = one.with(&[&b], nothing_leaves());
    assert_eq!(two.anchors(), [a.clone(), b.clone()]);
    assert_eq!(two.with(&[&a, &b], nothing_leaves()), two);
}

#[test]
fn only_what_is_dead_leaves() {
    let ours = anchor("pullkey pod-a 1", now());
    let former = anchor("x ", now());
    let ours_of_before = anchor("pullkey pod-a 2", now());
    let neighbour = anchor("pullkey pod-ab 2", now());
    let long_expired = anchor("y ", now() - 2 * DAY - SignedDuration::from_secs(2));
    let just_expired = anchor("z ", now() - 2 * DAY + SignedDuration::from_secs(2));
    let all = [&former, &ours_of_before, &neighbour, &long_expired, &just_expired];
    let bundle = Bundle::default().with(&all, nothing_leaves());
    let former = [former.fingerprint()];
    let prune = Prune { now: now(), former: &former, own_name: Some("pullkey pod-a ") };
    assert_eq!(bundle.with(&[&ours], prune).anchors(), [neighbour, just_expired, ours]);
}

#[test]
fn the_first_leaves_when_there_are_too_many_but_never_ours() {
    let ours = anchor("ours ", now());
    let others: Vec<Anchor> = (0..CERTIFICATES_MAX).map(|_| anchor("other ", now())).collect();
    let mut all: Vec<&Anchor> = others.iter().collect();
    all.insert(0, &ours);
    let text: Vec<u8> =
        all.iter().flat_map(|anchor| Bundle::default().with(&[anchor], nothing_leaves()).encode()).collect();
    let bundle = Bundle::parse(&text).with(&[&ours], nothing_leaves());
    assert_eq!(bundle.anchors().len(), CERTIFICATES_MAX);
    assert!(bundle.contains(ours.fingerprint()));
    assert!(!bundle.contains(others[0].fingerprint()));
    assert!(others[1..].iter().all(|other| bundle.contains(other.fingerprint())));
}

#[test]
fn what_has_expired_leaves_first_when_there_are_too_many() {
    let ours = anchor("ours ", now());
    let others: Vec<Anchor> = (0..CERTIFICATES_MAX).map(|_| anchor("other ", now())).collect();
    let expired = anchor("expired ", now() - DAY - SignedDuration::from_secs(3602));
    let just_expired = anchor("expired ", now() - DAY - SignedDuration::from_secs(3598));
    let mut all: Vec<&Anchor> = others.iter().collect();
    all[40] = &expired;
    all[20] = &just_expired;
    let text: Vec<u8> = all.iter().flat_map(|anchor| anchor.pem().into_bytes()).collect();
    let bundle = Bundle::parse(&text).with(&[&ours], nothing_leaves());
    assert!(!bundle.contains(expired.fingerprint()));
    assert_eq!(bundle.anchors().len(), CERTIFICATES_MAX);
    assert!(bundle.contains(others[0].fingerprint()) && bundle.contains(just_expired.fingerprint()));
}

#[test]
fn the_longest_leave_when_a_bundle_is_too_long_but_never_ours() {
    let replicas: Vec<Anchor> = (0..20).map(|_| anchor("replica ", now())).collect();
    // Of many names, 30 KiB each.
    let long: Vec<Anchor> = (0..6).map(|number| long_anchor(1000 + number)).collect();
    let all: Vec<&Anchor> = replicas.iter().chain(&long).collect();
    let text: Vec<u8> = all.iter().flat_map(|anchor| anchor.pem().into_bytes()).collect();
    let ours = &long[5];
    let bundle = Bundle::parse(&text).with(&[ours], nothing_leaves());
    assert!(bundle.encode().len() <= BYTES_MAX && bundle.fits(), "{}", bundle.encode().len());
    assert!(replicas.iter().chain([ours, &long[0]]).all(|anchor| bundle.contains(anchor.fingerprint())));
    assert!(!bundle.contains(long[4].fingerprint()));
    // No more than has to.
    assert!(bundle.encode().len() + long[4].pem().len() > BYTES_MAX);
}

fn long_anchor(names: usize) -> Anchor {
    let names = (0..names).map(|number| format!("{number:020}.example.com").parse().expect("a name"));
    let names: Vec<SubjectName> = names.collect();
    let pem = issue::issue("long ", &names, now()).expect("a certificate").pem;
    Bundle::parse(pem.as_bytes()).anchors()[0].clone()
}

#[test]
fn names_are_unique_and_keep_the_part_in_which_pods_differ() {
    let long = "a-deployment-with-a-name-that-is-much-too-long-for-a-subject-7d9c8b6f5d-";
    let (x, y) = (issue::own_name(&format!("{long}x2x4z")), issue::own_name(&format!("{long}abcde")));
    assert!(x != y && x.len() <= 64 - 12 && x.ends_with("-x2x4z "), "{x}");
    assert!(!issue::own_name("pod-ab").starts_with(&issue::own_name("pod-a")));
}

#[test]
fn the_hash_is_that_of_sha256sum() {
    assert_eq!(hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

proptest! {
    #[test]
    fn any_bytes_can_be_read_and_are_stable_after_one_writing(bytes in proptest::collection::vec(any::<u8>(), 0..300), place in 0..700_usize) {
        let certificate = pem("a ", now());
        let (head, tail) = certificate.split_at(place.min(certificate.len()));
        for text in [bytes.clone(), [head.as_bytes(), &bytes, tail.as_bytes()].concat(), [certificate.as_bytes(), &bytes].concat()] {
            let bundle = Bundle::parse(&text);
            prop_assert_eq!(&Bundle::parse(&bundle.encode()), &bundle);
            prop_assert_eq!(read_as_go_does(&bundle.encode()), bundle);
        }
    }
}
