//! A client that sends exactly the bytes it is given, and hides nothing of what comes back.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::server::HOST;

/// How long anything may take on a machine that is busy with other things; it only bounds a failure.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How long to wait for an answer between two bytes of a trickle.
const TRICKLE_INTERVAL: Duration = Duration::from_millis(20);
/// Enough bytes to see that the server never ends.
const TRICKLE_BYTES_MAX: usize = 3000;

/// A TLS connection.
#[derive(Debug)]
pub(crate) struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    pub(crate) fn handshake(mut tcp: TcpStream, config: ClientConfig) -> io::Result<Self> {
        let name = ServerName::try_from(HOST).expect("a host name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client can be made");
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self(StreamOwned::new(tls, tcp)))
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).and_then(|()| self.0.flush()).expect("the server takes the bytes");
    }

    /// One answer of a connection that stays open.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> String {
        let mut answer = self.head();
        let length = answer
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or_else(|| panic!("an answer without length: {answer:?}"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the answer is whole");
        answer.push_str(&String::from_utf8(body).expect("the answer is text"));
        without_date(&answer)
    }

    /// The head of an answer, or an interim answer such as `100 Continue`.
    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = self.0.read(&mut byte).expect("the server answers");
            assert_eq!(read, 1, "the server closed after {:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("the head of an answer is text")
    }

    /// All that comes until the server closes, which it must do in the manner of TLS: otherwise
    /// nobody can tell a whole answer from one that was cut off.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let end = self.0.read_to_end(&mut rest);
        let rest = String::from_utf8(rest).expect("what the server says is text");
        end.unwrap_or_else(|error| panic!("after {rest:?}: {error}"));
        without_date(&rest)
    }

    /// Waits for the end of a connection on which nothing may come any more, however it ends.
    #[track_caller]
    pub(crate) fn assert_ends(&mut self) {
        assert_silent_end(self.0.read_to_end(&mut Vec::new()));
    }

    /// Sends one byte after the other, without an end, until the server answers and closes.
    #[track_caller]
    pub(crate) fn answer_to_a_trickle(&mut self) -> String {
        self.0.sock.set_read_timeout(Some(TRICKLE_INTERVAL)).expect("a limit can be set");
        for _ in 0..TRICKLE_BYTES_MAX {
            // When the server closes at this moment, what it said before can still be read.
            let _ = self.0.write_all(b" ").and_then(|()| self.0.flush());
            let mut answer = vec![0; 1024];
            match self.0.read(&mut answer) {
                Ok(length) => {
                    self.0.sock.set_read_timeout(Some(ANSWER_MAX)).expect("a limit can be set");
                    answer.truncate(length);
                    let answer = String::from_utf8(answer).expect("the answer is text");
                    return without_date(&(answer + &self.rest()));
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
            }
        }
        panic!("the server waits for {TRICKLE_BYTES_MAX} single bytes");
    }

    /// Sends bytes to which the server may say anything, or nothing, before it closes.
    pub(crate) fn send_and_ignore_the_answer(mut self, bytes: &[u8]) {
        // It may have closed before the last of them.
        let _ = self.0.write_all(bytes).and_then(|()| self.0.flush());
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
        let _ = self.0.read_to_end(&mut Vec::new());
    }

    /// Ends without a word to the server, as a process that is killed.
    pub(crate) fn vanish(self) {
        drop(self.0);
    }
}

/// Waits for the end of a connection on which nothing comes.
#[track_caller]
pub(crate) fn assert_tcp_ends(mut tcp: TcpStream) {
    assert_silent_end(tcp.read_to_end(&mut Vec::new()));
}

#[track_caller]
fn assert_silent_end(end: io::Result<usize>) {
    match end {
        Ok(length) => assert_eq!(length, 0, "the server said something"),
        Err(error) => {
            let is_end =
                matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
            assert!(is_end, "the connection does not end: {error}");
        }
    }
}

/// Replaces the value of each `date`, once it was seen to be one.
fn without_date(answer: &str) -> String {
    let mut parts = answer.split("\r\ndate: ");
    let mut text = parts.next().expect("there is always a first part").to_owned();
    for part in parts {
        let (date, rest) = part.split_once("\r\n").expect("a header has an end");
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date:?} is no date");
        text.push_str("\r\ndate: (date)\r\n");
        text.push_str(rest);
    }
    text
}
