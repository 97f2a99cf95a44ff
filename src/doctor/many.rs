//! Keeps a report short where thousands of objects have the same fault.

use std::collections::BTreeMap;

use super::finding::{Check, Finding, Severity};

/// How many findings of a kind are shown.
pub const SHOWN_MAX: usize = 20;

/// Leaves of each check and severity the first few, and says how many more there are.
#[must_use]
pub fn shortened(findings: Vec<Finding>) -> Vec<Finding> {
    let mut counts: BTreeMap<(Severity, Check), usize> = BTreeMap::new();
    let mut shown: Vec<Finding> = Vec::new();
    for finding in findings {
        let count = counts.entry((finding.severity, finding.check)).or_default();
        *count += 1;
        if *count <= SHOWN_MAX {
            shown.push(finding);
        }
    }
    let more = counts.into_iter().filter(|(_, count)| *count > SHOWN_MAX);
    let more: Vec<Finding> = more
        .map(|((severity, check), count)| Finding {
            severity,
            check,
            object: format!("{} more", count - SHOWN_MAX),
            problem: "the same is wrong with them".to_owned(),
            fix: "mend those that are shown and look again, or look at one namespace: --namespace NAME"
                .to_owned(),
        })
        .collect();
    shown.extend(more);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_findings_of_a_kind_the_first_are_shown_and_the_others_counted() {
        let make = |number: usize| Finding::warning(Check::PodLabel, &format!("Pod shop/{number}"), "x", "y");
        let problem = Finding::problem(Check::PodLabel, "Pod shop/other", "x", "y");
        let few: Vec<Finding> = (0..SHOWN_MAX).map(make).chain([problem.clone()]).collect();
        assert_eq!(shortened(few.clone()), few);
        let many = shortened((0..1_000).map(make).chain([problem.clone()]).collect());
        assert_eq!(many.len(), SHOWN_MAX + 2);
        assert_eq!(many[SHOWN_MAX], problem);
        assert_eq!(
            (many[SHOWN_MAX + 1].object.as_str(), many[SHOWN_MAX + 1].check),
            ("980 more", Check::PodLabel)
        );
    }
}
