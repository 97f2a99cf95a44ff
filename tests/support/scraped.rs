//! What the real program says on `/metrics`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take on a machine that is busy with other things; it only bounds a failure.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Ends the server, whatever becomes of the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The metrics of a server with the example configuration, which nobody has asked anything yet.
pub(crate) fn scrape() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pullkey"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["serve", "--config=examples/config.yaml"]);
    command.args(["--dns-name=localhost", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    command.args(["--log-format=json"]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut server = Server(command.spawn().expect("pullkey starts"));
    let log = BufReader::new(server.0.stderr.take().expect("its log is a pipe")).lines();
    let mut events = log.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let serving = events.find(|event| event["message"] == "serving").expect("pullkey serves");
    let address = serving["admin_listen"].as_str().expect("the log says where the metrics are");

    let mut connection = TcpStream::connect(address).expect("the admin port is open");
    connection.set_read_timeout(Some(ANSWER_MAX)).expect("a limit can be set");
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        .expect("it listens");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}
