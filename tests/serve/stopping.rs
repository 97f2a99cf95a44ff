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

fn ends_after_its_request(signal: &str) {
    let mut setting = Setting::start(&Pair::new(), &[], &[]);
    let (mut client, rest) = request_under_way(&setting);
    let (head, body) = admin(setting.serving.admin_listen, "/readyz");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == "ok\n", "{head}\n{body}");

    setting.serving.signal(signal);
    until_said(&setting, "stopping");
    let (head, body) = admin(setting.serving.admin_listen, "/readyz");
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    assert_eq!(body, "not ready: the process is stopping\n");
    let (head, body) = admin(setting.serving.admin_listen, "/livez");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == "ok\n", "{head}\n{body}");

    setting.serving.assert_running();
    client.send(&rest);
    assert_eq!(injected(&client.body()), "one");
    let status = setting.serving.ended();
    assert_eq!(status.code(), Some(0), "{status}");
    until_said(&setting, "stopped");
}

#[test]
fn after_sigterm_a_request_under_way_is_answered() {
    ends_after_its_request("TERM");
}

#[test]
fn after_sigint_a_request_under_way_is_answered() {
    ends_after_its_request("INT");
}

#[test]
fn after_sigterm_an_idle_connection_does_not_keep_it() {
    let mut setting = Setting::start(&Pair::new(), &[], &[]);
    let mut idle = setting.connect();
    assert_eq!(idle.injected(), "one");
    setting.serving.signal("TERM");
    let status = setting.serving.ended();
    assert_eq!(status.code(), Some(0), "{status}");
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
