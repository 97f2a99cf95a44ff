//! The rows of the table: what is looked at, and what shall be seen.

use super::pods::Observe::{self, Debugger, Event, Pods, PullSecrets};
use super::pods::{COMPLETED, NO_CREDENTIAL, RUNNING, WRONG_CREDENTIAL};

/// A row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) observe: Observe,
    pub(crate) when: When,
}

/// When it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Only until the rest is done.
    First,
    /// In the end, and from then on.
    AtTheEnd,
}

const fn case(name: &'static str, expected: &'static str, observe: Observe) -> Case {
    Case { name, expected, observe, when: When::AtTheEnd }
}

const MISSING: &str = "FailedToRetrieveImagePullSecret";

/// All rows, in the order of the table.
pub(crate) const CASES: &[Case] = &[
    case(
        "pullkey: two replicas, whose own image comes by digest from the private registry, with a pull secret",
        "2 × Running",
        Pods("pullkey-system", "pullkey-"),
    ),
    case(
        "regcred: a Pod with images of two registries, Docker Hub in three spellings, two Secrets",
        RUNNING,
        Pods("regcred", "private-reg"),
    ),
    case("regcred: without the namespace label", NO_CREDENTIAL, Pods("regcred-unlabelled", "private-reg")),
    case("regcred: with a wrong password", WRONG_CREDENTIAL, Pods("regcred-wrong", "private-reg")),
    case(
        "regcred: one Secret for both registries, the other one missing",
        RUNNING,
        Pods("regcred-one", "private-reg"),
    ),
    case(
        "regcred: what the kubelet says of the missing one",
        "event FailedToRetrieveImagePullSecret",
        Event("regcred-one", "private-reg", MISSING),
    ),
    case(
        "regcred: no Secret at all, and the Pod is created",
        NO_CREDENTIAL,
        Pods("regcred-none", "private-reg"),
    ),
    case("werf: the chart's Deployment, with an init container", RUNNING, Pods("werf", "backend-")),
    case("werf: without the namespace label", NO_CREDENTIAL, Pods("werf-unlabelled", "backend-")),
    case("werf: with a wrong password", WRONG_CREDENTIAL, Pods("werf-wrong", "backend-")),
    case(
        "yandex: the password is a JSON document with quotes and line ends",
        RUNNING,
        Pods("yandex", "demo-test"),
    ),
    case("yandex: without the namespace label", NO_CREDENTIAL, Pods("yandex-unlabelled", "demo-test")),
    case(
        "yandex: with the last line end of the password lost",
        WRONG_CREDENTIAL,
        Pods("yandex-wrong", "demo-test"),
    ),
    case(
        "yandex: beside it the Pod of another registry id, whose Secret is wrong",
        WRONG_CREDENTIAL,
        Pods("yandex", "data"),
    ),
    Case {
        name: "tanzu: the chart's placeholder is empty, the Pod waits",
        expected: NO_CREDENTIAL,
        observe: Pods("tanzu", "app-"),
        when: When::First,
    },
    case("tanzu: the placeholder is filled, the same Pod goes on", RUNNING, Pods("tanzu", "app-")),
    case("tanzu: without the namespace label", NO_CREDENTIAL, Pods("tanzu-unlabelled", "app-")),
    case("tanzu: with a wrong password", WRONG_CREDENTIAL, Pods("tanzu-wrong", "app-")),
    case(
        "tanzu: the names that the Pod got",
        "myplaceholdersecretname, anyothersecretname",
        PullSecrets("tanzu", "app-"),
    ),
    case(
        "tanzu: the chart sets the second name itself, the first is added",
        "anyothersecretname, myplaceholdersecretname",
        PullSecrets("tanzu-with-one", "app-"),
    ),
    case("tanzu: that Pod", RUNNING, Pods("tanzu-with-one", "app-")),
    case(
        "replicated: the chart's Deployment, through the proxy's path and the vendor's domain",
        RUNNING,
        Pods("replicated", "api-"),
    ),
    case("replicated: without the namespace label", NO_CREDENTIAL, Pods("replicated-unlabelled", "api-")),
    case("replicated: with a wrong password", WRONG_CREDENTIAL, Pods("replicated-wrong", "api-")),
    case(
        "replicated: quay.io inside the path does not count as the host",
        "replicated-pull-secret",
        PullSecrets("replicated", "api-"),
    ),
    case("replicated: an image that is really of quay.io", "quay", PullSecrets("replicated", "quay")),
    case("an image of a container", RUNNING, Pods("everywhere", "container")),
    case("an image of an init container", RUNNING, Pods("everywhere", "init")),
    case("an image of a native sidecar", RUNNING, Pods("everywhere", "sidecar")),
    case("an image volume, mounted", RUNNING, Pods("everywhere", "volume")),
    case(
        "without the namespace label: a container",
        NO_CREDENTIAL,
        Pods("everywhere-unlabelled", "container"),
    ),
    case(
        "without the namespace label: an init container",
        NO_CREDENTIAL,
        Pods("everywhere-unlabelled", "init"),
    ),
    case(
        "without the namespace label: a native sidecar",
        NO_CREDENTIAL,
        Pods("everywhere-unlabelled", "sidecar"),
    ),
    case(
        "without the namespace label: an image volume",
        NO_CREDENTIAL,
        Pods("everywhere-unlabelled", "volume"),
    ),
    case("kubectl debug, with an `always` entry for its image", RUNNING, Debugger("debug", "app")),
    case("kubectl debug, without one", NO_CREDENTIAL, Debugger("debug-without", "app")),
    case("Deployment", "2 × Running", Pods("workloads", "deployment-")),
    case("StatefulSet", "2 × Running", Pods("workloads", "statefulset-")),
    case("DaemonSet", RUNNING, Pods("workloads", "daemonset-")),
    case("Job", COMPLETED, Pods("workloads", "job-")),
    case("CronJob, started by hand", COMPLETED, Pods("workloads", "started-")),
    case("an image already on the node, IfNotPresent", RUNNING, Pods("on-the-node", "second")),
    case("an image already on the node, Never", RUNNING, Pods("on-the-node", "third")),
    case(
        "an image already on the node, IfNotPresent, without the namespace label",
        NO_CREDENTIAL,
        Pods("on-the-node-unlabelled", "second"),
    ),
    case(
        "an image already on the node, Never, without the namespace label",
        "ErrImageNeverPull",
        Pods("on-the-node-unlabelled", "third"),
    ),
    case(
        "trap: a malformed Secret beside a good one",
        "illegal base64 data at input byte 3",
        Pods("trap-malformed", "app"),
    ),
    case(
        "trap: the same, and an image that everybody may pull",
        "illegal base64 data at input byte 3",
        Pods("trap-malformed", "public"),
    ),
    case(
        "trap: the key https://index.docker.io/v1 without the slash at its end",
        NO_CREDENTIAL,
        Pods("trap-slash", "app"),
    ),
    case("trap: a wrong credential before the right one", RUNNING, Pods("trap-order", "app")),
    case("trap: a Secret of type Opaque", NO_CREDENTIAL, Pods("trap-opaque", "app")),
    case("trap: an entry with an identity token only", NO_CREDENTIAL, Pods("trap-token", "app")),
    case(
        "trap: an entry with an identity token only, and an image that everybody may pull",
        RUNNING,
        Pods("trap-token", "public"),
    ),
];
