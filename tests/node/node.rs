//! A node: containerd and a kubelet, with the scheduler that sends Pods to it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::json;

use super::image::{File, Image};
use super::place::API_SERVICE;
use super::support::cluster::{Cluster, HOST, NODE, NODE_TOKEN, PORT};
use super::support::process::{Daemon, sealed};
use super::support::sandbox::{ADDRESS, Inside};
use super::support::script::target;
use super::support::wait::until;

const CONTAINERD: &str = include_str!("containerd.toml");
const KUBELET: &str = include_str!("kubelet.yaml");
const NETWORK: &str = include_str!("cni");
const PAUSE: &str = include_str!("pause.c");

/// Where the registries listen: the one that asks for a password, and the other.
pub(crate) const PRIVATE: &str = "127.0.0.1:5000";
pub(crate) const PUBLIC: &str = "127.0.0.1:5001";
/// The host whose images everybody may pull; all other hosts are the private registry.
pub(crate) const PUBLIC_HOST: &str = "public.example.com";
/// An image that is on the node from the beginning.
pub(crate) const PRELOADED: &str = "node.invalid/tool:1";

/// The running programs.
#[derive(Debug)]
pub(crate) struct Node {
    #[expect(dead_code, reason = "holding them is what keeps the programs running")]
    daemons: Vec<Daemon>,
}

impl Node {
    /// Starts them beside a cluster, and returns when the node is ready.
    pub(crate) fn start(inside: &Inside, cluster: &Cluster, cgroup: &str, program: &[u8]) -> Self {
        let folder = &cluster.folder;
        write_files(folder, cgroup);
        reach_the_api_server().expect("the address of the API server's Service is free");

        let tools = tools();
        let mut containerd = on_the_node(&tools.join("containerd"), folder);
        containerd.arg("--config").arg(folder.join("containerd.toml"));
        let mut daemons = vec![Daemon::start("containerd", folder, &mut containerd)];
        for (name, content) in [("pause", "node.invalid/pause:1"), ("tool", PRELOADED)] {
            let file = folder.join(format!("{name}.tar"));
            write(&file, &test_image(program, content).saved_as(content));
            until("containerd takes an image", || {
                daemons[0].assert_running();
                let mut import = on_the_node(&tools.join("ctr"), folder);
                import.args(["--address=/run/containerd/containerd.sock", "--namespace=k8s.io"]);
                let output = import.args(["images", "import"]).arg(&file).output();
                let output = output.map_err(|error| error.to_string())?;
                let message = String::from_utf8_lossy(&output.stderr).into_owned();
                if output.status.success() { Ok(()) } else { Err(message) }
            });
        }

        let mut scheduler = on_the_node(&inside.programs.path("kube-scheduler"), folder);
        scheduler.arg("--kubeconfig").arg(&cluster.kubectl.kubeconfig);
        scheduler.args(["--bind-address=127.0.0.1", "--leader-elect=false"]);
        daemons.push(Daemon::start("kube-scheduler", folder, &mut scheduler));

        let mut kubelet = on_the_node(&inside.programs.path("kubelet"), folder);
        for (flag, file) in
            [("--config", "kubelet.yaml"), ("--kubeconfig", "node-kubeconfig"), ("--cert-dir", "kubelet")]
        {
            kubelet.arg(flag).arg(folder.join(file));
        }
        kubelet.arg(format!("--hostname-override={NODE}")).arg(format!("--node-ip={ADDRESS}"));
        daemons.push(Daemon::start("kubelet", folder, &mut kubelet));

        until("the node is ready", || {
            daemons.iter_mut().for_each(Daemon::assert_running);
            let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}/{.spec.taints}";
            let ready = cluster.kubectl.attempt(&["get", "node", NODE, "-o", path], "")?;
            let has_account = cluster.kubectl.attempt(&["get", "serviceaccount", "default"], "");
            let trouble = |reason: String| format!("{reason}\n{}", daemons[2].last_lines());
            if ready == "True/" { has_account.map_err(trouble) } else { Err(trouble(ready)) }
        });
        Self { daemons }
    }
}

