//! The configuration, which is read again only by who asked for it.

use super::certificates::Setting;
use super::openmetrics::{scrape, value};
use super::place::{Pair, configuration, write};
use super::wait::until;

const SUCCESSFUL: &str = "pullkey_config_reload_successful";

fn until_uses(setting: &Setting, secret: &str) {
    until("the changed configuration is used", || {
        let used = setting.connect().injected();
        if used == secret { Ok(()) } else { Err(format!("{used}\n{}", setting.serving.log_text())) }
    });
}

fn until_successful_is(setting: &Setting, expected: f64) {
    until("the metric says whether the newest configuration is used", || {
        let found = value(&scrape(setting.serving.admin_listen), SUCCESSFUL, &[]);
        if (found - expected).abs() < 0.5 {
            Ok(())
        } else {
            Err(format!("{found}\n{}", setting.serving.log_text()))
        }
    });
}

/// The hash in the metric, of which there must be one.
fn hash(setting: &Setting) -> String {
    let families = scrape(setting.serving.admin_listen);
    let [sample] = families["pullkey_config_info"].samples.as_slice() else {
        panic!("not one configuration is in use: {families:#?}")
    };
    assert_eq!(sample.labels[0].0, "hash");
    sample.labels[0].1.clone()
}

#[test]
fn with_reload_a_changed_configuration_is_used_and_a_broken_one_refused() {
    let pair = Pair::new();
    let setting = Setting::start(&pair, &[], &["--reload"]);
    let mut kept = setting.connect();
    assert_eq!(kept.injected(), "one");
    until_successful_is(&setting, 1.0);
    let first = hash(&setting);

    write(&setting.config, &configuration("two"));
    until_uses(&setting, "two");
    // It holds for connections that were there before.
    assert_eq!(kept.injected(), "two");
    let second = hash(&setting);
    assert_ne!(second, first);

    for broken in
        ["registries: [", "", "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nx: 1\n"]
    {
        write(&setting.config, broken);
        until_successful_is(&setting, 0.0);
        assert_eq!(kept.injected(), "two", "the former rules no longer answer after {broken:?}");
        assert_eq!(hash(&setting), second, "{broken:?}");
        write(&setting.config, &configuration("two"));
        until_successful_is(&setting, 1.0);
    }
    setting
        .serving
        .line("the changed configuration cannot be used; the former one stays")
        .unwrap_or_else(|reason| panic!("{reason}"));

    write(&setting.config, &configuration("three"));
    until_uses(&setting, "three");
    until_successful_is(&setting, 1.0);
    assert_ne!(hash(&setting), second);
}

#[test]
fn with_reload_a_missing_configuration_leaves_the_former_one() {
    let pair = Pair::new();
    let setting = Setting::start(&pair, &[], &["--reload"]);
    std::fs::remove_file(&setting.config).expect("the file can be removed");
    until_successful_is(&setting, 0.0);
    assert_eq!(setting.connect().injected(), "one");
    write(&setting.config, &configuration("two"));
    until_uses(&setting, "two");
    until_successful_is(&setting, 1.0);
}

/// The certificate is looked at all the time, so some looks have passed once it changed twice.
#[test]
fn without_reload_a_changed_configuration_changes_nothing() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let mut setting = Setting::start(&first, &[&second, &third], &[]);
    let hash_at_start = hash(&setting);
    write(&setting.config, &configuration("two"));
    setting.volume.swap_pair(&second.cert, &second.key);
    setting.until_presents(&second);
    write(&setting.config, "broken");
    setting.volume.swap_pair(&third.cert, &third.key);
    setting.until_presents(&third);
    assert_eq!(setting.connect().injected(), "one");
    assert_eq!(hash(&setting), hash_at_start);
    until_successful_is(&setting, 1.0);
}
