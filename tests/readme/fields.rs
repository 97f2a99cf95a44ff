//! The table of `docs/configuration.md` has every field of the configuration, and no other.

use std::collections::BTreeSet;

use super::markdown::read;
use super::run;

#[test]
fn the_table_of_fields_has_every_field_of_a_configuration() {
    let head = "apiVersion: pullkey.dev/v1alpha1, kind: InjectorConfiguration";
    let mut fields = BTreeSet::new();
    for (place, rest) in
        [("", "x: 1"), ("registries[].", "registries: [{x: 1}]"), ("always[].", "always: [{x: 1}]")]
    {
        let said = run(&format!("echo '{{{head}, {rest}}}' | pullkey check -")).stdout;
        let known = said.split_once("unknown field `x`, expected one of ").map(|(_, known)| known);
        let known = known.and_then(|known| known.lines().next()).unwrap_or_else(|| panic!("{said}"));
        fields.extend(known.split(", ").map(|field| format!("{place}{field}")));
    }
    assert!(fields.contains("registries[].matchImages") && fields.len() >= 10, "{fields:?}");

    let page = read("docs/configuration.md");
    let rows = page.lines().skip_while(|line| *line != "| field | type | meaning |").skip(2);
    let rows: Vec<String> = rows
        .map_while(|row| row.strip_prefix("| `")?.split_once("` |").map(|(field, _)| field.to_owned()))
        .collect();
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), fields);
    assert_eq!(rows.len(), fields.len(), "a field is there twice: {rows:?}");
}
