//! A client that sends exactly the bytes it is given, and says how the connection ends.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::requests::{Answer, HOST, good};

/// How long anything may take on a machine that is busy with other things; it only bounds a failure.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A TLS connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn handshake(mut tcp: TcpStream, config: ClientConfig) -> anyhow::Result<Self> {
        let name = ServerName::try_from(HOST).expect("a host name");
        let mut tls = ClientConnection::new(Arc::new(config), name)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).context("the handshake failed")?;
        }
        Ok(Self { stream: StreamOwned::new(tls, tcp), received: Vec::new() })
    }

    /// Sends bytes; an error says that the server no longer takes them.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush())
    }

    /// Says that no more is sent, as TLS does, and closes this direction.
    pub(crate) fn half_close(&mut self) -> io::Result<()> {
        self.stream.conn.send_close_notify();
        self.stream.flush()?;
        self.stream.sock.shutdown(Shutdown::Write)
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> anyhow::Result<Answer> {
        loop {
            if let Some(answer) = Answer::cut(&mut self.received)? {
                return Ok(answer);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer).context("waiting for an answer")? {
                0 => bail!("the server closed instead of answering"),
                length => self.received.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// All answers until the server closes.
    pub(crate) fn answers(&mut self) -> anyhow::Result<Vec<Answer>> {
        self.read_until_end()?;
        let mut answers = Vec::new();
        while let Some(answer) = Answer::cut(&mut self.received)? {
            answers.push(answer);
        }
        ensure!(self.received.is_empty(), "half an answer: {:?}", String::from_utf8_lossy(&self.received));
        Ok(answers)
    }

    /// The one answer after which the server closes.
    pub(crate) fn last_answer(&mut self) -> anyhow::Result<Answer> {
        let mut answers = self.answers()?;
        ensure!(answers.len() == 1, "not one answer but {answers:?}");
        Ok(answers.remove(0))
    }

    /// Fails unless the connection ends without a word.
    pub(crate) fn ends_in_silence(&mut self) -> anyhow::Result<()> {
        self.read_until_end()?;
        ensure!(self.received.is_empty(), "the server said {:?}", String::from_utf8_lossy(&self.received));
        Ok(())
    }

    /// Fails unless a good review is answered here.
    pub(crate) fn is_answered(&mut self) -> anyhow::Result<()> {
        self.send(good()).context("a good review cannot be sent")?;
        self.answer()?.is_right("a-uid")
    }

    /// Sends one byte after the other, forever again, until the server closes or answers; tells how many went out.
    pub(crate) fn trickle(&mut self, bytes: &[u8], interval: Duration) -> anyhow::Result<usize> {
        let started = Instant::now();
        self.stream.sock.set_read_timeout(Some(interval))?;
        let mut sent = 0;
        for byte in bytes.iter().cycle() {
            ensure!(started.elapsed() < ANSWER_MAX, "the server still waits after {sent} single bytes");
            // When the server closes at this moment, what it said before can still be read.
            let _ = self.send([*byte]);
            sent += 1;
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer) {
                Ok(length) => {
                    self.received.extend_from_slice(&buffer[..length]);
                    break;
                }
                Err(error) if is_end(&error) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.stream.sock.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(sent)
    }

    /// The protocol that the handshake chose.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    fn read_until_end(&mut self) -> anyhow::Result<()> {
        match self.stream.read_to_end(&mut self.received) {
            Ok(_) => Ok(()),
            Err(error) if is_end(&error) => Ok(()),
            Err(error) => Err(error).context("the connection does not end"),
        }
    }
}

/// Whether an error says that the other side is gone.
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// All bytes that come on a connection without TLS before it ends.
pub(crate) fn last_bytes(mut tcp: &TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match tcp.read_to_end(&mut bytes) {
        Err(error) if !is_end(&error) => Err(error).context("the connection does not end"),
        _ => Ok(bytes),
    }
}
