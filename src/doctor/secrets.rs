//! Whether the pull Secrets of a namespace serve the images for which pullkey names them.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Check, Finding};
use super::pods::Needs;
use super::seen::Seen;
use crate::engine::config::{Entry, is_secret_name};
use crate::engine::credentials::{Ignored, Key, PullSecret, Spelling, lookup};
use crate::engine::image::ImageRef;
use crate::engine::rules::Rules;

/// How many images of an entry are looked at in one namespace, and how many keys of a Secret are listed.
const EXAMPLES_MAX: usize = 20;
const KEYS_MAX: usize = 5;
/// How many names of pull secrets that Pods bring themselves are asked for in one namespace.
const OWN_NAMES_MAX: usize = 100;
/// What `kubectl create secret docker-registry` writes for Docker Hub.
const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";

/// Which entries the Pods and templates of a namespace use, by position.
#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<usize, Examples>);

/// Images that an entry matches, each with all names that a Pod with it has.
type Examples = BTreeMap<String, Vec<String>>;

impl Uses {
    /// Adds what one Pod or template needs.
    pub(super) fn add(&mut self, needs: &Needs) {
        for (image, entries) in &needs.images {
            for entry in entries {
                let examples = self.0.entry(*entry).or_default();
                if examples.len() < EXAMPLES_MAX && !examples.contains_key(image) {
                    examples.insert(image.clone(), needs.names.clone());
                }
            }
        }
        for entry in &needs.always {
            self.0.entry(*entry).or_default();
        }
    }

    /// Whether a Pod or a template uses an entry.
    pub(super) fn has(&self, entry: usize) -> bool {
        self.0.contains_key(&entry)
    }

    /// The Secrets to look at.
    pub(super) fn names(&self, rules: &Rules) -> Vec<String> {
        let of_entries = self.0.keys().flat_map(|entry| &rules.entries()[*entry].pull_secrets);
        let of_pods = self.0.values().flat_map(|examples| examples.values().flatten());
        let of_entries: BTreeSet<&String> = of_entries.collect();
        // A Pod may name anything; what cannot be the name of a Secret would be another path of the API.
        let of_pods: BTreeSet<&String> =
            of_pods.filter(|name| !of_entries.contains(name) && is_secret_name(name)).collect();
        let mut names: Vec<String> =
            of_entries.into_iter().chain(of_pods.into_iter().take(OWN_NAMES_MAX)).cloned().collect();
        names.sort_unstable();
        names
    }
}

/// The Secrets of one namespace, by name.
type Secrets = BTreeMap<String, Seen<PullSecret>>;

