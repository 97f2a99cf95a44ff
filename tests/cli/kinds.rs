//! Which objects `inject` finds Pods in, and in which forms they may stand in a file.

use serde_json::{Value, json};

use super::inject::CONFIG;
use super::run::{Folder, assert_text};

fn inject(text: &str) -> String {
    let folder = Folder::with(&[("config.yaml", CONFIG)]);
    folder.run_with_stdin(&["inject", "--config", "config.yaml", "-f", "-"], text).result()
}

/// A Pod template that needs names.
fn template() -> Value {
    json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "registry.example.com/app"}]}})
}

/// Every built-in kind with a Pod or a template, and where it stands.
fn kinds() -> Vec<(Value, &'static str)> {
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        object.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        object
    };
    let workload = || json!({"spec": {"template": template()}});
    vec![
        (object("v1", "Pod", json!({"spec": template()["spec"]})), ""),
        (object("v1", "PodTemplate", json!({"template": template()})), "/template"),
        (object("v1", "ReplicationController", workload()), "/spec/template"),
        (object("apps/v1", "Deployment", workload()), "/spec/template"),
        (object("apps/v1beta1", "Deployment", workload()), "/spec/template"),
        (object("extensions/v1beta1", "DaemonSet", workload()), "/spec/template"),
        (object("apps/v1", "StatefulSet", workload()), "/spec/template"),
        (object("apps/v1", "DaemonSet", workload()), "/spec/template"),
        (object("apps/v1", "ReplicaSet", workload()), "/spec/template"),
        (object("batch/v1", "Job", workload()), "/spec/template"),
        (
            object(
                "batch/v1",
                "CronJob",
                json!({"spec": {"jobTemplate": {"spec": {"template": template()}}}}),
            ),
            "/spec/jobTemplate/spec/template",
        ),
    ]
}

/// The object with the names that it lacks.
fn with_names(object: &Value, pod: &str) -> Value {
    let mut object = object.clone();
    object.pointer_mut(&format!("{pod}/spec")).expect("the Pod stands there")["imagePullSecrets"] =
        json!([{"name": "registrysecret"}, {"name": "second"}]);
    object
}

fn read_yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_built_in_kind_with_a_pod_gets_its_names() {
    for (object, pod) in kinds() {
        let expected = with_names(&object, pod);
        for text in [object.to_string(), format!("{object:#}\n"), serde_saphyr::to_string(&object).unwrap()] {
            assert_eq!(read_yaml(&inject(&text)), expected, "{text}");
        }
    }
}

#[test]
fn lists_of_any_kind_are_gone_through() {
    let kinds = kinds();
    let items: Vec<&Value> = kinds.iter().map(|(object, _)| object).collect();
    let expected: Vec<Value> = kinds.iter().map(|(object, pod)| with_names(object, pod)).collect();
    let list = |items: Value| json!({"apiVersion": "v1", "kind": "List", "items": items});
    for text in [list(json!(items)).to_string(), serde_saphyr::to_string(&list(json!(items))).unwrap()] {
        assert_eq!(read_yaml(&inject(&text)), list(json!(expected)), "{text}");
    }
    let nested = list(json!([list(json!(items)), {"apiVersion": "v1", "kind": "ConfigMap"}]));
    let expected = list(json!([list(json!(expected)), {"apiVersion": "v1", "kind": "ConfigMap"}]));
    assert_eq!(read_yaml(&inject(&nested.to_string())), expected);

    // The API server's own lists leave out what the kind of the list says already.
    for (object, pod) in kinds {
        let list = |item: &Value, bare: bool| {
            let mut item = item.clone();
            if bare {
                item.as_object_mut().unwrap().retain(|key, _| key != "apiVersion" && key != "kind");
            }
            let kind = format!("{}List", object["kind"].as_str().unwrap());
            json!({"apiVersion": object["apiVersion"], "kind": kind, "metadata": {}, "items": [item]})
        };
        for bare in [true, false] {
            let (given, expected) = (list(&object, bare), list(&with_names(&object, pod), bare));
            assert_eq!(read_yaml(&inject(&format!("{given:#}"))), expected);
        }
    }
}

