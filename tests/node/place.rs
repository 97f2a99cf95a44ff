//! What a node touches of the machine, and how nothing of it stays.
//!
//! The sandbox ends processes and mounts. Outside of it a kubelet writes to three places more: cgroups, which a
//! process of the outer program removes, also when that is killed; settings of the kernel, in whose place it finds
//! files; and folders under `/run`, `/var/lib` and `/var/log`, which are empty file systems in memory inside.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitCode, Stdio};

use super::support::cluster::NODE;
use super::support::programs::Programs;
use super::support::sandbox::{ADDRESS, Sandbox};

/// What `unshare` makes besides the namespaces of every sandbox; it needs root on the machine itself.
const NAMESPACES: [&str; 5] = ["--mount", "--propagation=private", "--mount-proc", "--ipc", "--uts"];
/// How the inside knows its cgroup.
const CGROUP: &str = "PULLKEY_TEST_CGROUP";
/// What the Pods of the node have as their gateway, and the network they are in.
pub(crate) const GATEWAY: &str = "10.100.0.1/16";
/// The address of the Service `kubernetes`, the first of the range.
pub(crate) const API_SERVICE: &str = "10.96.0.1";

/// Removes the cgroups of the process `$1`, and those that killed runs have left; waits for what is inside to end.
const REMOVE_CGROUPS: &str = r#"
read -r _ || true
for root in $(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts); do
  for group in "$root"/pullkey-node-*; do
    [ -d "$group" ] || continue
    owner=${group##*-}
    [ "$owner" = "$1" ] || ! [ -d "/proc/$owner" ] || continue
    tries=100
    while [ -d "$group" ] && [ $tries -gt 0 ]; do
      find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
      [ ! -d "$group" ] || sleep 0.1
      tries=$((tries - 1))
    done
    [ ! -d "$group" ] || { echo "left behind: $group" >&2; exit 1; }
  done
done
"#;

/// Run once inside. A kubelet would set the settings for the whole machine; it finds them as it wants them.
const PREPARE: &str = r#"
set -eu
for folder in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mkdir /run/settings
setting() {
  [ -e /proc/sys/$1 ] || return 0
  echo $2 >/run/settings/$3
  mount --bind /run/settings/$3 /proc/sys/$1
}
setting vm/overcommit_memory 1 overcommit
setting vm/panic_on_oom 0 oom
setting kernel/panic 10 panic
setting kernel/panic_on_oops 1 oops
setting kernel/keys/root_maxkeys 1000000 maxkeys
setting kernel/keys/root_maxbytes 25000000 maxbytes
# Without a way out a look-up would hang; here it fails at once.
if [ -e /etc/resolv.conf ]; then
  echo 'nameserver 127.0.0.1' >/run/resolv.conf
  mount --bind /run/resolv.conf /etc/resolv.conf
fi
printf '127.0.0.1 localhost\n%s %s\n' "$ADDRESS" "$NODE" >/run/hosts
mount --bind /run/hosts /etc/hosts
ip address add $GATEWAY dev pullkey0
# In the place of kube-proxy: the API server's Service is an address of this machine.
ip address add $API_SERVICE/32 dev pullkey0
ip route add default dev pullkey0
"#;

/// The cgroup of the node, which lives as long as this value.
#[derive(Debug)]
pub(crate) struct Cgroups {
    name: String,
    remover: Child,
}

impl Cgroups {
    /// Tries the sandbox of a node; or says what is missing on this machine.
    pub(crate) fn probe() -> Result<Sandbox, String> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if !is_root {
            return Err("a kubelet needs Linux and root".to_owned());
        }
        if hierarchies()?.is_empty() {
            return Err("no cgroups are mounted here, and containers need them".to_owned());
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for hidden in ["/run", "/var/lib", "/var/log"] {
            if target.starts_with(hidden) {
                return Err(format!("the target folder lies under {hidden}, which is empty on the node"));
            }
        }
        Sandbox::first_that_works(&[&NAMESPACES])
    }

    /// Makes it in every hierarchy.
    pub(crate) fn make() -> Result<Self, String> {
        let name = format!("pullkey-node-{}", process::id());
        let remover = Command::new("sh")
            .args(["-c", REMOVE_CGROUPS, "sh", &process::id().to_string()])
            .stdin(Stdio::piped())
            // It must outlive a Ctrl-C that ends this process.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        for hierarchy in hierarchies()? {
            let controllers = fs::read_to_string(hierarchy.join("cgroup.controllers")).unwrap_or_default();
            for controller in controllers.split_whitespace() {
                // In the second version a controller reaches only the groups below that ask for it.
                let _ = fs::write(hierarchy.join("cgroup.subtree_control"), format!("+{controller}"));
            }
            let group = hierarchy.join(&name);
            fs::create_dir(&group).map_err(|error| format!("{}: {error}", group.display()))?;
        }
        Ok(Self { name, remover })
    }

    /// Runs this program inside a sandbox, which hears of the cgroup, and removes what is left of it.
    pub(crate) fn run_this_program_inside(
        self,
        sandbox: &Sandbox,
        programs: &Programs,
    ) -> Result<ExitCode, String> {
        let code = sandbox.run_this_program_with(&[(CGROUP, &self.name)], programs);
        if let Err(reason) = self.remove() {
            // The trials have run, and must not pass for skipped.
            eprintln!("{reason}");
            return Ok(ExitCode::FAILURE);
        }
        code
    }

    /// Removes it; or says what is left.
    fn remove(mut self) -> Result<(), String> {
        drop(self.remover.stdin.take());
        let status = self.remover.wait().map_err(|error| format!("removing cgroups: {error}"))?;
        if status.success() { Ok(()) } else { Err("cgroups are left behind".to_owned()) }
    }
}

/// Makes the inside of the sandbox a place for a node; returns the name of its cgroup.
pub(crate) fn prepare() -> String {
    let status = Command::new("sh")
        .args(["-c", PREPARE])
        .envs([("ADDRESS", ADDRESS), ("NODE", NODE), ("GATEWAY", GATEWAY), ("API_SERVICE", API_SERVICE)])
        .stdin(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the inside of the sandbox cannot be prepared");
    env::var(CGROUP).expect("the outer process says which cgroup is ours")
}

/// The mounted cgroup hierarchies: one of the second version, or one for each controller of the first.
fn hierarchies() -> Result<Vec<PathBuf>, String> {
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error: io::Error| error.to_string())?;
    let hierarchy = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (path, kind) = (words.next()?, words.next()?);
        matches!(kind, "cgroup" | "cgroup2").then(|| PathBuf::from(path))
    };
    Ok(mounts.lines().filter_map(hierarchy).collect())
}

/// The first of these commands that is not in `PATH`, with the Debian package that has it.
pub(crate) fn missing_command(needed: &[(&str, &str)]) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps runc where only root looks.
    let hidden = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(hidden).collect();
    let found = |command: &str| folders.iter().any(|folder| folder.join(command).is_file());
    let missing = needed.iter().find(|(command, _)| !found(command));
    missing.map(|(command, package)| format!("{command} is missing (Debian package {package})"))
}