/// Judges the Secrets of a namespace by the images that use them.
pub(super) fn judge(namespace: &str, rules: &Rules, uses: &Uses, secrets: &Secrets) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let malformed = secrets.iter().filter_map(|(name, secret)| malformed(namespace, name, secret, uses));
    findings.extend(malformed);
    for (position, examples) in &uses.0 {
        let used = Used { namespace, entry: &rules.entries()[*position], examples, secrets };
        for finding in used.findings() {
            let is_known = |known: &Finding| known.check == finding.check && known.object == finding.object;
            if !findings.iter().any(is_known) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// One entry as it is used in a namespace.
struct Used<'u> {
    namespace: &'u str,
    entry: &'u Entry,
    examples: &'u Examples,
    secrets: &'u Secrets,
}

impl<'u> Used<'u> {
    fn findings(&self) -> Vec<Finding> {
        let names = &self.entry.pull_secrets;
        let mut findings: Vec<Finding> = names.iter().filter_map(|name| self.absent(name)).collect();
        let is_whole =
            |name: &String| matches!(self.secrets.get(name), Some(Seen::Found(PullSecret::Keys(_))));
        // What is not served because of one of these has its cause.
        if findings.is_empty() && names.iter().all(is_whole) {
            findings.extend(self.examples.keys().filter_map(|image| self.unserved(image)));
        }
        findings
    }

    /// A Secret of the entry that is not there, or not for the kubelet.
    fn absent(&self, name: &str) -> Option<Finding> {
        let object = object(self.namespace, name);
        let image = self.examples.keys().find(|image| !self.is_served(image));
        let say = |check, problem: String, fix| {
            // Without an image, or with another Secret that serves it, nothing fails.
            let make = if image.is_some() { Finding::problem } else { Finding::warning };
            Some(make(check, &object, problem, fix))
        };
        let whose = image.or_else(|| self.examples.keys().next());
        let whose = whose.map_or("every Pod".to_owned(), |image| format!("Pods with {image}"));
        let create = self.create(name, image.map(String::as_str));
        match self.secrets.get(name)? {
            Seen::Missing => say(
                Check::SecretMissing,
                format!("there is none, and pullkey gives its name to {whose}"),
                create,
            ),
            Seen::Found(PullSecret::Ignored(ignored)) => {
                let problem =
                    format!("{}, so that the kubelet passes it over in silence for {whose}", why(*ignored));
                say(Check::SecretIgnored, problem, again(self.namespace, name, &create))
            }
            Seen::Unseen(reason) => {
                let fix = format!(
                    "let somebody run this who may get secrets in {}, or leave --secrets out",
                    self.namespace
                );
                Some(Finding::unseen(Check::SecretMissing, &object, reason, fix))
            }
            Seen::Found(PullSecret::Malformed(_) | PullSecret::Keys(_)) => None,
        }
    }

    /// An image for which none of the entry's Secrets is used, or only one without a login.
    fn unserved(&self, text: &str) -> Option<Finding> {
        let image = ImageRef::parse(text).ok()?;
        let all = self.keys_for(text);
        let tried = lookup(all.iter().map(|(_, key)| *key), &image);
        let name_of = |key: &Key| all.iter().find(|(_, one)| std::ptr::eq(*one, key)).map(|(name, _)| *name);
        let is_ours = |key: &&Key| name_of(key).is_some_and(|name| self.is_of_entry(name));
        let ours: Vec<&Key> = tried.iter().copied().filter(is_ours).collect();
        if ours.iter().any(|key| key.has_login()) {
            return None;
        }
        let first = self.entry.pull_secrets.first()?;
        if let Some(key) = ours.first() {
            let name = name_of(key)?;
            let problem = format!(
                "its entry {:?} has no user and no password: the kubelet tries it for {text} and not the anonymous pull",
                key.as_str()
            );
            let fix = again(self.namespace, name, &self.create(name, Some(text)));
            return Some(Finding::problem(Check::SecretLogin, &object(self.namespace, name), problem, fix));
        }
        let hidden =
            self.entry.pull_secrets.iter().find(|name| !lookup(self.keys_of(name), &image).is_empty());
        if let (Some(hidden), Some(key)) = (hidden, tried.first()) {
            let by = name_of(key)?;
            let problem = format!(
                "the kubelet does not use it for {text}: the key {:?} of Secret {by} comes before that of Docker Hub",
                key.as_str()
            );
            let fix = format!(
                "write the key {DOCKER_HUB_SERVER} into Secret {by} in the place of {:?}, or docker.io into this one",
                key.as_str()
            );
            return Some(Finding::warning(
                Check::SecretShadowed,
                &object(self.namespace, hidden),
                problem,
                fix,
            ));
        }
        let problem = format!("{}, none of which the kubelet uses for {text}", self.listed());
        let fix = match self.meant() {
            Some((key, meant)) => format!("write the key {meant:?} in the place of {key:?}"),
            None => again(self.namespace, first, &self.create(first, Some(text))),
        };
        Some(Finding::problem(Check::SecretRegistry, &object(self.namespace, first), problem, fix))
    }

    fn is_served(&self, text: &str) -> bool {
        let Ok(image) = ImageRef::parse(text) else { return false };
        let keys = self.entry.pull_secrets.iter().flat_map(|name| self.keys_of(name));
        lookup(keys, &image).iter().any(|key| key.has_login())
    }

    fn is_of_entry(&self, name: &str) -> bool {
        self.entry.pull_secrets.iter().any(|ours| ours == name)
    }

    fn keys_of(&self, name: &str) -> &'u [Key] {
        match self.secrets.get(name) {
            Some(Seen::Found(PullSecret::Keys(keys))) => keys,
            _ => &[],
        }
    }

    /// All keys that a Pod with this image brings, with the names of their Secrets.
    fn keys_for(&self, image: &str) -> Vec<(&'u str, &'u Key)> {
        let names = self.examples.get(image).into_iter().flatten();
        names.flat_map(|name| self.keys_of(name).iter().map(move |key| (name.as_str(), key))).collect()
    }

    /// What the Secrets of the entry have instead.
    fn listed(&self) -> String {
        let keys: Vec<&Key> = self.entry.pull_secrets.iter().flat_map(|name| self.keys_of(name)).collect();
        let shown: Vec<String> =
            keys.iter().take(KEYS_MAX).map(|key| format!("{:?}", key.as_str())).collect();
        match keys.len() {
            0 => "it holds no credentials at all".to_owned(),
            count if count > KEYS_MAX => {
                format!("it holds credentials for {} and {} more", shown.join(", "), count - KEYS_MAX)
            }
            _ => format!("it holds credentials for {}", shown.join(", ")),
        }
    }

    /// A key that the kubelet uses for no image, and the one that was probably meant.
    fn meant(&self) -> Option<(String, String)> {
        let keys = self.entry.pull_secrets.iter().flat_map(|name| self.keys_of(name));
        keys.into_iter().find_map(|key| match key.spelling() {
            Spelling::Never { fix: Some(fix), .. } => Some((key.as_str().to_owned(), fix)),
            _ => None,
        })
    }

    /// The command that makes the Secret, for the registry of this image.
    fn create(&self, name: &str, image: Option<&str>) -> String {
        let image = image.or_else(|| self.examples.keys().next().map(String::as_str));
        let domain =
            image.and_then(|image| ImageRef::parse(image).ok().map(|image| image.domain().to_owned()));
        let server = match domain.as_deref() {
            Some("docker.io") => DOCKER_HUB_SERVER,
            Some(domain) if !domain.is_empty() => domain,
            _ => "REGISTRY",
        };
        format!(
            "kubectl -n {} create secret docker-registry {name} --docker-server={server} --docker-username=USER --docker-password=PASSWORD",
            self.namespace
        )
    }
}