#[test]
fn objects_of_other_kinds_pass_byte_for_byte() {
    let pod = "spec:\n  template:\n    spec:\n      containers:\n      - image:   registry.example.com/app\n";
    for head in [
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout",
        "apiVersion: serving.knative.dev/v1\nkind: Service",
        "apiVersion: example.com/v1\nkind: Deployment",
        "apiVersion: example.com/v1\nkind: Pod",
        "apiVersion: v1\nkind: Deployment",
        "apiVersion: v1\nkind: pod",
        "apiVersion: metrics.k8s.io/v1beta1\nkind: PodMetrics",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition",
        "apiVersion: v1\nkind: Secret",
        "apiVersion: example.com/v1\nkind: ShoppingList",
    ] {
        let text = format!("# first\n{head}\nmetadata: {{ name:  'a' }}\ndefaultMode: 0644\n{pod}");
        assert_eq!(inject(&text), text);
    }
}

#[test]
fn a_workload_without_a_template_or_spec_passes_byte_for_byte() {
    for text in [
        "apiVersion: v1\nkind: Pod\n",
        "apiVersion: v1\nkind: Pod\nspec:\n",
        "apiVersion: v1\nkind: Pod\nspec: {}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 1\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n",
        "apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate: {}\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "apiVersion: v1\nkind: List\nitems: null\n",
        "apiVersion: v1\nkind: PodList\n",
    ] {
        assert_eq!(inject(text), text);
    }
}

#[test]
fn json_is_written_as_kubectl_prints_it() {
    // `kubectl get -o json` indents by four blanks and prints the items of a List.
    let pretty = r#"{
    "apiVersion": "v1",
    "items": [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "empty"
            },
            "spec": {
                "containers": [
                    {
                        "image": "registry.example.com/app",
                        "name": "a",
                        "resources": {}
                    }
                ],
                "imagePullSecrets": []
            }
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "one"
            },
            "spec": {
                "containers": [
                    {
                        "image": "registry.example.com\/\u0061pp",
                        "name": "a"
                    }
                ],
                "imagePullSecrets": [
                    {
                        "name": "own"
                    }
                ]
            }
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "none"
            },
            "spec": {
                "containers": [
                    {
                        "image": "registry.example.com/app",
                        "name": "a"
                    }
                ],
                "terminationGracePeriodSeconds": 1e1
            }
        }
    ],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
"#;
    assert_text("inject_json_pretty", &inject(pretty));
    let compact = r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"registry.example.com/app","n":1.0}]}}"#;
    let with_list = compact.replace("\"spec\":{", "\"spec\":{\"imagePullSecrets\":[{\"name\":\"own\"}],");
    let tabs = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"spec\": {\n\t\t\"containers\": [{\"image\": \"registry.example.com/app\"}]\n\t}\n}";
    let several = format!("{compact}\n{with_list}\n\n{tabs}\n");
    assert_text("inject_json_stream", &inject(&several));
}

#[test]
fn many_documents_keep_their_separators_and_comments() {
    let stream = "# Source: chart/templates/a.yaml\n---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: registry.example.com/app\n\
                  --- # the second\n# Source: chart/templates/b.yaml\nkind: Deployment\napiVersion: apps/v1\nspec:\n    template:\n        spec:\n            containers:\n            -   image: registry.example.com/app\n\
                  ...\n---\n---\n%YAML 1.2\n---\napiVersion: v1\nkind: Service\nspec:\n  ports: [ ]\n---\napiVersion: v1\nkind: Pod\nspec: {containers: [{image: registry.example.com/app}]}\n";
    let stream = stream.replace("---\n%YAML 1.2\n", "");
    assert_text("inject_stream", &inject(&stream));
}
