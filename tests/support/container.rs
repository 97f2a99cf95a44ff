//! A process in a file system of its own, with volumes where a container has them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::sealed;

/// Builds the file system in a mount namespace that ends with the process, and becomes the process.
///
/// Of the machine only programs and libraries are seen, so that a path that is not of the container leads nowhere.
const SCRIPT: &str = r#"
set -eu
PATH=$PATH:/usr/sbin:/sbin
root=$1 program=$2 volumes=$3
shift 3
mount -t tmpfs tmpfs "$root"
for folder in bin dev lib lib32 lib64 nix proc usr; do
  if [ -L "/$folder" ]; then
    cp -P "/$folder" "$root/$folder"
  elif [ -d "/$folder" ]; then
    mkdir "$root/$folder"
    mount --rbind "/$folder" "$root/$folder"
  fi
done
while [ "$volumes" -gt 0 ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
  volumes=$((volumes - 1))
done
: >"$root/program"
mount --bind "$program" "$root/program"
exec chroot "$root" /program "$@"
"#;

/// A folder of this machine, and where the process sees it.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) folder: PathBuf,
    pub(crate) mount_path: String,
}

/// The command that runs this program of the machine so; arguments and variables are for the caller to add.
pub(crate) fn contained(program: &Path, folder: &Path, volumes: &[Volume]) -> Command {
    let root = folder.join("root");
    for folder in volumes.iter().map(|volume| &volume.folder).chain([&root]) {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    let mut command = sealed(Path::new("unshare"), Path::new("/"));
    command.args(["--mount", "--", "sh", "-c", SCRIPT, "sh"]).arg(root).arg(program);
    command.arg(volumes.len().to_string());
    for volume in volumes {
        command.arg(&volume.folder).arg(&volume.mount_path);
    }
    command
}

/// Puts the files into a volume's folder as a kubelet does: all of them at once, by one link.
pub(crate) fn fill(folder: &Path, content: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let version = tempfile::Builder::new().prefix("..").tempdir_in(folder)?.keep();
        for (path, bytes) in content {
            let file = version.join(path);
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, bytes)?;
            // The link to the first part of the path goes through the one that is replaced.
            let first = path.split('/').next().unwrap_or(path);
            if fs::symlink_metadata(folder.join(first)).is_err() {
                symlink(Path::new("..data").join(first), folder.join(first))?;
            }
        }
        symlink(version.file_name().unwrap_or_default(), folder.join("..data_tmp"))?;
        fs::rename(folder.join("..data_tmp"), folder.join("..data"))
    };
    write().map_err(|error| format!("{}: {error}", folder.display()))
}
