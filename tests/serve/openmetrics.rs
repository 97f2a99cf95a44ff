//! A strict reader of the `OpenMetrics` text format (version 1.0.0), as far as pullkey uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::client::admin;

/// A metric family, named without the suffix of its samples.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    /// By the name with its labels, in the order of the text.
    pub(crate) samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// All families by name.
pub(crate) type Families = BTreeMap<String, Family>;

/// Reads what the admin port says.
#[track_caller]
pub(crate) fn scrape(address: SocketAddr) -> Families {
    let (head, body) = admin(address, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let content_type = "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(content_type), "{head}");
    parse(&body).unwrap_or_else(|error| panic!("{error} in\n{body}"))
}

/// The value of the one sample with this name and these labels.
#[track_caller]
pub(crate) fn value(families: &Families, name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = |sample: &&Sample| {
        let found = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        sample.name == name && found.eq(labels.iter().copied())
    };
    let sample = families.values().flat_map(|family| &family.samples).find(wanted);
    sample.unwrap_or_else(|| panic!("no {name} with {labels:?} in {families:#?}")).value
}

pub(crate) fn parse(text: &str) -> Result<Families, String> {
    let lines = text.strip_suffix("# EOF\n").ok_or("the last line is not `# EOF`")?;
    let mut families = Families::new();
    let mut current = String::new();
    for line in lines.lines() {
        if let Some(metadata) = line.strip_prefix("# ") {
            let [keyword, name, text] = split(metadata).ok_or_else(|| format!("{line:?} is no metadata"))?;
            if name != current && families.contains_key(name) {
                return Err(format!("the family {name} stands there twice"));
            }
            name.clone_into(&mut current);
            let family = families.entry(current.clone()).or_default();
            if !family.samples.is_empty() {
                return Err(format!("{line:?} comes after samples"));
            }
            let member = match keyword {
                "TYPE" => &mut family.kind,
                "UNIT" => &mut family.unit,
                "HELP" => &mut family.help,
                _ => return Err(format!("{line:?} has an unknown keyword")),
            };
            if !member.is_empty() || text.is_empty() {
                return Err(format!("{line:?} is empty or stands there twice"));
            }
            text.clone_into(member);
        } else {
            let sample = sample(line).ok_or_else(|| format!("{line:?} is no sample"))?;
            let family = families.get_mut(&current).ok_or_else(|| format!("{line:?} has no family"))?;
            family.samples.push(sample);
        }
    }
    families.iter().try_for_each(|(name, family)| check(name, family))?;
    Ok(families)
}

fn split(metadata: &str) -> Option<[&str; 3]> {
    let (keyword, rest) = metadata.split_once(' ')?;
    let (name, text) = rest.split_once(' ')?;
    Some([keyword, name, text])
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        None => (series, Vec::new()),
        Some((name, labels)) => (name, self::labels(labels.strip_suffix('}')?)?),
    };
    let value = match value {
        "+Inf" | "-Inf" | "NaN" => return None,
        value => value.parse().ok()?,
    };
    is_name(name).then(|| Sample { name: name.to_owned(), labels, value })
}

fn labels(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    _ => return None,
                }),
                (_, '\n') => return None,
                (_, plain) => value.push(plain),
            }
        };
        if !is_name(name) || name.contains(':') || labels.iter().any(|(other, _)| other == name) {
            return None;
        }
        labels.push((name.to_owned(), value));
        text = match &rest[end + 1..] {
            "" => "",
            rest => rest.strip_prefix(',').filter(|rest| !rest.is_empty())?,
        };
    }
    Some(labels)
}

fn is_name(name: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    name.bytes().next().is_some_and(is_first)
        && name.bytes().all(|byte| is_first(byte) || byte.is_ascii_digit())
}

fn check(name: &str, family: &Family) -> Result<(), String> {
    if family.help.is_empty() {
        return Err(format!("{name} has no help"));
    }
    if !family.unit.is_empty() && !name.ends_with(&format!("_{}", family.unit)) {
        return Err(format!("{name} does not end with its unit {}", family.unit));
    }
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_sum", "_count", "_bucket"],
        "info" => &["_info"],
        kind => return Err(format!("{name} is of the unknown type {kind:?}")),
    };
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let fits = suffixes.iter().any(|suffix| sample.name == format!("{name}{suffix}"));
        if !fits {
            return Err(format!("{} does not belong to the {} {name}", sample.name, family.kind));
        }
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("{} with {:?} stands there twice", sample.name, sample.labels));
        }
        if family.kind != "gauge" && sample.value < 0.0 {
            return Err(format!("{} is negative", sample.name));
        }
    }
    if family.kind == "histogram" { check_histogram(name, family) } else { Ok(()) }
}

/// The buckets of a histogram without labels count up to `+Inf`, which counts all.
fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let one = |suffix: &str| {
        let mut found = family.samples.iter().filter(|sample| sample.name == format!("{name}{suffix}"));
        found.next().filter(|sample| sample.labels.is_empty()).map(|sample| sample.value)
    };
    let count = one("_count").ok_or_else(|| format!("{name} has no count"))?;
    one("_sum").ok_or_else(|| format!("{name} has no sum"))?;
    let mut former = (f64::NEG_INFINITY, 0.0);
    for bucket in family.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
        let [(label, bound)] = bucket.labels.as_slice() else {
            return Err(format!("a bucket of {name} has not one label"));
        };
        let bound = if bound == "+Inf" { Some(f64::INFINITY) } else { bound.parse().ok() };
        let bound =
            bound.filter(|_| label == "le").ok_or_else(|| format!("a bucket of {name} has no bound"))?;
        if bound <= former.0 || bucket.value < former.1 {
            return Err(format!("the buckets of {name} do not ascend"));
        }
        former = (bound, bucket.value);
    }
    let is_whole = former.0 == f64::INFINITY && (former.1 - count).abs() < 0.5;
    if is_whole { Ok(()) } else { Err(format!("the last bucket of {name} does not count all")) }
}
