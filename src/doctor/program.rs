//! The program in a Pod's spec: its arguments, its ports and its files.

use serde_json::Value;

/// The port of probes and metrics where no flag says another.
const ADMIN_PORT: u16 = 8080;
/// That of the webhook.
const WEBHOOK_PORT: u16 = 8443;

/// A container that runs `pullkey serve`.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p> {
    spec: &'p Value,
    container: &'p Value,
}

/// Where the configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// The name of the `ConfigMap`.
    pub config_map: String,
    /// The key in it.
    pub key: String,
}

/// Whether a Pod's spec runs pullkey.
#[must_use]
pub fn runs_pullkey(spec: &Value) -> bool {
    Program::of(spec).is_some()
}

impl<'p> Program<'p> {
    /// The first container that runs pullkey.
    #[must_use]
    pub fn of(spec: &'p Value) -> Option<Self> {
        let containers = spec["containers"].as_array().into_iter().flatten();
        let mut programs = containers.map(|container| Self { spec, container });
        programs.find(|program| {
            let image = program.container["image"].as_str().unwrap_or_default();
            let has_variable = || program.variables().any(|(name, _)| name.starts_with("PULLKEY_"));
            let is_ours =
                || image.contains("pullkey") || program.option("--config").is_some() || has_variable();
            program.arguments().any(|argument| argument == "serve") && is_ours()
        })
    }

    /// The value of a flag, or of its variable.
    #[must_use]
    pub fn option(&self, flag: &str) -> Option<String> {
        let mut arguments = self.arguments();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix(flag) {
                Some("") => return arguments.next().map(|value| self.expanded(value)),
                Some(rest) if rest.starts_with('=') => return Some(self.expanded(&rest[1..])),
                _ => {}
            }
        }
        let variable = format!("PULLKEY_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
        self.variables().find(|(name, _)| *name == variable).map(|(_, value)| value.to_owned())
    }

    /// The port of probes and metrics.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        let listens = self.option("--admin-listen");
        listens.and_then(|listen| port_of(&listen)).unwrap_or(ADMIN_PORT)
    }

    /// The port of the webhook; none where it cannot be read from the flag.
    pub(super) fn webhook_port(&self) -> Option<u16> {
        self.option("--listen").map_or(Some(WEBHOOK_PORT), |listen| port_of(&listen))
    }

    /// The number of a port by its name, in any container of the Pod.
    pub(super) fn port_named(&self, name: &str) -> Option<u64> {
        self.ports().find(|port| port["name"] == name)?["containerPort"].as_u64()
    }

    /// Where the configuration comes from, when it is a `ConfigMap`.
    pub(super) fn configuration(&self) -> Option<Mounted> {
        let path = self.option("--config")?;
        let mut mounts = self.container["volumeMounts"].as_array().into_iter().flatten();
        mounts.find_map(|mount| self.mounted(mount, &path))
    }

    fn mounted(&self, mount: &Value, path: &str) -> Option<Mounted> {
        let place = mount["mountPath"].as_str()?.trim_end_matches('/');
        let file = match mount["subPath"].as_str().unwrap_or_default() {
            "" => path.strip_prefix(place)?.strip_prefix('/')?,
            sub_path if path == place => sub_path,
            _ => return None,
        };
        let mut volumes = self.spec["volumes"].as_array().into_iter().flatten();
        let volume = volumes.find(|volume| volume["name"] == mount["name"])?;
        let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
        let sources = projected.map(|source| &source["configMap"]).chain([&volume["configMap"]]);
        let sources =
            sources.filter_map(|source| Some((source["name"].as_str()?, source["items"].as_array())));
        // Some say what they bring; the others bring all that they have.
        let (listed, whole): (Vec<_>, Vec<_>) = sources.partition(|(_, items)| items.is_some());
        let found = listed.into_iter().find_map(|(name, items)| {
            Some((name, items?.iter().find(|item| item["path"] == file)?["key"].as_str()?))
        });
        let (name, key) = match (found, whole.as_slice()) {
            (Some(found), _) => found,
            (None, [(name, _)]) => (*name, file),
            // Which of several has the file, the spec does not tell.
            _ => return None,
        };
        Some(Mounted { config_map: name.to_owned(), key: key.to_owned() })
    }

    fn ports(&self) -> impl Iterator<Item = &'p Value> {
        let containers = self.spec["containers"].as_array().into_iter().flatten();
        containers.flat_map(|container| container["ports"].as_array().into_iter().flatten())
    }

    fn arguments(&self) -> impl Iterator<Item = &'p str> {
        let list = |member: &str| self.container[member].as_array().into_iter().flatten();
        list("command").chain(list("args")).filter_map(Value::as_str)
    }

    fn variables(&self) -> impl Iterator<Item = (&'p str, &'p str)> {
        let variables = self.container["env"].as_array().into_iter().flatten();
        variables.filter_map(|variable| {
            Some((variable["name"].as_str()?, variable["value"].as_str().unwrap_or_default()))
        })
    }

    /// As the kubelet puts in variables.
    fn expanded(&self, text: &str) -> String {
        self.variables()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
    }
}

