//! 200: what is patched, what is let pass, and what is none of ours.

use super::reviews::{
    GOOD_POD, UID, allowed, create, create_with_image, good_but, ok, patched, post, post_to, replaced,
};
use super::server::{GOOD_PATCH, Server, with_server};

/// Sends reviews on one connection, as the API server does.
#[track_caller]
fn assert_answers(server: &Server, cases: &[(&str, String, String)]) {
    let mut client = server.connect();
    for (what, body, expected) in cases {
        client.send(post(body));
        assert_eq!(client.answer(), *expected, "{what}");
    }
}

/// A Pod with these members of its spec beside a container of `registry.example.com`.
fn with_spec(members: &str) -> String {
    create(&replaced(GOOD_POD, r#""spec":{"#, &format!(r#""spec":{{{members},"#)))
}

/// A Pod with these members of its metadata.
fn with_metadata(members: &str) -> String {
    create(&replaced(GOOD_POD, r#""metadata":{"#, &format!(r#""metadata":{{{members},"#)))
}

#[test]
fn a_pod_that_lacks_secrets_is_patched() {
    let append = r#"[{"op":"add","path":"/spec/imagePullSecrets/-","value":{"name":"registrysecret"}}]"#;
    let two = r#"[{"op":"add","path":"/spec/imagePullSecrets","value":[{"name":"registrysecret"},{"name":"regcred"}]}]"#;
    let two_appended = concat!(
        r#"[{"op":"add","path":"/spec/imagePullSecrets/-","value":{"name":"registrysecret"}},"#,
        r#"{"op":"add","path":"/spec/imagePullSecrets/-","value":{"name":"regcred"}}]"#
    );
    let init = r#""initContainers":[{"image":"docker.io/bitnami/x"}]"#;
    let mine = r#""imagePullSecrets":[{"name":"mine"}]"#;
    let good = patched(GOOD_PATCH, "registrysecret");
    with_server(|server| {
        assert_answers(
            server,
            &[
                ("no list", create(GOOD_POD), good.clone()),
                ("an empty list", with_spec(r#""imagePullSecrets":[]"#), good.clone()),
                ("a list that is null", with_spec(r#""imagePullSecrets":null"#), good.clone()),
                ("another secret", with_spec(mine), patched(append, "registrysecret")),
                (
                    "a secret without name",
                    with_spec(r#""imagePullSecrets":[{}]"#),
                    patched(append, "registrysecret"),
                ),
                ("two registries", with_spec(init), patched(two, "registrysecret,regcred")),
                (
                    "two to append",
                    with_spec(&format!("{init},{mine}")),
                    patched(two_appended, "registrysecret,regcred"),
                ),
                (
                    "an image volume",
                    replaced(
                        &create_with_image("x"),
                        r#""containers""#,
                        r#""volumes":[{"name":"v","image":{"reference":"registry.example.com/v"}}],"containers""#,
                    ),
                    good.clone(),
                ),
                (
                    "an ephemeral container",
                    replaced(
                        &create_with_image("x"),
                        r#""containers""#,
                        r#""ephemeralContainers":[{"image":"registry.example.com/v"}],"containers""#,
                    ),
                    good.clone(),
                ),
                (
                    "an image beside it that is no image name",
                    with_spec(r#""initContainers":[{"image":"UPPER/case:?"}]"#),
                    good,
                ),
            ],
        );
    });
}

#[test]
fn a_pod_that_lacks_nothing_is_let_pass() {
    with_server(|server| {
        assert_answers(
            server,
            &[
                ("an image of nobody's", create_with_image("quay.io/x/y"), allowed()),
                (
                    "the secret is there",
                    with_spec(r#""imagePullSecrets":[{"name":"a"},{"name":"registrysecret"}]"#),
                    allowed(),
                ),
                ("an excepted image", create_with_image("nginx:1.27"), allowed()),
                ("no image name", create_with_image("https://registry.example.com/app"), allowed()),
                ("an empty image", create_with_image(""), allowed()),
                ("Istio's placeholder", create_with_image("auto"), allowed()),
                ("no containers", create(r#"{"spec":{"containers":[]}}"#), allowed()),
                ("no spec", create("{}"), allowed()),
                (
                    "members that are null",
                    create(r#"{"metadata":null,"spec":{"containers":null,"volumes":[null]}}"#),
                    allowed(),
                ),
                ("no Pod", create("null"), allowed()),
            ],
        );
    });
}

#[test]
fn what_is_none_of_ours_is_let_pass() {
    let operation = |name: &str| good_but(r#""operation":"CREATE""#, &format!(r#""operation":"{name}""#));
    let pods = r#""resource":{"group":"","version":"v1","resource":"pods"},"requestKind""#;
    let resource = |resource: &str| good_but(pods, &format!(r#""resource":{resource},"requestKind""#));
    with_server(|server| {
        assert_answers(
            server,
            &[
                (
                    "a mirror Pod",
                    with_metadata(r#""annotations":{"kubernetes.io/config.mirror":"c0ffee"}"#),
                    allowed(),
                ),
                (
                    "a mirror Pod without value",
                    with_metadata(r#""annotations":{"a":"b","kubernetes.io/config.mirror":""}"#),
                    allowed(),
                ),
                (
                    "opted out: disabled",
                    with_metadata(r#""labels":{"pullkey.dev/inject":"disabled"}"#),
                    allowed(),
                ),
                (
                    "opted out: false",
                    with_metadata(r#""labels":{"app":"web","pullkey.dev/inject":"false"}"#),
                    allowed(),
                ),
                ("a change", operation("UPDATE"), allowed()),
                ("a removal", operation("DELETE"), allowed()),
                ("a connection", operation("CONNECT"), allowed()),
                ("another spelling", operation("create"), allowed()),
                (
                    "a subresource",
                    good_but(r#""operation":"#, r#""subResource":"ephemeralcontainers","operation":"#),
                    allowed(),
                ),
                (
                    "Deployments",
                    resource(r#"{"group":"apps","version":"v1","resource":"deployments"}"#),
                    allowed(),
                ),
                (
                    "Pods of another group",
                    resource(r#"{"group":"metrics.k8s.io","version":"v1","resource":"pods"}"#),
                    allowed(),
                ),
                (
                    "Pods of another version",
                    resource(r#"{"group":"","version":"v2","resource":"pods"}"#),
                    allowed(),
                ),
                ("no resource", resource("null"), allowed()),
            ],
        );
        // Not skipped: any other value of the label, and the annotation's name as a label.
        let good = patched(GOOD_PATCH, "registrysecret");
        assert_answers(
            server,
            &[
                (
                    "the label says enabled",
                    with_metadata(r#""labels":{"pullkey.dev/inject":"enabled"}"#),
                    good.clone(),
                ),
                (
                    "the label says False",
                    with_metadata(r#""labels":{"pullkey.dev/inject":"False"}"#),
                    good.clone(),
                ),
                (
                    "an annotation is no label",
                    with_metadata(r#""annotations":{"pullkey.dev/inject":"disabled"}"#),
                    good.clone(),
                ),
                (
                    "a label is no annotation",
                    with_metadata(r#""labels":{"kubernetes.io/config.mirror":"x"}"#),
                    good,
                ),
            ],
        );
    });
}

/// A wider rule than the shipped one sends objects whose members only look like a Pod's.
#[test]
fn an_object_that_is_no_pod_may_have_members_of_any_type() {
    let pods = r#""resource":{"group":"","version":"v1","resource":"pods"},"requestKind""#;
    let widgets = r#""resource":{"group":"example.com","version":"v1","resource":"widgets"},"requestKind""#;
    let objects = [
        r#"{"metadata":{"labels":{"pullkey.dev/inject":"disabled"}},"spec":{"containers":"three"}}"#,
        r#"{"spec":"a text"}"#,
        r#"{"spec":{"containers":{"a":{"image":"x"}},"volumes":7}}"#,
        r#"{"spec":{"imagePullSecrets":["a","b"]}}"#,
        r#"{"spec":{"containers":[{"image":{"repository":"x"}}]}}"#,
        r#"{"metadata":{"name":3,"labels":[1]},"spec":[]}"#,
        r#"["an array"]"#,
        r#""a text""#,
        "12",
        "true",
    ];
    with_server(|server| {
        for object in objects {
            let review = replaced(&create(object), pods, widgets);
            assert_answers(server, &[(object, review, allowed())]);
        }
    });
}

/// What such an object has besides is skipped as in a Pod, at any depth.
#[test]
fn an_object_that_is_no_pod_may_have_any_depth_and_any_number() {
    let depth = 10_000;
    let deep = format!(r#"{{"spec":"a text","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let delete = |object: &str| replaced(&create(object), "CREATE", "DELETE");
    with_server(|server| {
        assert_answers(
            server,
            &[
                ("a number beyond every type", delete(r#"{"spec":"a text","x":1e999}"#), allowed()),
                ("half a surrogate pair", delete(r#"{"spec":"a text","x":"\ud800"}"#), allowed()),
                ("depth", delete(&deep), allowed()),
            ],
        );
    });
}

#[test]
fn the_uid_comes_back_as_it_was_sent() {
    let uid = |text: &str| good_but(&format!(r#""uid":"{UID}""#), &format!(r#""uid":"{text}""#));
    let operation = |body: String| replaced(&body, "CREATE", "DELETE");
    let answer = |text: &str| ok(&format!(r#"{{"uid":"{text}","allowed":true}}"#));
    with_server(|server| {
        assert_answers(
            server,
            &[
                ("any text", operation(uid("no uuid at all")), answer("no uuid at all")),
                ("escapes", operation(uid(r#"\"\\\u0041\n"#)), answer(r#"\"\\A\n"#)),
                ("other letters", operation(uid("äöü 😀")), answer("äöü 😀")),
                ("a pair of surrogates", operation(uid(r"\ud83d\ude00")), answer("😀")),
            ],
        );
    });
}

#[test]
fn the_query_does_not_matter() {
    with_server(|server| {
        let mut client = server.connect();
        for target in
            ["/mutate", "/mutate?", "/mutate?timeout=5s", "/mutate?a=/b&c=%00", "https://x:1/mutate?y"]
        {
            client.send(post_to(target, "Content-Type: application/json\r\n", &create(GOOD_POD)));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "{target}");
        }
    });
}

#[test]
fn the_content_type_may_have_parameters_and_any_case() {
    with_server(|server| {
        let mut client = server.connect();
        for content_type in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "Application/JSON ; a=b",
        ] {
            let header = format!("Content-Type: {content_type}\r\n");
            client.send(post_to("/mutate", &header, &create(GOOD_POD)));
            assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "{content_type}");
        }
    });
}
