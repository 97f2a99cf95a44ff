//! The registries: one that asks for a password, whatever host an image names, and one that does not.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::image::{Image, digest_of};
use super::support::process::{Daemon, sealed};
use super::support::wait::until;

/// The lowest cost that there is: the registry computes it for each request.
const BCRYPT_COST: u32 = 4;
const LIMIT: Duration = Duration::from_secs(30);

/// Somebody whom the registry knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
}

/// A running registry.
#[derive(Debug)]
pub(crate) struct Registry {
    address: &'static str,
    /// Who may push; nobody is asked where there is none.
    pusher: Option<Account>,
    #[expect(dead_code, reason = "holding it is what keeps it running")]
    daemon: Daemon,
}

impl Registry {
    /// Starts one that knows these accounts, or serves everybody if there are none.
    pub(crate) fn start(name: &str, folder: &Path, address: &'static str, accounts: &[Account]) -> Self {
        let own = folder.join(name);
        let passwords = own.join("htpasswd");
        let configuration = own.join("config.yml");
        let auth = if accounts.is_empty() {
            String::new()
        } else {
            format!("auth: {{htpasswd: {{realm: private, path: '{}'}}}}\n", passwords.display())
        };
        let text = format!(
            "version: 0.1\n\
             log: {{level: warn, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: '{}'}}}}\n\
             http: {{addr: '{address}'}}\n{auth}",
            own.join("data").display(),
        );
        let line = |&Account { user, password }: &Account| {
            let hash = bcrypt::hash(password, BCRYPT_COST).expect("a password can be hashed");
            format!("{user}:{hash}\n")
        };
        let lines: String = accounts.iter().map(line).collect();
        fs::create_dir_all(&own).unwrap_or_else(|error| panic!("{}: {error}", own.display()));
        for (path, text) in [(&passwords, lines), (&configuration, text)] {
            fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let mut command = sealed(Path::new("docker-registry"), &own);
        command.arg("serve").arg(configuration);
        let mut daemon = Daemon::start(name, folder, &mut command);
        until("the registry listens", || {
            daemon.assert_running();
            TcpStream::connect(address).map_err(|error| error.to_string())
        });
        Self { address, pusher: accounts.first().copied(), daemon }
    }

    /// Stores an image under `repository:tag`.
    #[track_caller]
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) {
        for blob in [&image.layer, &image.config] {
            let started = self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), "text/plain", &[]);
            let location = header(&started, "location").expect("the registry says where the blob goes");
            let (_, path) = location.split_once(self.address).unwrap_or(("", location));
            self.call("PUT", &format!("{path}&digest={}", digest_of(blob)), "application/octet-stream", blob);
        }
        self.call("PUT", &format!("/v2/{repository}/manifests/{tag}"), Image::media_type(), &image.manifest);
    }

    /// The head of the answer, which must be a good one.
    #[track_caller]
    fn call(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> String {
        let call = || -> std::io::Result<String> {
            let mut connection = TcpStream::connect(self.address)?;
            connection.set_read_timeout(Some(LIMIT))?;
            let authorization = self.pusher.map_or_else(String::new, |Account { user, password }| {
                format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
            });
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: {content_type}\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                self.address,
                body.len(),
            );
            connection.write_all(head.as_bytes())?;
            connection.write_all(body)?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = call().unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        answer
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.lines().take_while(|line| !line.is_empty());
    let mut members = lines.filter_map(|line| line.split_once(':'));
    members.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
