//! Commands run as somebody types them: by bash, which stops at the first that fails.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Commands that run, in a process group of their own, as a terminal gives it to them.
#[derive(Debug)]
pub(crate) struct Shell {
    child: Child,
    /// What they wrote; gone when this value is.
    written: TempDir,
}

/// Commands that have ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shell {
    /// Starts `bash`, a command to which only the flags and the text are added; what it writes goes into `folder`.
    #[track_caller]
    pub(crate) fn start(mut bash: Command, text: &str, folder: &Path) -> Self {
        let written = TempDir::new_in(folder).expect("a temporary folder can be made");
        let file = |name| File::create(written.path().join(name)).expect("a file can be made");
        bash.args(["-e", "-c", text]).stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        bash.process_group(0);
        Self { child: bash.spawn().unwrap_or_else(|error| panic!("bash: {error}")), written }
    }

    /// Waits until they have ended; or says what they wrote when that takes longer than `limit`, which only bounds a
    /// failure.
    pub(crate) fn end(mut self, limit: Duration) -> Result<Ended, String> {
        let start = Instant::now();
        loop {
            let status = self.status();
            let (stdout, stderr) = (self.written("stdout"), self.written("stderr"));
            match status {
                Some(status) => return Ok(Ended { status, stdout, stderr }),
                None if start.elapsed() > limit => {
                    return Err(format!("no end after {} s:\n{stdout}\n{stderr}", limit.as_secs()));
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The number of the shell's process, which is also that of the group.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How they ended, if they have.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of our own child can be read")
    }

    /// What they wrote so far to `stdout` or `stderr`.
    pub(crate) fn written(&self, stream: &str) -> String {
        let path: PathBuf = self.written.path().join(stream);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a signal to all of the process group, as a terminal does.
    pub(crate) fn signal(&self, name: &str) {
        let group = format!("-{}", self.id());
        // Bash's own `kill`, because not every machine has a program of that name. It fails only when all have ended.
        let script = r#"kill -s "$1" -- "$2""#;
        let _ =
            Command::new("bash").args(["-c", script, "bash", name, &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Once bash has been waited for, its number may belong to somebody else.
        if let Ok(None) = self.child.try_wait() {
            self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}
