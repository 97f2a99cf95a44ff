//! Which part may use which, and what else each may use.

use super::references::{Reference, Target, references};
use super::sources::{Source, manifest};

/// The parts, and what each may use of this package besides itself.
///
/// The longest name that fits a module is its part.
const PARTS: &[(&str, Uses)] = &[
    // The library's root only names the parts.
    ("", Uses::Only(&[])),
    ("main", Uses::Only(&["cli", "commands", "shell"])),
    ("commands", Uses::Every),
    // The command line checks the names of a certificate and of a namespace, and limits, while it is read.
    (
        "cli",
        Uses::Only(&["certs::issue", "cluster::registration::rendered", "engine::config", "server::limits"]),
    ),
    ("server", Uses::Only(&["certs::cell", "engine", "process"])),
    ("certs", Uses::Only(&["cluster", "process"])),
    // What decides takes the data of the registration, and no client for it.
    ("certs::bundle", Uses::Only(&[])),
    ("certs::plan", Uses::Only(&["certs::bundle", "cluster::registration"])),
    ("certs::issue", Uses::Only(&[])),
    // What the server may see of the certificates must not lead it to the others.
    ("certs::cell", Uses::Only(&[])),
    ("cluster", Uses::Only(&[])),
    ("shell", Uses::Only(&["cli"])),
    ("process", Uses::Only(&[])),
    // What judges an installation takes its objects as data, and no client for them.
    ("init", Uses::Only(&["engine"])),
    ("doctor", Uses::Only(&["certs::bundle", "certs::trust", "cluster::registration", "engine"])),
    // Its tests make certificates.
    ("doctor::sample", Uses::Only(&["certs::issue", "cluster::registration", "doctor", "engine"])),
    ("engine", Uses::Only(&[])),
];

/// All that the engine takes from elsewhere: data formats, and helpers that are as pure as itself.
const ENGINE_CRATES: &[&str] =
    &["base64", "granit_parser", "json_patch", "serde", "serde_json", "serde_path_to_error", "serde_saphyr"];

/// What data in, data out does not need of the standard library.
const ENGINE_STD: &[&str] = &["env", "fs", "io", "net", "os", "path", "process", "thread", "time"];

/// The exception: an address read from a text is data, and no network.
const ENGINE_ADDRESS: [&str; 3] = ["core", "net", "Ipv6Addr"];

/// Crates that belong to some parts only.
const CRATES: &[(&str, &[&str])] = &[
    // Elsewhere an error is a type of its own, so that a caller can tell errors apart.
    ("anyhow", &["commands", "main"]),
    ("clap", &["cli", "main", "shell"]),
    ("clap_complete", &["cli", "shell"]),
    ("clap_mangen", &["shell"]),
    ("kube", &["cluster"]),
    ("k8s_openapi", &[]),
    ("tower", &["cluster"]),
    ("futures_util", &["cluster"]),
];

#[derive(Debug)]
enum Uses {
    Every,
    Only(&'static [&'static str]),
}

/// The rules, with the names of the crates that they are about.
#[derive(Debug)]
pub(crate) struct Arrows {
    dependencies: Vec<String>,
}

impl Arrows {
    pub(crate) fn of_this_package() -> Self {
        let manifest = manifest();
        let (_, dependencies) =
            manifest.split_once("\n[dependencies]\n").expect("Cargo.toml has dependencies");
        let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
        let dependencies: Vec<String> = names.map(|(name, _)| name.replace('-', "_")).collect();
        assert!(dependencies.len() > 20, "Cargo.toml is read wrongly: {dependencies:?}");
        Self { dependencies }
    }

    /// The part that a module belongs to.
    pub(crate) fn part_of(module: &[String]) -> Option<&'static str> {
        let module = module.join("::");
        let parts = PARTS.iter().map(|(part, _)| *part).filter(|part| is_within(&module, part));
        parts.max_by_key(|part| part.len())
    }

    /// Every arrow of a source that points the wrong way, as a line for the reader.
    pub(crate) fn wrong(&self, source: &Source) -> Vec<String> {
        let Some(part) = Self::part_of(&source.module) else {
            return vec![format!("{}: belongs to no part", source.path)];
        };
        let wrong =
            references(&source.syntax(), &source.module).into_iter().filter_map(|Reference { line, to }| {
                let (name, reason) = self.judge(part, &to)?;
                Some(format!("{}:{line}: {name}: {reason}", source.path))
            });
        wrong.collect()
    }

    fn judge(&self, part: &str, to: &Target) -> Option<(String, String)> {
        match to {
            Target::Own(names) => {
                let target = names.join("::");
                let path: String = names.iter().flat_map(|name| ["::", name]).collect();
                Some((format!("crate{path}"), own(part, &target)?))
            }
            Target::Foreign(names) => Some((names.join("::"), self.foreign(part, names)?)),
            // Files by another way than `mod` would belong to two parts.
            Target::Hidden(way @ ("include!" | "#[path]")) => {
                Some(((*way).to_owned(), "a module is the file of its name".to_owned()))
            }
            Target::Hidden(way) => {
                (part == "engine").then(|| ((*way).to_owned(), "the engine writes nothing".to_owned()))
            }
        }
    }

    fn foreign(&self, part: &str, names: &[String]) -> Option<String> {
        let first = names[0].as_str();
        if let Some((_, homes)) = CRATES.iter().find(|(name, _)| *name == first)
            && !homes.contains(&part)
        {
            return Some(format!("only {} may use {first}", homes.join(" and ")));
        }
        if part != "engine" {
            return None;
        }
        if names == ENGINE_ADDRESS {
            return None;
        }
        if matches!(first, "std" | "core" | "alloc") {
            let is_pure = names.get(1).is_some_and(|module| !ENGINE_STD.contains(&module.as_str()));
            return (!is_pure).then(|| "the engine is pure: data in, data out".to_owned());
        }
        let is_unknown =
            self.dependencies.iter().any(|name| name == first) && !ENGINE_CRATES.contains(&first);
        is_unknown.then(|| format!("the engine may use {} only", ENGINE_CRATES.join(", ")))
    }
}

/// Why a part may not use a place of this package.
fn own(part: &str, target: &str) -> Option<String> {
    let uses = &PARTS.iter().find(|(name, _)| *name == part)?.1;
    let is_known = PARTS.iter().any(|(name, _)| is_within(target, name));
    match uses {
        _ if is_within(target, part) => None,
        Uses::Every if is_known => None,
        Uses::Every => Some("this is no part of the package".to_owned()),
        Uses::Only([]) => Some(format!("{part} may use nothing of this package but itself")),
        Uses::Only(others) if others.iter().any(|other| is_within(target, other)) => None,
        Uses::Only(others) => Some(format!("{part} may use {} only", others.join(", "))),
    }
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
