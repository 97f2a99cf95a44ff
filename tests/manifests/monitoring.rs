//! What `components/monitoring` adds to each way of installing.

use std::fs;

use serde_json::Value;

use super::labels::{labels, selects};
use super::render::{Deploy, Rendered, list, repository, text};
use super::{SOURCES, differences, folder};

const REPOSITORY: &str = "https://git.example.com/infra/pullkey/blob/main/";

fn with_monitoring(source: &str, more: &str) -> String {
    format!(
        "resources: [../deploy/{}]\ncomponents: [../deploy/components/monitoring]\n{more}",
        folder(source)
    )
}

#[test]
fn monitoring_only_adds_what_reads_the_metrics() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: monitoring") else { return };
    for source in SOURCES {
        let (plain, with) = (deploy.render(&folder(source)), deploy.render_own(&with_monitoring(source, "")));
        assert_eq!(differences(&plain, &with), [""; 0], "{source}");
        let is_new =
            |object: &&Value| plain.find(text(&object["kind"]), text(&object["metadata"]["name"])).is_none();
        let kinds = with.documents.iter().filter(is_new).map(|object| text(&object["kind"]));
        assert_eq!(kinds.collect::<Vec<_>>(), ["ConfigMap", "PodMonitor", "PrometheusRule"], "{source}");
    }
}

#[test]
fn the_monitor_finds_the_pods_by_a_port_that_the_network_policy_lets_in() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: PodMonitor") else { return };
    let rendered = deploy.render_own(&with_monitoring("self-issued", "namespace: registry-access\n"));
    let monitor = rendered.the("PodMonitor");
    assert_eq!(monitor["metadata"]["namespace"], "registry-access");
    assert!(selects(&monitor["spec"]["selector"], &labels(rendered.pod())));
    let [endpoint] = list(&monitor["spec"]["podMetricsEndpoints"]) else { panic!("one endpoint") };
    let ports = list(&rendered.pod()["spec"]["containers"][0]["ports"]);
    assert!(ports.iter().any(|port| port["name"] == endpoint["port"]));
    let mut let_in = list(&rendered.the("NetworkPolicy")["spec"]["ingress"]).iter();
    assert!(let_in.any(|rule| rule["ports"][0]["port"] == endpoint["port"] && rule.get("from").is_none()));
    assert!(!rendered.text.contains("pullkey-system"), "{}", rendered.text);
}

#[test]
fn rules_and_dashboard_arrive_as_they_are() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: rules") else { return };
    let rendered = deploy.render_own(&with_monitoring("files", ""));
    let read = |file: &str| {
        let path = repository().join("deploy/monitoring").join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let rules: Value = serde_saphyr::from_str(&read("alerts.yaml")).expect("YAML");
    assert_eq!(rendered.the("PrometheusRule")["spec"]["groups"], rules["groups"]);
    let dashboard = rendered.find("ConfigMap", "pullkey-dashboard").expect("the dashboard");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(dashboard["data"]["pullkey.json"], read("dashboard.json"));
    for object in &rendered.documents {
        let version = &object["metadata"]["labels"]["app.kubernetes.io/version"];
        assert_eq!(version, env!("CARGO_PKG_VERSION"), "{object}");
    }
    let alone = deploy.render("monitoring");
    assert_eq!(alone.the("PrometheusRule"), rendered.the("PrometheusRule"));
    assert_eq!(alone.documents.len(), 2);
}

#[test]
fn the_overlay_for_monitoring_in_the_readme_works_as_written() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: monitoring in the README") else { return };
    let readme = fs::read_to_string(repository().join("deploy/README.md")).expect("deploy/README.md");
    let (_, rest) = readme.split_once("## Monitoring\n").expect("the README has the section");
    let (_, rest) = rest.split_once("```yaml\n").expect("the section shows an overlay");
    let (overlay, _) = rest.split_once("```").expect("the example ends");
    let rendered = deploy.render_own(&format!("namePrefix: my-\nresources: [../deploy]\n{overlay}"));
    for kind in ["PodMonitor", "PrometheusRule"] {
        assert_eq!(rendered.the(kind)["metadata"]["labels"]["release"], "kube-prometheus-stack");
    }
    let links = runbooks(&rendered);
    let expected = format!("{REPOSITORY}docs/runbooks/");
    assert!(links.len() >= 10 && links.iter().all(|link| link.starts_with(&expected)), "{links:?}");
}

fn runbooks(rendered: &Rendered) -> Vec<&str> {
    let groups = list(&rendered.the("PrometheusRule")["spec"]["groups"]).iter();
    let rules = groups.flat_map(|group| list(&group["rules"]));
    rules.map(|rule| text(&rule["annotations"]["runbook_url"])).collect()
}
