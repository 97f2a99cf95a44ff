//! What `pullkey init` writes, over Secrets in many namespaces.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use pullkey::engine::config::Config;
use pullkey::engine::credentials::{Format, lookup};
use pullkey::engine::image::ImageRef;
use pullkey::engine::rules::Rules;
use pullkey::init::proposal::propose;
use pullkey::init::remarks::Remarks;
use pullkey::init::secrets::Secrets;
use pullkey::init::written;

use super::parts::settings;

const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
const NAMES: [&str; 3] = ["hub", "pull", "regcred"];
const KEYS: [&str; 6] = [
    "https://index.docker.io/v1/",
    "docker.io/team/",
    "quay.io",
    "*.io",
    "r.example.com:5000",
    "r.example.com/t/",
];
const IMAGES: [&str; 6] =
    ["nginx", "team/app", "quay.io/app", "r.example.com:5000/t/a", "r.example.com/t/a", "r.example.com/a"];

type Place = (&'static str, &'static str);

fn secrets() -> impl Strategy<Value = BTreeMap<Place, Vec<&'static str>>> {
    let place = (select(&NAMESPACES[..]), select(&NAMES[..]));
    prop::collection::btree_map(place, subsequence(&KEYS[..], 1..=3), 1..8)
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn in_each_namespace_its_own_secrets_are_named(made in secrets()) {
        let (mut secrets, mut remarks) = (Secrets::default(), Remarks::default());
        for ((namespace, name), keys) in &made {
            let entries = keys.iter().map(|key| format!("{key:?}: {{\"auth\": \"dTpw\"}}"));
            let text = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
            let keys = Format::Cfg.read(text.as_bytes()).expect("the kubelet reads this");
            secrets.insert(Some(namespace), name, keys, &mut remarks);
        }
        let yaml = written::yaml("a test", &propose(&secrets, &mut remarks), &BTreeMap::new());
        let (config, _) = Config::parse(&yaml).expect("what is written is valid");
        let rules = Rules::new(config);
        for namespace in NAMESPACES {
            let there: BTreeSet<&str> =
                made.keys().filter(|(own, _)| *own == namespace).map(|(_, name)| *name).collect();
            for image in IMAGES {
                let named: BTreeSet<&str> = rules.select([image], namespace).names.into_iter().collect();
                let image = ImageRef::parse(image).expect("the images can be read");
                for (place, keys) in secrets.iter().filter(|(place, _)| place.namespace.as_deref() == Some(namespace)) {
                    let serves = !lookup(keys, &image).is_empty();
                    prop_assert!(!serves || named.contains(place.name.as_str()), "{namespace} {image:?}\n{yaml}");
                }
                // Where a Secret of the namespace is named, no other name of a Secret that is elsewhere is.
                prop_assert!(
                    named.is_disjoint(&there) || named.is_subset(&there),
                    "{namespace} {image:?}: {named:?}\n{yaml}"
                );
            }
        }
    }

    #[test]
    fn where_all_namespaces_agree_nothing_is_bound(keys in subsequence(&KEYS[..], 1..=3)) {
        let (mut secrets, mut remarks) = (Secrets::default(), Remarks::default());
        for namespace in NAMESPACES {
            let entries = keys.iter().map(|key| format!("{key:?}: {{\"auth\": \"dTpw\"}}"));
            let text = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
            let keys = Format::Cfg.read(text.as_bytes()).expect("the kubelet reads this");
            secrets.insert(Some(namespace), "regcred", keys.clone(), &mut remarks);
            secrets.insert(Some(namespace), "second", keys, &mut remarks);
        }
        let entries = propose(&secrets, &mut remarks);
        prop_assert!(entries.len() == 2 && entries.iter().all(|entry| entry.namespaces.is_empty()), "{entries:?}");
    }
}
