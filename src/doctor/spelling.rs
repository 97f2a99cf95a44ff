//! What somebody meant who wrote a label nearly right.

/// What a label is meant to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Pods shall get their pull secrets.
    Opens,
    /// Pods shall be left alone.
    Closes,
    /// Neither can be told.
    Unclear,
}

/// The words for yes and no that people write where they do not remember ours.
const OPENING: &[&str] =
    &["enabled", "true", "yes", "y", "t", "on", "1", "always", "inject", "injected", "allow", "active"];
const CLOSING: &[&str] = &["disabled", "false", "no", "n", "f", "off", "0", "never", "none", "deny", "skip"];

/// What a value means, whoever reads it; `opening` and `closing` are the values that are right.
pub(super) fn meaning(value: &str, opening: &[&str], closing: &[&str]) -> Meaning {
    if closing.contains(&value) {
        return Meaning::Closes;
    }
    if opening.contains(&value) {
        return Meaning::Opens;
    }
    let value = value.trim().to_lowercase();
    let is_like = |words: &[&str]| words.iter().any(|word| is_near(&value, &word.to_lowercase()));
    if is_like(closing) || is_like(CLOSING) {
        Meaning::Closes
    } else if is_like(opening) || is_like(OPENING) {
        Meaning::Opens
    } else {
        Meaning::Unclear
    }
}

/// Tells whether a key was probably meant to be another.
pub(super) fn is_meant(key: &str, meant: &str) -> bool {
    if key == meant {
        return false;
    }
    let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_lowercase();
    letters.contains("pullkey") && letters.contains("inject") || distance(key, meant) <= 2
}

/// One letter in a short word may differ, two in a long one.
fn is_near(word: &str, other: &str) -> bool {
    let allowed = match other.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    };
    distance(word, other) <= allowed
}

/// How many letters must be put in, taken out or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_meant_to_be_ours_are_recognized() {
        let ours = "pullkey.dev/inject";
        for near in [
            "pullkey.dev/injection",
            "pullkey.io/inject",
            "pullkey/inject",
            "inject.pullkey.dev",
            "pullkey.dev/Inject",
            "pull-key.dev/inject",
            "pulkey.dev/inject",
            "pullkey-inject",
            "pullkey.dev/injetc",
        ] {
            assert!(is_meant(near, ours), "{near}");
        }
        for other in [
            ours,
            "istio-injection",
            "linkerd.io/inject",
            "sidecar.istio.io/inject",
            "pullkey.dev/settled",
            "app.kubernetes.io/name",
            "kubernetes.io/metadata.name",
            "",
        ] {
            assert!(!is_meant(other, ours), "{other}");
        }
    }

    #[test]
    fn values_mean_what_people_say_with_them() {
        let said = |value: &str| meaning(value, &["enabled", "true"], &["disabled", "false"]);
        for value in ["enabled", "true", "enable", "Enabled", "ENABLED", "yes", "on", "1", "True", "enabeld"]
        {
            assert_eq!(said(value), Meaning::Opens, "{value}");
        }
        for value in ["disabled", "false", "disable", "Disabled", "no", "off", "0", "False", "disbaled"] {
            assert_eq!(said(value), Meaning::Closes, "{value}");
        }
        for value in ["", "blue", "team-a", "2", "maybe", "later"] {
            assert_eq!(said(value), Meaning::Unclear, "{value}");
        }
        assert_eq!(meaning("blue", &["blue"], &[]), Meaning::Opens);
    }
}
