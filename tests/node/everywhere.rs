//! Everything else that is created: all places of an image, all workloads, images on the node, and the traps.

use serde_json::{Value, json};

use super::node::{PRELOADED, PUBLIC_HOST};
use super::objects::{container, create, credentials, merge, object, pod, secret};
use super::pods::{Observe, RUNNING};
use super::scenarios::{JANEDOE, SHOP, WRONG};
use super::world::World;

pub(crate) fn everywhere(world: &World) {
    let namespaces = ["everywhere", "everywhere-unlabelled"];
    world.make_namespaces(&namespaces);
    let image = |name: &str| format!("registry.example.com/everywhere/{name}:1");
    // Ends at once, as an init container shall, because of its name.
    let mut init = container(&image("init"));
    init["command"] = json!(["/app/migrate"]);
    let mut sidecar = container(&image("sidecar"));
    sidecar["name"] = json!("sidecar");
    sidecar["restartPolicy"] = json!("Always");
    init["name"] = json!("init");
    // The program comes from the volume, so it does not run unless that is mounted.
    let mut mounting = container(PRELOADED);
    mounting["command"] = json!(["/volume/run"]);
    mounting["volumeMounts"] = json!([{"name": "volume", "mountPath": "/volume"}]);
    let volume = json!([{"name": "volume", "image": {"reference": image("volume")}}]);
    for namespace in namespaces {
        let secret = secret(namespace, "registrysecret", &credentials(&[("registry.example.com", SHOP)]));
        create(
            world,
            &[
                secret,
                pod(namespace, "container", json!({"containers": [container(&image("container"))]})),
                pod(
                    namespace,
                    "init",
                    json!({"initContainers": [init], "containers": [container(PRELOADED)]}),
                ),
                pod(
                    namespace,
                    "sidecar",
                    json!({"initContainers": [sidecar], "containers": [container(PRELOADED)]}),
                ),
                pod(namespace, "volume", json!({"containers": [mounting], "volumes": volume})),
            ],
        );
    }
}

pub(crate) fn workloads(world: &World) {
    world.make_namespaces(&["workloads"]);
    let template = |name: &str, image: &str, restart: &str| {
        let mut container = container(&format!("registry.example.com/workloads/{image}:1"));
        if restart == "Never" {
            container["command"] = json!(["/app/migrate"]);
        }
        json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 1, "containers": [container]},
        })
    };
    let workload = |kind: &str, name: &str, more: Value| {
        let mut spec = json!({
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, name, "Always"),
        });
        merge(&mut spec, more);
        object("apps/v1", kind, "workloads", name, json!({"spec": spec}))
    };
    let job = json!({"template": template("job", "migrate-job", "Never")});
    let nightly = json!({"spec": {"template": template("cronjob", "migrate-cronjob", "Never")}});
    create(
        world,
        &[
            secret("workloads", "registrysecret", &credentials(&[("registry.example.com", SHOP)])),
            workload("Deployment", "deployment", json!({"replicas": 2})),
            workload("StatefulSet", "statefulset", json!({"replicas": 2, "podManagementPolicy": "Parallel"})),
            workload("DaemonSet", "daemonset", json!({})),
            object("batch/v1", "Job", "workloads", "job", json!({"spec": job})),
            // Never by itself: February has no 30th day.
            object(
                "batch/v1",
                "CronJob",
                "workloads",
                "nightly",
                json!({"spec": {"schedule": "0 0 30 2 *", "jobTemplate": nightly}}),
            ),
        ],
    );
}

pub(crate) fn start_the_cron_job(world: &World) {
    world.cluster.kubectl.run(&["create", "job", "started", "--from=cronjob/nightly", "-n", "workloads"]);
}

pub(crate) fn debug(world: &World) {
    world.make_namespaces(&["debug", "debug-without"]);
    for namespace in ["debug", "debug-without"] {
        create(
            world,
            &[
                secret(namespace, "debug-tools", &credentials(&[("tools.example.com", SHOP)])),
                pod(namespace, "app", json!({"containers": [container(PRELOADED)]})),
            ],
        );
    }
}

pub(crate) fn start_the_debuggers(world: &World) {
    for namespace in ["debug", "debug-without"] {
        let arguments = ["debug", "app", "-n", namespace, "--image=tools.example.com/debug:1", "--quiet"];
        world.cluster.kubectl.run(&arguments);
    }
}

pub(crate) fn on_the_node_first(world: &World) {
    let namespaces = ["on-the-node", "on-the-node-unlabelled"];
    world.make_namespaces(&namespaces);
    for namespace in namespaces {
        create(
            world,
            &[secret(namespace, "registrysecret", &credentials(&[("registry.example.com", SHOP)]))],
        );
    }
    let image = "registry.example.com/on-the-node:1";
    create(world, &[pod("on-the-node", "first", json!({"containers": [container(image)]}))]);
}

pub(crate) fn use_what_is_on_the_node(world: &World) {
    world.until_it_is(Observe::Pods("on-the-node", "first"), RUNNING);
    for namespace in ["on-the-node", "on-the-node-unlabelled"] {
        let pods = [("second", "IfNotPresent"), ("third", "Never")].map(|(name, policy)| {
            let mut container = container("registry.example.com/on-the-node:1");
            container["imagePullPolicy"] = json!(policy);
            pod(namespace, name, json!({"containers": [container]}))
        });
        create(world, &pods);
    }
}

pub(crate) fn traps(world: &World) {
    let namespaces = ["trap-malformed", "trap-slash", "trap-order", "trap-opaque", "trap-token"];
    world.make_namespaces(&namespaces);
    let right = credentials(&[("traps.example.com", SHOP)]);
    let malformed = json!({"auths": {"unrelated.example.com": {"auth": "not base64"}}});
    let token = json!({"identitytoken": "a-token"});
    let tokens = json!({"auths": {"traps.example.com": token, PUBLIC_HOST: token}});
    let empty = json!({"auths": {}});
    let mut opaque = secret("trap-opaque", "first", &right);
    opaque["type"] = json!("Opaque");
    let app = |namespace: &str| {
        pod(namespace, "app", json!({"containers": [container("traps.example.com/traps:1")]}))
    };
    let public = |namespace: &str| {
        let image = format!("{PUBLIC_HOST}/{namespace}:1");
        pod(namespace, "public", json!({"containers": [container(&image)]}))
    };
    create(
        world,
        &[
            secret("trap-malformed", "first", &right),
            secret("trap-malformed", "second", &malformed),
            app("trap-malformed"),
            public("trap-malformed"),
            secret("trap-slash", "regcred", &credentials(&[("https://index.docker.io/v1", JANEDOE)])),
            pod("trap-slash", "app", json!({"containers": [container("janedoe/jdoe-private:v1")]})),
            secret("trap-order", "first", &credentials(&[("traps.example.com", WRONG)])),
            secret("trap-order", "second", &right),
            app("trap-order"),
            opaque,
            secret("trap-opaque", "second", &empty),
            app("trap-opaque"),
            secret("trap-token", "first", &tokens),
            secret("trap-token", "second", &empty),
            app("trap-token"),
            public("trap-token"),
        ],
    );
}