/// A Secret that breaks every pull of every Pod that names it.
fn malformed(namespace: &str, name: &str, secret: &Seen<PullSecret>, uses: &Uses) -> Option<Finding> {
    let Seen::Found(PullSecret::Malformed(why)) = secret else { return None };
    let image = uses.0.values().find_map(|examples| {
        examples.iter().find(|(_, names)| names.iter().any(|one| one == name)).map(|(image, _)| image)
    });
    let whose = image.map_or("of the Pods".to_owned(), |image| format!("of the Pods with {image}"));
    let problem = format!("the kubelet cannot read it, which breaks every pull {whose} that name it: {why}");
    let fix = made_again(namespace, name);
    Some(Finding::problem(Check::SecretMalformed, &object(namespace, name), problem, fix))
}

/// How findings name a Secret.
pub(super) fn object(namespace: &str, name: &str) -> String {
    format!("Secret {namespace}/{name}")
}

/// Why the kubelet passes a Secret over.
pub(super) fn why(ignored: Ignored) -> String {
    match ignored {
        Ignored::Type => "its type is none that the kubelet reads as a pull secret".to_owned(),
        Ignored::NoData(format) => format!("it has nothing under {}", format.data_key()),
    }
}

/// The fix where no image says for which registry.
pub(super) fn made_again(namespace: &str, name: &str) -> String {
    format!(
        "kubectl -n {namespace} delete secret {name}, and create it again with `kubectl create secret docker-registry`"
    )
}

