//! From a cluster with three pull secrets in it to a running and checked installation, by the four commands of README.md.
//!
//! ```text
//! cargo test --test start
//! ```

#[path = "../support/support.rs"]
#[expect(dead_code, reason = "the trials of tests/apiserver use all of it")]
mod support;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};
use serde_json::json;

use support::cluster::Cluster;
use support::helm::Helm;
use support::installation::{NAMESPACE, copy_parts, for_an_operator};
use support::kubelet::Kubelet;
use support::markdown::{Kind, commands, read};
use support::outcome::{Outcome, skip};
use support::programs::Programs;
use support::sandbox::{Inside, Sandbox};
use support::shell::Shell;
use support::wait::LIMIT;

/// The heading above the commands.
const SECTION: &str = "With four commands";

/// The namespaces, their pull secrets with the key of each, and an image that needs it.
const TEAMS: [(&str, &str, &str, &str); 3] = [
    ("shop", "registrysecret", "registry.example.com", "registry.example.com/shop/backend:2.1.0"),
    ("billing", "regcred", "https://index.docker.io/v1/", "janedoe/ledger:7"),
    ("search", "yc-registry-secret", "cr.yandex/crp0example", "cr.yandex/crp0example/indexer:1.4"),
];
const PASSWORD: &str = "pw-of-a-robot";

fn main() -> ExitCode {
    if let Some(inside) = Inside::enter() {
        return run(move || {
            type_the_commands(&inside);
            Ok(Completion::Completed)
        })
        .exit_code();
    }
    if Arguments::from_args().list {
        return run(|| Ok(Completion::Completed)).exit_code();
    }
    let wanted = ["etcd", "kubectl", "kube-apiserver", "kube-controller-manager"];
    let possible =
        || -> Result<_, String> { Ok((Programs::find_or_build_all(&wanted, &wanted)?, Sandbox::probe()?)) };
    Sandbox::run_inside_or(possible(), |reason| run(move || skip(&reason)).exit_code())
}

fn run(how: impl Fn() -> Outcome + Send + 'static) -> Conclusion {
    let name = "four_commands_lead_to_a_running_and_checked_installation";
    libtest_mimic::run(&Arguments::from_args(), vec![Trial::ignorable_test(name, how)])
}

fn type_the_commands(inside: &Inside) {
    let cluster = Cluster::start(inside);
    let Some([helm, _]) = Helm::both_or_skip("the four commands", &cluster.folder) else { return };
    for (namespace, name, server, _) in TEAMS {
        cluster.kubectl.run(&["create", "namespace", namespace]);
        let (server, password) =
            (format!("--docker-server={server}"), format!("--docker-password={PASSWORD}"));
        let secret = ["create", "secret", "docker-registry", name, "-n", namespace];
        cluster.kubectl.run(&[&secret[..], &["--docker-username=robot", &server, &password]].concat());
    }
    let folder = cluster.folder.join("operator");
    copy_parts(&["deploy"], &folder);
    let kubelet = Kubelet::start(&cluster, NAMESPACE, folder.join("node"));
    // What the commands for Docker do, which nobody runs here.
    kubelet.load_the_image();

    let blocks = commands("README.md", &read("README.md")).expect("README.md can be read");
    let mut blocks = blocks.iter().filter(|block| block.section == SECTION && block.kind == Kind::Cluster);
    let (Some(block), None) = (blocks.next(), blocks.next()) else {
        panic!("not one block below {SECTION:?}")
    };
    assert_eq!(block.text.lines().count(), 4, "{}", block.text);
    let text = format!("helm() {{ '{}' \"$@\"; }}\n{}", helm.program.display(), block.text);
    let mut bash = for_an_operator(Path::new("bash"), &cluster);
    bash.current_dir(&folder);
    let ended = Shell::start(bash, &text, &cluster.folder).end(LIMIT);
    let ended = ended.unwrap_or_else(|reason| panic!("{reason}\n{}", kubelet.trouble()));
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.status.success(), "{all}\n{}", kubelet.trouble());
    assert!(!all.contains(PASSWORD), "a credential is shown: {all}");
    let shown = block.expected.as_deref().expect("README.md shows what the doctor says");
    assert!(ended.stdout.ends_with(shown), "README.md shows\n{shown}\nand it printed\n{}", ended.stdout);

    for (namespace, name, _, image) in TEAMS {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "app"},
            "spec": {"containers": [{"name": "app", "image": image}]},
        });
        let create = ["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"];
        let stored = cluster.kubectl.json(&create, &pod.to_string());
        assert_eq!(stored["spec"]["imagePullSecrets"], json!([{"name": name}]), "in {namespace}");
    }
}
