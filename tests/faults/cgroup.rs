//! A limit of memory that the kernel enforces, where we may set one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The control group of a row; it is removed when this value is dropped, after the process in it has ended.
#[derive(Debug)]
pub(crate) struct MemoryLimit(Option<PathBuf>);

/// Where groups are, and the file that holds the limit: version 1, and version 2.
const HIERARCHIES: [(&str, &str); 2] =
    [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];

impl MemoryLimit {
    /// Makes a group with this limit; where that is not possible only the peak is compared.
    pub(crate) fn new(mebibytes: u64) -> Self {
        Self(HIERARCHIES.into_iter().find_map(|(root, file)| make(Path::new(root), file, mebibytes)))
    }

    /// What a shell does so that the program which takes its place is in the group.
    pub(crate) fn enter(&self) -> String {
        self.0
            .as_ref()
            .map_or_else(String::new, |group| format!("echo $$ > {}/cgroup.procs", group.display()))
    }

    /// How the limit is held, for the table.
    pub(crate) fn note(&self) -> &'static str {
        if self.0.is_some() { ", enforced by a cgroup" } else { ", no cgroup to be had here" }
    }
}

fn make(root: &Path, file: &str, mebibytes: u64) -> Option<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("pullkey-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let group = root.join(name);
    // Without the root's file there is no such hierarchy, and this would make an ordinary folder.
    root.join("cgroup.procs").exists().then(|| fs::create_dir(&group).ok())??;
    let bytes = (mebibytes * 1024 * 1024).to_string();
    if fs::write(group.join(file), bytes).is_ok() {
        return Some(group);
    }
    let _ = fs::remove_dir(&group);
    None
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            // The kernel needs a moment after the last process has been waited for.
            for _ in 0..100 {
                if fs::remove_dir(group).is_ok() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }
}