/// The type and the keys of a Secret are not changed in place.
fn again(namespace: &str, name: &str, create: &str) -> String {
    format!("kubectl -n {namespace} delete secret {name} && {create}")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::super::sample;
    use super::super::tenants::Tenants;
    use super::*;
    use crate::engine::credentials::Format;

    const ENTRIES: &str = "\
registries:
  - {matchImages: [registry.example.com], pullSecrets: [old, new]}
always:
  - {pullSecrets: [debug]}
";

    fn keys(text: &str) -> Seen<PullSecret> {
        Seen::Found(PullSecret::Keys(Format::Cfg.read(text.as_bytes()).expect("it can be read")))
    }

    const LOGIN: &str = r#"{"registry.example.com": {"username": "shop", "password": "pw"}}"#;

    /// What is said where a Pod of the registry has these pull secrets of its own.
    fn said(own: &[&str], secrets: &[(&str, Seen<PullSecret>)]) -> Vec<(Severity, Check, String)> {
        let (installation, rules) = (sample::opt_in(), sample::rules(ENTRIES));
        let mut tenants = Tenants::new(&installation, Some(&rules)).expect("there is a registration");
        tenants.namespace(&sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]));
        let names = [own, &["old", "new", "debug"]].concat();
        tenants.pod(&sample::pod("shop", "web", "registry.example.com/web", &names));
        let wanted = tenants.secrets(false);
        let known: Secrets =
            secrets.iter().map(|(name, secret)| ((*name).to_owned(), secret.clone())).collect();
        let found = wanted["shop"]
            .iter()
            .map(|name| (name.clone(), known.get(name).cloned().unwrap_or(Seen::Missing)));
        tenants.look_at_secrets("shop", &found.collect());
        let findings = tenants.findings(false, true);
        findings.into_iter().map(|one| (one.severity, one.check, one.object)).collect()
    }

    #[test]
    fn one_secret_of_an_entry_is_enough() {
        let debug = ("debug", keys("{}"));
        assert_eq!(said(&[], &[("old", keys(LOGIN)), ("new", keys(LOGIN)), debug.clone()]), []);
        assert_eq!(
            said(&[], &[("old", keys(LOGIN)), debug.clone()]),
            [(Severity::Warning, Check::SecretMissing, "Secret shop/new".to_owned())]
        );
        assert_eq!(
            said(&[], &[debug]),
            ["old", "new"].map(|name| (
                Severity::Problem,
                Check::SecretMissing,
                format!("Secret shop/{name}")
            ))
        );
    }

    #[test]
    fn a_secret_that_no_image_needs_is_worth_a_warning() {
        let both = [("old", keys(LOGIN)), ("new", keys(LOGIN))];
        assert_eq!(
            said(&[], &both),
            [(Severity::Warning, Check::SecretMissing, "Secret shop/debug".to_owned())]
        );
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_asked_for() {
        let (installation, rules) = (sample::opt_in(), sample::rules(ENTRIES));
        let mut tenants = Tenants::new(&installation, Some(&rules)).expect("there is a registration");
        tenants.namespace(&sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]));
        let names = ["../../web/secrets/theirs", "own?watch=true", "a b", "", "own"];
        tenants.pod(&sample::pod("shop", "web", "registry.example.com/web", &names));
        assert_eq!(tenants.secrets(false)["shop"], ["debug", "new", "old", "own"]);
        let many: Vec<String> = (0..10_000).map(|number| format!("own-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        tenants.pod(&sample::pod("shop", "many", "registry.example.com/many", &many));
        assert!(tenants.secrets(false)["shop"].len() < 150, "somebody may name thousands");
    }

    #[test]
    fn a_secret_of_the_pods_own_can_break_it_too() {
        let why = Format::Cfg.read(b"{\"other.example.com\": []}").expect_err("it cannot be read");
        let malformed = Seen::Found(PullSecret::Malformed(why));
        let secrets = [("old", keys(LOGIN)), ("new", keys(LOGIN)), ("debug", keys("{}")), ("own", malformed)];
        assert_eq!(
            said(&["own"], &secrets),
            [(Severity::Problem, Check::SecretMalformed, "Secret shop/own".to_owned())]
        );
        // One of its own that is missing is no business of ours.
        assert_eq!(said(&["own"], &secrets[..3]), []);
    }
}
