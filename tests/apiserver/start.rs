//! From a cluster with three pull secrets in it to a running and checked installation, by the four commands of README.md.

use crate::chart::with;
use crate::operator::{Operator, instead_of_the_shared_installation};
use crate::pods::{pod, pull_secrets};
use crate::readme::cluster_blocks;
use crate::support::helm::Helm;
use crate::world::World;

/// The namespaces, their pull secrets with the key of each, and an image that needs it.
const TEAMS: [(&str, &str, &str, &str); 3] = [
    ("shop", "registrysecret", "registry.example.com", "registry.example.com/shop/backend:2.1.0"),
    ("billing", "regcred", "https://index.docker.io/v1/", "janedoe/ledger:7"),
    ("search", "yc-registry-secret", "cr.yandex/crp0example", "cr.yandex/crp0example/indexer:1.4"),
];

pub(crate) fn four_commands_lead_to_a_running_and_checked_installation(world: &World) {
    let Some([helm, _]) = Helm::both_or_skip("the four commands", &world.cluster.folder) else { return };
    let kubectl = &world.cluster.kubectl;
    // Those of other trials close for a while: the cluster is empty to whoever begins.
    let opted_in = "pullkey.dev/inject in (enabled, true)";
    kubectl.run(&["label", "namespaces", "-l", opted_in, "pullkey.dev/inject-"]);
    for (namespace, name, server, _) in TEAMS {
        kubectl.run(&["create", "namespace", namespace]);
        let server = format!("--docker-server={server}");
        let login = ["--docker-username=robot", "--docker-password=pw-of-a-robot"];
        let create = ["create", "secret", "docker-registry", name, "-n", namespace, &server];
        kubectl.run(&[&create[..], &login].concat());
    }
    instead_of_the_shared_installation(world, |operator| {
        operator.load_the_image();
        let [block] = &cluster_blocks("README.md", |section| section == SECTION)[..] else {
            panic!("not one block below {SECTION:?}")
        };
        assert_eq!(block.text.lines().count(), 4, "{}", block.text);
        let ended = operator.run_text(&with(&helm, &block.text), &block.place);
        assert!(
            !format!("{}{}", ended.stdout, ended.stderr).contains("pw-of-a-robot"),
            "a credential is shown"
        );
        let shown = block.expected.as_deref().expect("README.md shows what the doctor says");
        assert!(ended.stdout.ends_with(shown), "README.md shows\n{shown}\nand it printed\n{}", ended.stdout);
        for (namespace, name, _, image) in TEAMS {
            let arguments = ["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"];
            let stored = kubectl.json(&arguments, &pod("app", &[image]).to_string());
            assert_eq!(pull_secrets(&stored), [name], "in {namespace}");
        }
        uninstall(operator, &helm);
    });
    kubectl.run(&["label", "namespace", "canary", "pullkey.dev/inject=enabled"]);
    for (namespace, ..) in TEAMS {
        kubectl.run(&["delete", "namespace", namespace, "--wait=false"]);
    }
}

/// The heading of README.md above the four commands.
pub(crate) const SECTION: &str = "With four commands";

fn uninstall(operator: &Operator, helm: &Helm) {
    operator.run_text(&with(helm, "helm uninstall pullkey --namespace pullkey-system --wait"), "the end");
}
