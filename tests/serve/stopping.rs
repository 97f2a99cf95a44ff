//! How the program ends.

use super::certificates::Setting;
use super::client::{Client, admin, injected, post, review};
use super::place::Pair;
use super::wait::until;

/// A connection with a request whose handler runs, and half of whose body is still to come.
fn request_under_way(setting: &Setting) -> (Client, String) {
    let request = post(&review("x")).replacen("Host:", "Expect: 100-continue\r\nHost:", 1);
    let (head, body) = request.split_once("\r\n\r\n").expect("a request has a head");
    let mut client = setting.connect();
    client.send(&format!("{head}\r\n\r\n"));
    // The server asks for the body only once somebody reads it.
    assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    let (first, second) = body.split_at(body.len() / 2);
    client.send(first);
    (client, second.to_owned())
}

fn until_said(setting: &Setting, message: &str) {
    until(message, || setting.serving.line(message).map(drop));
}

fn until_ready(setting: &Setting) {
    until("pullkey is ready", || {
        let (head, body) = admin(setting.serving.admin_listen, "/readyz");
        if head.starts_with("HTTP/1.1 200 OK\r\n") && body == "ok\n" { Ok(()) } else { Err(body) }
    });
}

fn assert_stopping_but_alive(setting: &Setting) {
    let (head, body) = admin(setting.serving.admin_listen, "/readyz");
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    assert_eq!(body, "not ready: the process is stopping\n");
    let (head, body) = admin(setting.serving.admin_listen, "/livez");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == "ok\n", "{head}\n{body}");
}

#[track_caller]
fn assert_ended_well(setting: &mut Setting) {
    let status = setting.serving.ended();
    assert_eq!(status.code(), Some(0), "{status}");
    until_said(setting, "stopped");
}

/// Who does not want to wait for others still answers what has begun.
fn ends_after_its_request(signal: &str) {
    let mut setting = Setting::start(&Pair::new(), &[], &["--drain-timeout=0s"]);
    until_ready(&setting);
    let (mut client, rest) = request_under_way(&setting);
    setting.serving.signal(signal);
    until_said(&setting, "stopping");
    assert_stopping_but_alive(&setting);
    setting.serving.assert_running();
    client.send(&rest);
    assert_eq!(injected(&client.body()), "one");
    assert_ended_well(&mut setting);
}

#[test]
fn after_sigterm_a_request_under_way_is_answered() {
    ends_after_its_request("TERM");
}

#[test]
fn after_sigint_a_request_under_way_is_answered() {
    ends_after_its_request("INT");
}

/// The API server hears late that a replica goes, and uses its kept connections until it does.
#[test]
fn after_sigterm_it_serves_on_and_leaves_idle_connections_to_the_client() {
    let mut setting = Setting::start(&Pair::new(), &[], &[]);
    until_ready(&setting);
    let mut kept = setting.connect();
    assert_eq!(kept.injected(), "one");
    let _idle = setting.connect();
    setting.serving.signal("TERM");
    until_said(&setting, "stopping");
    assert_stopping_but_alive(&setting);

    for mut client in [kept, setting.connect()] {
        client.send(&post(&review("x")));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\nconnection: close\r\n"), "the client must go elsewhere: {head}");
    }
    // Nobody closes the idle connection; it does not keep the process either.
    assert_ended_well(&mut setting);
}

/// The end of the drain is no end of what came before it.
#[test]
fn at_the_drain_timeout_it_leaves_although_somebody_goes_on_asking() {
    let mut setting = Setting::start(&Pair::new(), &[], &["--drain-timeout=1s"]);
    until_ready(&setting);
    setting.serving.signal("TERM");
    until_said(&setting, "stopping");
    let mut answers = 0;
    while let Ok(mut client) = setting.try_connect() {
        client.send(&post(&review("x")));
        assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
        answers += 1;
    }
    assert!(answers > 0, "it did not serve on");
    assert_ended_well(&mut setting);
}

/// It ends although the request waits for the rest of its body, and not because a limit has passed.
#[test]
fn a_second_signal_ends_at_once() {
    let mut setting = Setting::start(&Pair::new(), &[], &[]);
    let (_client, _rest) = request_under_way(&setting);
    setting.serving.signal("TERM");
    until_said(&setting, "stopping");
    setting.serving.signal("TERM");
    let status = setting.serving.ended();
    assert_eq!(status.code(), Some(0), "{status}");
    until_said(&setting, "ending at once");
    let log = setting.serving.log_text();
    assert!(!log.contains("ending with requests under way"), "{log}");
}