/// An image like no other that runs the test program, under a name with which it waits and one with which it does not.
pub(crate) fn test_image(program: &[u8], content: &str) -> Image {
    let files = [
        File { path: "run", is_executable: true, bytes: program },
        File { path: "app/migrate", is_executable: true, bytes: program },
        File { path: "name", is_executable: false, bytes: content.as_bytes() },
    ];
    Image::pack(&files, &json!({"Entrypoint": ["/run"]}))
}

/// The folder of what `tests/node/build` makes.
pub(crate) fn tools() -> PathBuf {
    target().join("node")
}

/// A command that finds containerd's other programs and runc, and no way out should the sandbox ever have one.
pub(crate) fn on_the_node(program: &Path, home: &Path) -> Command {
    let mut command = sealed(program, home);
    command.env("PATH", node_path());
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command
}

/// Debian keeps runc where only root looks.
fn node_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [tools()].into_iter().chain(env::split_paths(&path));
    let folders = folders.chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    env::join_paths(folders).expect("the folders can stand in PATH")
}

/// The test program, as a file that needs no other.
pub(crate) fn compile(folder: &Path) -> Vec<u8> {
    let (source, program) = (folder.join("pause.c"), folder.join("pause"));
    write(&source, PAUSE.as_bytes());
    let output = Command::new("cc").args(["-static", "-Os", "-s", "-o"]).arg(&program).arg(&source).output();
    let output = output.unwrap_or_else(|error| panic!("cc: {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(&program).unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn write_files(folder: &Path, cgroup: &str) {
    let fill = |text: &str| {
        text.replace("@FOLDER@", &folder.display().to_string()).replace("@CGROUP@", cgroup).into_bytes()
    };
    let files = [
        ("containerd.toml", fill(CONTAINERD)),
        ("kubelet.yaml", fill(KUBELET)),
        ("registries/_default/hosts.toml", redirect(PRIVATE)),
        (&format!("registries/{PUBLIC_HOST}/hosts.toml"), redirect(PUBLIC)),
        ("cni.d/10-pods.conflist", cni_configuration()),
        ("cni/pods", NETWORK.as_bytes().to_vec()),
        ("cni/loopback", NETWORK.as_bytes().to_vec()),
        ("node-kubeconfig", node_kubeconfig(folder)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        write(&path, &text);
        if name.starts_with("cni/") {
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&path, executable).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// Where containerd finds a registry. With one of the two alone it would ask the real host after a refusal.
fn redirect(address: &str) -> Vec<u8> {
    format!("server = 'http://{address}'\n[host.'http://{address}']\ncapabilities = ['pull', 'resolve']\n")
        .into_bytes()
}

fn cni_configuration() -> Vec<u8> {
    json!({"cniVersion": "0.3.1", "name": "pods", "plugins": [{"type": "pods"}]}).to_string().into_bytes()
}

fn node_kubeconfig(folder: &Path) -> Vec<u8> {
    let authority = folder.join("api-server/apiserver.crt").display().to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "node",
        "contexts": [{"name": "node", "context": {"cluster": "test", "user": "node"}}],
        "users": [{"name": "node", "user": {"token": NODE_TOKEN}}],
        "clusters": [{
            "name": "test",
            "cluster": {"server": format!("https://{HOST}:{PORT}"), "certificate-authority": authority},
        }],
    })
    .to_string()
    .into_bytes()
}

/// Does for the Service `kubernetes` what kube-proxy does; not every kernel has what that needs.
fn reach_the_api_server() -> io::Result<()> {
    let listener = TcpListener::bind((API_SERVICE, 443))?;
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let Ok(api_server) = TcpStream::connect((HOST, PORT)) else { continue };
            let ways = [(connection.try_clone(), api_server.try_clone()), (Ok(api_server), Ok(connection))];
            for way in ways {
                if let (Ok(mut from), Ok(mut to)) = way {
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        // Both ends hear that one of them has gone.
                        let _ = to.shutdown(std::net::Shutdown::Both);
                        let _ = from.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        }
    });
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) {
    let parent = path.parent().expect("a file has a folder");
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(path, bytes));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
