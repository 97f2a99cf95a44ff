//! A running server, and what the operating system knows about it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any start on a machine that can be measured on.
const START_MAX: Duration = Duration::from_secs(20);
/// How often a start is looked at where it is not measured. A look can take 10 ms: the kernel walks
/// the table of all connections that there could be.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// A server that spent nothing for so long is asleep. A thread on a busy machine may wait for a
/// processor for several milliseconds.
const SETTLE: Duration = Duration::from_millis(10);

/// Where servers listen. The admin port of pullkey is on another loopback address, so that the two
/// are told apart.
const LISTEN: &str = "127.0.0.1:0";
const ADMIN_LISTEN: &str = "127.0.0.2:0";

/// A running server; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// All that is resident.
    pub(crate) resident: u64,
    /// What the process wrote itself: heap and stacks.
    pub(crate) anonymous: u64,
    /// The most that was ever resident.
    pub(crate) peak: u64,
}

/// Tells whether the kernel counts the processor time of threads in nanoseconds.
pub(crate) fn can_be_measured() -> bool {
    // The kernel adds a thread's time up when the thread goes to sleep.
    thread::sleep(Duration::from_millis(1));
    processor_time(std::process::id()).is_some_and(|time| !time.is_zero())
}

impl Server {
    /// Starts `pullkey serve` and waits until it listens. Its log goes into the void.
    pub(crate) fn pullkey(program: &Path, args: &[PathBuf]) -> Self {
        Self::start(pullkey(program, args).stderr(Stdio::null())).wait_for_socket()
    }

    /// The same, to see how long it takes: the line in the log that names the port is waited for.
    /// Asking the operating system over and over would keep a busy machine from starting anything.
    pub(crate) fn pullkey_by_log(program: &Path, args: &[PathBuf]) -> Self {
        Self::start(pullkey(program, args).stderr(Stdio::piped())).wait_for_log()
    }

    /// Starts the floor and waits until it listens.
    pub(crate) fn floor(args: &[PathBuf]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program knows its path"));
        command.env_clear().args(["floor", "--listen", LISTEN]).args(args).stderr(Stdio::null());
        Self::start(&mut command).wait_for_socket()
    }

    fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        Self { child, address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) }
    }

    fn wait_for_socket(mut self) -> Self {
        let started = Instant::now();
        loop {
            if let Some(address) = listening(self.child.id()) {
                self.address = address;
                return self;
            }
            let ended = self.child.try_wait().expect("the state of our own child can be read");
            assert!(ended.is_none(), "a server ended: {ended:?}");
            assert!(started.elapsed() < START_MAX, "a server does not listen");
            thread::sleep(LOOK_INTERVAL);
        }
    }

    fn wait_for_log(mut self) -> Self {
        let log = self.child.stderr.take().expect("the log is a pipe");
        // A server that ends before it listens ends its log, and this with it.
        for line in BufReader::new(log).lines() {
            let line: Value = serde_json::from_str(&line.expect("the log is text")).expect("the log is JSON");
            if let Some(address) = line["listen"].as_str() {
                self.address = address.parse().expect("an address");
                return self;
            }
        }
        panic!("pullkey never said that it listens");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that all threads have spent, once they sleep.
    pub(crate) async fn processor_time(&self) -> Duration {
        let process = self.child.id();
        let mut last = processor_time(process).expect("the server runs");
        loop {
            // After the last answer threads still count, log and go to sleep.
            tokio::time::sleep(SETTLE).await;
            let now = processor_time(process).expect("the server runs");
            if now == last {
                return now;
            }
            last = now;
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server runs");
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            value.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number of KiB")
        };
        Memory { resident: field("VmRSS:"), anonymous: field("RssAnon:"), peak: field("VmHWM:") }
    }

    /// Tells whether the process has mapped a C library from a file.
    pub(crate) fn maps_a_libc(&self) -> bool {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).expect("the server runs");
        maps.contains("/libc.so") || maps.contains("/libc-") || maps.contains("/ld-musl")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pullkey(program: &Path, args: &[PathBuf]) -> Command {
    let mut command = Command::new(program);
    // What a developer exports must not change what is measured.
    command.env_clear().args(["serve", "--listen", LISTEN, "--admin-listen", ADMIN_LISTEN]).args(args);
    command
}

/// The sum over the threads. The first number of `schedstat` is the time on a processor in
/// nanoseconds; `stat` counts in hundredths of a second, which is a hundred requests.
fn processor_time(process: u32) -> Option<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += schedstat.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

/// Where on 127.0.0.1 a process listens, by the sockets that it has open.
fn listening(process: u32) -> Option<SocketAddr> {
    let mut sockets = Vec::new();
    for descriptor in fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten() {
        let target = fs::read_link(descriptor.path()).unwrap_or_default();
        let inode = target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']'));
        sockets.extend(inode.map(str::to_owned));
    }
    if sockets.is_empty() {
        return None;
    }
    // The columns of `proc_pid_net(5)`: an address is hexadecimal in the order of the machine, 0A is LISTEN.
    let local = format!("{:08X}:", u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()));
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
    table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let port = columns.get(1)?.strip_prefix(&local)?;
        let is_ours =
            *columns.get(3)? == "0A" && sockets.iter().any(|inode| Some(&inode.as_str()) == columns.get(9));
        let port = u16::from_str_radix(port, 16).ok().filter(|_| is_ours)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    })
}
