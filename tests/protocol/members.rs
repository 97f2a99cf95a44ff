//! What is skipped, and how names are read: only the members we need, whatever stands beside them.

use super::reviews::{GOOD_POD, allowed, create, create_with_image, good_but, patched, post, replaced};
use super::server::{GOOD_PATCH, with_server};

#[track_caller]
fn assert_all(cases: &[(&str, String)], expected: &str) {
    with_server(|server| {
        let mut client = server.connect();
        for (what, body) in cases {
            client.send(post(body));
            assert_eq!(client.answer(), expected, "{what}");
        }
    });
}

fn good() -> String {
    patched(GOOD_PATCH, "registrysecret")
}

/// The good Pod with members beside those that are read, at each level.
fn beside(members: &str) -> String {
    let at = |text: &str, place: &str| replaced(text, place, &format!("{place}{members},"));
    let pod = at(GOOD_POD, r#""spec":{"#);
    let pod = at(&pod, r#""metadata":{"#);
    let pod = at(&pod, r#""containers":[{"#);
    let review = create(&pod);
    let review = at(&review, r#""request":{"#);
    review.replacen('{', &format!("{{{members},"), 1)
}

#[test]
fn duplicates_of_members_that_are_not_read_are_skipped() {
    assert_all(
        &[
            ("texts", beside(r#""x":"a","x":"b""#)),
            ("objects", beside(r#""x":{"y":1,"y":2},"x":{"y":1,"y":2}"#)),
            (
                "names that differ in case",
                beside(r#""Image":"docker.io/x/y","Spec":{},"Request":1,"Name":[]"#),
            ),
            (
                "an annotation twice",
                replaced(
                    &create(GOOD_POD),
                    r#"{"name":"web"}"#,
                    r#"{"annotations":{"a":"1","a":"2"},"labels":{"a":"1","a":"2"}}"#,
                ),
            ),
        ],
        &good(),
    );
}

#[test]
fn what_is_skipped_may_be_nested_to_any_depth() {
    let depth = 10_000;
    let arrays = format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
    let objects = format!(r#""x":{}1{}"#, r#"{"x":"#.repeat(depth), "}".repeat(depth));
    assert_all(&[("arrays", beside(&arrays)), ("objects", beside(&objects))], &good());
}

#[test]
fn what_is_skipped_may_be_any_json() {
    assert_all(
        &[
            (
                "numbers beyond every type",
                beside(r#""x":[1e999,-0,123456789012345678901234567890,0.1e-999]"#),
            ),
            ("half a surrogate pair", beside(r#""x":"\ud800""#)),
            ("escapes", beside(r#""x":"\u0000\/\"\\\b""#)),
            ("blanks", beside("\r\n\t \"x\" :\t[ 1 , {} ]\n")),
            ("an empty name", beside(r#""":1"#)),
        ],
        &good(),
    );
}

#[test]
fn a_review_may_be_written_over_many_lines() {
    let value: serde_json::Value = serde_json::from_str(&create(GOOD_POD)).expect("the review is JSON");
    assert_all(&[("indented", format!("\n{value:#}\n\n"))], &good());
}

#[test]
fn an_escaped_name_is_read_as_what_it_means() {
    assert_all(
        &[
            ("spec", good_but(r#""spec""#, r#""\u0073pec""#)),
            ("containers", good_but(r#""containers""#, r#""c\u006Fntainers""#)),
            ("image", good_but(r#""image""#, r#""\u0069\u006d\u0061\u0067\u0065""#)),
            ("request", good_but(r#""request""#, r#""re\u0071uest""#)),
            ("a value", good_but("registry.example.com/app:1", r"registry.example.com\/app\u003a1")),
            ("the operation", good_but("CREATE", r"\u0043REATE")),
        ],
        &good(),
    );
    // What it means may also be to leave the Pod alone.
    let label = r#""metadata":{"labels":{"pullkey.dev\/inject":"dis\u0061bled"},"#;
    let mirror = r#""metadata":{"annotations":{"kubernetes.io\u002fconfig.mirror":"x"},"#;
    assert_all(
        &[
            ("a label", good_but(r#""metadata":{"#, label)),
            ("a mirror Pod", good_but(r#""metadata":{"#, mirror)),
        ],
        &allowed(),
    );
}

#[test]
fn the_order_of_members_does_not_matter() {
    let object = format!(r#""object":{GOOD_POD},"#);
    let moved = replaced(&good_but(&object, ""), r#""request":{"#, &format!(r#""request":{{{object}"#));
    assert_all(&[("the object first", moved)], &good());
}

/// Each is a host of somebody else, or none at all.
#[test]
fn a_host_that_only_looks_alike_gets_no_secret() {
    let images = [
        "registry.example.com.evil.example/app",
        "evil-registry.example.com/app",
        "evil.registry.example.com/app",
        "xregistry.example.com/app",
        "registry.example.comm/app",
        "registry.example.co/app",
        "registry-example.com/app",
        "registryXexample.com/app",
        "registry.example.com:443/app",
        "registry.example.com:5000/app",
        "Registry.example.com/app",
        "REGISTRY.EXAMPLE.COM/app",
        "quay.io/registry.example.com/app",
        "registry.example.com@evil.example/app",
        "user:secret@registry.example.com/app",
        "https://registry.example.com/app",
        "//registry.example.com/app",
        "registry.example.com//app",
        "registry.example.com",
        "registry.example.com:1",
        "registry.example.com/",
        " registry.example.com/app",
        "registry.example.com /app",
        "registry.example.com/app ",
        r"registry.example.com/app\n",
        r"registry.example.com\u0000/app",
        r"registry.example.com\t/app",
        "registry.exam\u{440}le.com/app",
        "registry.example\u{3002}com/app",
        "registry.example.com\u{200b}/app",
        "cr.yandex/crp0example2/app",
        "cr.yandex/crp0exampl/app",
        "cr.yandex/crp0example-x",
        "cr.yandex/x/crp0example/app",
        "cr.yandex/crp0example/../x/app",
        "docker.io.evil.example/x/y",
        "INDEX.docker.io/x/y",
        "registry-1.docker.io/x/y",
        "hub.docker.com/x/y",
        "localhost/app",
        "MyReg/app",
        "library/nginx",
        "docker.io/nginx",
        "index.docker.io/library/nginx",
    ];
    let cases: Vec<_> = images.iter().map(|image| (*image, create_with_image(image))).collect();
    assert_all(&cases, &allowed());
}

#[test]
fn a_host_is_recognised_in_each_of_its_spellings() {
    let digest = format!("registry.example.com/app@sha256:{}", "0123456789abcdef".repeat(4));
    let images = [
        "registry.example.com/app",
        "registry.example.com/a/b/c/d:1.2.3-x_Y",
        "registry.example.com/docker.io/library/nginx",
        digest.as_str(),
    ];
    let cases: Vec<_> = images.iter().map(|image| (*image, create_with_image(image))).collect();
    assert_all(&cases, &good());

    let hub = r#"[{"op":"add","path":"/spec/imagePullSecrets","value":[{"name":"regcred"}]}]"#;
    let images =
        ["bitnami/redis", "docker.io/bitnami/redis:7", "index.docker.io/bitnami/redis", "libraryx/nginx"];
    let cases: Vec<_> = images.iter().map(|image| (*image, create_with_image(image))).collect();
    assert_all(&cases, &patched(hub, "regcred"));

    let yandex = r#"[{"op":"add","path":"/spec/imagePullSecrets","value":[{"name":"yc-registry-secret"}]}]"#;
    let images = ["cr.yandex/crp0example/app", "cr.yandex/crp0example", "cr.yandex/crp0example/a/b:1"];
    let cases: Vec<_> = images.iter().map(|image| (*image, create_with_image(image))).collect();
    assert_all(&cases, &patched(yandex, "yc-registry-secret"));
}
