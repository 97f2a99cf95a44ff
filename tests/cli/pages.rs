//! The commands of `docs/shell.md`, in a home folder of their own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, iter};

use assert_cmd::cargo::cargo_bin;

use super::kubectl::kubectl_or_skip;
use super::markdown::{Kind, commands, read};
use super::reference;
use super::run::Folder;

#[test]
fn what_the_page_tells_to_install_is_there_afterwards() {
    let Some(kubectl) = kubectl_or_skip("what_the_page_tells_to_install_is_there_afterwards") else { return };
    let folder = Folder::new();
    let (home, repository) = (folder.path().join("home"), folder.path().join("repository"));
    // What the page finds there: a built program, and the examples.
    fs::create_dir_all(repository.join("target/release")).expect("a folder can be made");
    fs::create_dir(&home).expect("a folder can be made");
    symlink(cargo_bin!("pullkey"), repository.join("target/release/pullkey")).expect("a link can be made");
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), repository.join("examples"))
        .expect("a link can be made");
    let folders = [home.join(".local/bin"), kubectl.parent().expect("it stands in a folder").to_owned()];
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&others)))
        .expect("they can stand in PATH");

    let page = "docs/shell.md";
    let blocks = commands(page, &read(page)).unwrap_or_else(|reason| panic!("{reason}"));
    let mut printed = String::new();
    for block in blocks.iter().filter(|block| block.kind == Kind::Elsewhere) {
        let output = Command::new("bash")
            .args(["-e", "-c", &block.text])
            .current_dir(&repository)
            .env_clear()
            .envs([("HOME", home.as_os_str()), ("PATH", &path)])
            .stdin(Stdio::null())
            .output()
            .expect("bash is there");
        assert!(output.status.success(), "{}: {output:?}", block.place);
        printed.push_str(&String::from_utf8(output.stdout).expect("it is text"));
    }
    for expected in
        [&*format!("pullkey {}\n", env!("CARGO_PKG_VERSION")), "kubectl-pullkey\n", "library/nginx"]
    {
        assert!(printed.contains(expected), "{expected} is not in:\n{printed}");
    }
    let pages = reference::commands().into_iter().map(|command| format!("pullkey-{}.1", command.get_name()));
    for page in pages.chain(iter::once("pullkey.1".to_owned())) {
        let file = home.join(".local/share/man/man1").join(&page);
        assert!(file.is_file(), "{} is not there", file.display());
    }
    for (shell, file) in [
        ("bash", ".local/share/bash-completion/completions/pullkey"),
        ("zsh", ".zfunc/_pullkey"),
        ("fish", ".config/fish/completions/pullkey.fish"),
    ] {
        let script = fs::read_to_string(home.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(script, folder.run(&["completions", shell]).result());
        // The help of the command shows the same place.
        let help = folder.run(&["completions", "--help"]).result();
        assert!(help.contains(&format!("> ~/{file}\n")), "{file} is not in:\n{help}");
    }
}
