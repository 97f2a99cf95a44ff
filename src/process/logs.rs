//! The log: on standard error, as text on a terminal and as JSON elsewhere, never in anybody's way.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;
use std::{panic, thread};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

/// How many lines may wait for standard error. The queue is allocated whole, 32 bytes a line, and its
/// default of 128,000 lines would be the largest part of the process.
const LINES_WAITING_MAX: usize = 4_096;

/// How long lines gather before they are written. To wake the writing thread for each line costs more than
/// to write the line, and it is the request that pays.
const GATHERING: Duration = Duration::from_millis(5);

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The running log. Dropping it writes out what is waiting.
#[derive(Debug)]
pub struct Logs {
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

/// Writes what has gathered at once. The writing thread flushes when no line is waiting; while it sleeps,
/// nobody has to wake it.
#[derive(Debug)]
struct Gathering<W: Write>(BufWriter<W>);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(GATHERING);
        Ok(())
    }
}

impl Format {
    /// Text where a person reads along, JSON where a collector does.
    #[must_use]
    pub fn for_stderr() -> Self {
        if io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

impl Logs {
    /// Starts the log of the process; lines that standard error does not take are dropped and counted.
    #[must_use]
    pub fn start(format: Format, level: LevelFilter) -> Self {
        let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_WAITING_MAX);
        let (writer, guard) = queue.finish(Gathering(BufWriter::new(io::stderr())));
        let dropped = writer.error_counter();
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let builder = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(writer);
        match format {
            Format::Text => builder.with_ansi(colour).init(),
            Format::Json => builder.json().flatten_event(true).init(),
        }
        // The text of a panic may repeat what it was working on; the place is enough to find the fault.
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a fault of pullkey: please report it with this place");
        }));
        Self { dropped, _writer: guard }
    }

    /// Counts the lines that were dropped.
    #[must_use]
    pub fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}
