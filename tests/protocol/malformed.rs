//! 400: what is no review of `admission.k8s.io/v1`, and what the answer says about it.

use super::reviews::{GOOD_POD, UID, create, good_but, malformed, post, post_to, refused, replaced};
use super::server::with_server;

/// Each on a connection of its own: a refusal closes it.
#[track_caller]
fn assert_refused(cases: &[(&str, String, String)]) {
    with_server(|server| {
        let mut failures = Vec::new();
        for (what, body, expected) in cases {
            let answer = server.exchange(post(body));
            if answer != *expected {
                failures.push(format!("{what}\n  is answered {answer:?}\n  instead of  {expected:?}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}

/// Reviews of Pods whose refusal has this reason.
#[track_caller]
fn assert_pods_refused(cases: &[(&str, &str)]) {
    let cases: Vec<_> = cases.iter().map(|(pod, reason)| (*pod, create(pod), malformed(reason))).collect();
    assert_refused(&cases);
}

#[test]
fn what_is_no_json_object_is_refused() {
    let cases = [
        ("", "EOF while parsing a value at line 1 column 0"),
        (" \r\n\t", "EOF while parsing a value at line 2 column 1"),
        ("nonsense", "expected ident at line 1 column 2"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{}{}", "trailing characters at line 1 column 3"),
        ("[]", "expected a review as an object at line 1 column 2"),
        ("7", "expected a review as an object at line 1 column 1"),
        ("\u{feff}{}", "expected value at line 1 column 1"),
    ];
    let cases: Vec<_> = cases.map(|(body, reason)| (body, body.to_owned(), malformed(reason))).into();
    assert_refused(&cases);
}

#[test]
fn what_is_not_utf_8_is_refused() {
    with_server(|server| {
        let mut request = post_to("/mutate", "Content-Type: application/json\r\n", "{\"apiVersion\":\"xx\"}");
        let at = request.find("xx").expect("it was just written");
        let mut bytes = std::mem::take(&mut request).into_bytes();
        bytes[at] = 0xff;
        let reason = "not UTF-8: invalid utf-8 sequence of 1 bytes from index 15";
        assert_eq!(server.exchange(&bytes), malformed(reason));
    });
}

#[test]
fn another_kind_or_version_is_refused_with_the_one_that_is_spoken() {
    let spoken = r#"this webhook speaks "AdmissionReview" of "admission.k8s.io/v1" only"#;
    let refused = |what: &str| refused("400 Bad Request", &format!("the body is {what}; {spoken}"));
    let api_version = r#""apiVersion":"admission.k8s.io/v1","#;
    let kind = r#""kind":"AdmissionReview","#;
    assert_refused(&[
        (
            "v1beta1",
            good_but("admission.k8s.io/v1\"", "admission.k8s.io/v1beta1\""),
            refused(r#""AdmissionReview" of "admission.k8s.io/v1beta1""#),
        ),
        ("another kind", good_but("AdmissionReview", "Pod"), refused(r#""Pod" of "admission.k8s.io/v1""#)),
        ("no version", good_but(api_version, ""), refused(r#""AdmissionReview" of """#)),
        ("no kind", good_but(kind, ""), refused(r#""" of "admission.k8s.io/v1""#)),
        ("an empty object", "{}".to_owned(), refused(r#""" of """#)),
        ("null", "null".to_owned(), refused(r#""" of """#)),
        (
            "no text, but escapes",
            good_but("AdmissionReview", r"A\u000a"),
            refused(r#""A\n" of "admission.k8s.io/v1""#),
        ),
    ]);
}

#[test]
fn a_review_without_request_or_uid_is_refused() {
    let long_uid = refused("400 Bad Request", "request.uid is longer than 253 bytes");
    let refused = |what: &str| refused("400 Bad Request", &format!("the AdmissionReview has no {what}"));
    let uid = format!(r#""uid":"{UID}","#);
    let review =
        |rest: &str| format!(r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"{rest}}}"#);
    assert_refused(&[
        ("no request", review(""), refused("request")),
        ("null for the request", review(r#","request":null"#), refused("request")),
        ("a response instead", review(r#","response":{"uid":"x","allowed":true}"#), refused("request")),
        ("an empty request", review(r#","request":{}"#), refused("request.uid")),
        ("no uid", good_but(&uid, ""), refused("request.uid")),
        ("an empty uid", good_but(&uid, r#""uid":"","#), refused("request.uid")),
        ("null for the uid", good_but(&uid, r#""uid":null,"#), refused("request.uid")),
        // The answer repeats it: who chose its length would choose the answer's.
        ("a long uid", good_but(&uid, &format!(r#""uid":"{}","#, "u".repeat(254))), long_uid),
    ]);
}

/// Two readers that choose differently between duplicates would disagree about what was admitted.
#[test]
fn a_member_that_is_read_may_stand_there_only_once() {
    let twice = |part: &str, name: &str, column: usize| {
        let body = good_but(part, &format!("{part}{part}"));
        let reason = format!("duplicate member `{name}` at line 1 column {column}");
        (name.to_owned(), body, malformed(&reason))
    };
    // Each duplicate begins where its first one ends, and is named at the end of its key.
    let review = create(GOOD_POD);
    let cases: Vec<_> = [
        r#""kind":"AdmissionReview","#,
        r#""apiVersion":"admission.k8s.io/v1","#,
        r#""uid":"705ab4f5-6393-11e8-b7cc-42010a800002","#,
        r#""resource":{"group":"","version":"v1","resource":"pods"},"#,
        r#""namespace":"team-a","#,
        r#""operation":"CREATE","#,
        r#""metadata":{"name":"web"},"#,
    ]
    .map(|part| {
        let name = part[1..].split('"').next().expect("a part starts with its name");
        let end = review.find(part).expect("the part stands in the review") + part.len();
        twice(part, name, end + name.len() + 2)
    })
    .into();
    let cases: Vec<_> =
        cases.iter().map(|(name, body, answer)| (name.as_str(), body.clone(), answer.clone())).collect();
    assert_refused(&cases);
}

#[test]
fn a_member_of_a_pod_that_is_read_may_stand_there_only_once() {
    let at = |pod: &str, second: &str, name: &str| {
        let column = create("").find(r#","oldObject""#).expect("it stands there")
            + pod.rfind(second).expect("it stands there")
            + name.len()
            + 2;
        malformed(&format!("duplicate member `{name}` at line 1 column {column}"))
    };
    let cases = [
        (r#"{"spec":{},"spec":{}}"#, "spec"),
        (r#"{"spec":{"containers":[],"containers":[]}}"#, "containers"),
        (r#"{"spec":{"initContainers":[],"initContainers":null}}"#, "initContainers"),
        (r#"{"spec":{"ephemeralContainers":[],"x":1,"ephemeralContainers":[]}}"#, "ephemeralContainers"),
        (r#"{"spec":{"volumes":[],"volumes":[]}}"#, "volumes"),
        (r#"{"spec":{"imagePullSecrets":[],"imagePullSecrets":[]}}"#, "imagePullSecrets"),
        (r#"{"spec":{"imagePullSecrets":[{"name":"a","name":"b"}]}}"#, "name"),
        (r#"{"spec":{"containers":[{"image":"a","image":"b"}]}}"#, "image"),
        (r#"{"spec":{"volumes":[{"image":{"reference":"a","reference":"a"}}]}}"#, "reference"),
        (r#"{"metadata":{"name":"a","name":"a"}}"#, "name"),
        (r#"{"metadata":{"generateName":"a","generateName":"a"}}"#, "generateName"),
        (r#"{"metadata":{"labels":{},"labels":{}}}"#, "labels"),
        (r#"{"metadata":{"annotations":{},"annotations":{}}}"#, "annotations"),
        (
            r#"{"metadata":{"labels":{"pullkey.dev/inject":"a","pullkey.dev/inject":"disabled"}}}"#,
            "pullkey.dev/inject",
        ),
        (
            r#"{"metadata":{"annotations":{"kubernetes.io/config.mirror":"a","kubernetes.io/config.mirror":"a"}}}"#,
            "kubernetes.io/config.mirror",
        ),
    ];
    let cases: Vec<_> =
        cases.iter().map(|(pod, name)| (*pod, create(pod), at(pod, &format!("\"{name}\""), name))).collect();
    assert_refused(&cases);
}

/// One of the two spellings is escaped, which changes nothing.
#[test]
fn a_duplicate_is_one_however_it_is_spelled() {
    let body = create(r#"{"spec":{},"\u0073pec":{}}"#);
    let column = body.find(r#"\u0073pec""#).expect("it stands there") + r#"\u0073pec""#.len();
    let reason = format!("duplicate member `spec` at line 1 column {column}");
    assert_refused(&[("an escaped duplicate", body, malformed(&reason))]);
}

#[test]
fn a_member_of_the_wrong_type_is_refused() {
    assert_pods_refused(&[
        ("7", "expected a Pod as an object at line 1 column 428"),
        (r#"{"spec":7}"#, "expected a Pod's spec as an object at line 1 column 436"),
        (r#"{"spec":true}"#, "expected a Pod's spec as an object at line 1 column 439"),
        (r#"{"spec":{"containers":1.5}}"#, "expected an array at line 1 column 452"),
        (r#"{"spec":{"containers":{"image":"x"}}}"#, "expected an array at line 1 column 450"),
        (r#"{"spec":{"containers":[{"image":7}]}}"#, "expected a string at line 1 column 460"),
        (r#"{"spec":{"containers":[{"image":{"a":"b"}}]}}"#, "expected a string at line 1 column 460"),
        (
            r#"{"spec":{"imagePullSecrets":[7]}}"#,
            "expected a reference to a Secret as an object at line 1 column 457",
        ),
        (r#"{"metadata":{"labels":{"pullkey.dev/inject":true}}}"#, "expected a string at line 1 column 475"),
    ]);
}

/// Derived readers take an array for an object, in the order of the fields.
#[test]
fn an_array_where_an_object_belongs_is_refused() {
    assert_pods_refused(&[
        ("[]", "expected a Pod as an object at line 1 column 429"),
        (r#"{"metadata":[],"spec":{}}"#, "expected metadata as an object at line 1 column 441"),
        (r#"{"spec":[[],[]]}"#, "expected a Pod's spec as an object at line 1 column 436"),
        (
            r#"{"spec":{"containers":[["registry.example.com/app"]]}}"#,
            "expected a container as an object at line 1 column 451",
        ),
        (
            r#"{"spec":{"volumes":[{"image":["registry.example.com/app"]}]}}"#,
            "expected an image volume as an object at line 1 column 457",
        ),
        (
            r#"{"spec":{"imagePullSecrets":[["registrysecret"]]}}"#,
            "expected a reference to a Secret as an object at line 1 column 457",
        ),
        (r#"{"metadata":{"labels":["disabled"]}}"#, "expected labels as an object at line 1 column 450"),
        (
            r#"{"metadata":{"annotations":["kubernetes.io/config.mirror"]}}"#,
            "expected annotations as an object at line 1 column 455",
        ),
    ]);
    let request =
        r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":["uid"]}"#.to_owned();
    let resource = good_but(
        r#""resource":{"group":"","version":"v1","resource":"pods"},"requestKind""#,
        r#""resource":["","v1","pods"],"requestKind""#,
    );
    assert_refused(&[
        ("request", request, malformed("expected a request as an object at line 1 column 72")),
        ("resource", resource, malformed("expected a resource as an object at line 1 column 177")),
    ]);
}

/// The members around the object are read as strictly when the object is none of ours.
#[test]
fn a_duplicate_is_refused_beside_an_object_that_is_no_pod() {
    let uid = format!(r#""uid":"{UID}","#);
    let body = replaced(&create(r#"{"spec":"a text"}"#), "CREATE", "DELETE");
    let body = replaced(&body, &uid, &format!(r#""uid":"another",{uid}"#));
    let column = body.find(r#","uid":"705"#).expect("it stands there") + r#","uid""#.len();
    let reason = format!("duplicate member `uid` at line 1 column {column}");
    with_server(|server| {
        let mut client = server.connect();
        client.send(post(&body));
        assert_eq!(client.answer(), malformed(&reason));
    });
}