fn port_of(listen: &str) -> Option<u16> {
    listen.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(arguments: &Value, volume: &Value, mount: &Value) -> Value {
        json!({
            "containers": [
                {"name": "proxy", "image": "proxy"},
                {"name": "pullkey", "image": "registry.example.com/x@sha256:0", "args": arguments, "volumeMounts": [mount]},
            ],
            "volumes": [volume],
        })
    }

    #[test]
    fn the_configuration_is_found_where_it_is_mounted() {
        let found = |volume: &Value, mount: &Value| {
            let spec = spec(&json!(["serve", "--config", "/etc/pullkey/config.yaml"]), volume, mount);
            let mounted = Program::of(&spec).expect("it runs pullkey").configuration();
            mounted.map(|Mounted { config_map, key }| format!("{config_map} {key}"))
        };
        let mount = json!({"name": "files", "mountPath": "/etc/pullkey/"});
        let projected = json!({"name": "files", "projected": {"sources": [
            {"secret": {"name": "tls"}}, {"configMap": {"name": "a"}}]}});
        assert_eq!(found(&projected, &mount).as_deref(), Some("a config.yaml"));
        let both = |second: Value| {
            json!({"name": "files", "projected": {"sources": [
            {"configMap": {"name": "a"}}, {"configMap": second}]}})
        };
        assert_eq!(found(&both(json!({"name": "b"})), &mount), None);
        let second = json!({"name": "b", "items": [{"key": "rules", "path": "config.yaml"}]});
        assert_eq!(found(&both(second), &mount).as_deref(), Some("b rules"));
        let items = json!({"name": "files", "configMap": {"name": "b", "items": [
            {"key": "other", "path": "other.yaml"}, {"key": "rules", "path": "config.yaml"}]}});
        assert_eq!(found(&items, &mount).as_deref(), Some("b rules"));
        let sub = json!({"name": "files", "mountPath": "/etc/pullkey/config.yaml", "subPath": "k.yaml"});
        let plain = json!({"name": "files", "configMap": {"name": "c"}});
        assert_eq!(found(&plain, &sub).as_deref(), Some("c k.yaml"));
        assert_eq!(found(&projected, &json!({"name": "files", "mountPath": "/etc/pull"})), None);
    }

    #[test]
    fn flags_are_read_in_each_way_to_write_them() {
        let spec = |container: &Value| json!({"containers": [container]});
        for (container, expected) in [
            (json!({"image": "pullkey", "args": ["serve", "--listen=[::]:9443"]}), Some(9443)),
            (
                json!({"image": "pullkey", "command": ["/pullkey", "serve"], "args": ["--listen", ":1"]}),
                Some(1),
            ),
            (
                json!({"args": ["serve", "--listen=0.0.0.0:$(PORT)"], "env": [
                    {"name": "PULLKEY_CONFIG", "value": "/c"}, {"name": "PORT", "value": "7"}]}),
                Some(7),
            ),
            (json!({"args": ["serve"], "env": [{"name": "PULLKEY_LISTEN", "value": "0.0.0.0:8"}]}), Some(8)),
            (json!({"image": "pullkey", "args": ["serve", "--listener=:3"]}), Some(8443)),
            (json!({"image": "pullkey", "args": ["serve", "--listen=$(ADDRESS)"]}), None),
        ] {
            let spec = spec(&container);
            assert_eq!(Program::of(&spec).expect("it runs pullkey").webhook_port(), expected, "{spec}");
        }
        assert!(!runs_pullkey(&spec(&json!({"image": "web", "args": ["serve"]}))));
        assert!(!runs_pullkey(&spec(&json!({"image": "pullkey", "args": ["check"]}))));
    }
}
