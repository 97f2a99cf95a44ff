//! Which series an expression reads. promtool checks the grammar; this finds the names and labels in it.

/// A name with the matchers behind it.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// Label, operator, and the value in quotes.
    pub(crate) matchers: Vec<[String; 3]>,
}

/// What may stand in an expression besides names, functions and numbers: operators, aggregations before `by`, and
/// labels in lists.
const WORDS: &[&str] = &[
    "and",
    "count",
    "max",
    "min",
    "offset",
    "or",
    "sum",
    "unless",
    "cluster",
    "error_type",
    "hash",
    "instance",
    "le",
    "namespace",
    "operation",
    "pod",
    "registry",
    "rejection_code",
    "result",
    "state",
    "version",
];

/// All selectors of an expression, or the word that is neither one nor known.
pub(crate) fn selectors(expression: &str) -> Result<Vec<Selector>, String> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = quoted(rest)?.1;
        } else if first.is_ascii_digit() {
            // A number, or a duration such as 5m.
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '.');
        } else if is_in_name(first) {
            let end = rest.find(|letter| !is_in_name(letter)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after.trim_start();
            if rest.starts_with('{') {
                let (matchers, after) = matchers(&rest[1..])?;
                found.push(Selector { name: word.to_owned(), matchers });
                rest = after;
            } else if is_metric(word) {
                found.push(Selector { name: word.to_owned(), matchers: Vec::new() });
            } else if !rest.starts_with('(') && !WORDS.contains(&word) {
                return Err(format!("{word} is no metric, and no word that this test knows"));
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(found)
}

fn is_metric(word: &str) -> bool {
    ["apiserver_", "pullkey_"].iter().any(|start| word.starts_with(start))
}

fn is_in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

/// The matchers behind an opening brace, and what follows the closing one.
fn matchers(mut rest: &str) -> Result<(Vec<[String; 3]>, &str), String> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\n', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((found, after));
        }
        let end = rest.find(|letter| !is_in_name(letter)).ok_or("a brace is not closed")?;
        let (label, after) = rest.split_at(end);
        let quote = after.find('"').ok_or("a matcher has no value")?;
        let (operator, after) = after.split_at(quote);
        let (value, after) = quoted(after)?;
        found.push([label.to_owned(), operator.trim().to_owned(), value.to_owned()]);
        rest = after;
    }
}

/// The text in quotes, and what follows it. None of ours has an escaped quote.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    text[1..].split_once('"').ok_or_else(|| format!("no quote ends {text}"))
}

#[test]
fn selectors_are_found_with_their_matchers() {
    let found = selectors(
        "sum by (pod, le) (rate(pullkey_a_bucket{x=\"1\", y=~\"pullkey_b|c\"}[5m] offset 1d)) > 4 * 3600 and up{} == 1",
    );
    let matcher = |parts: [&str; 3]| parts.map(str::to_owned);
    let first = Selector {
        name: "pullkey_a_bucket".to_owned(),
        matchers: vec![matcher(["x", "=", "1"]), matcher(["y", "=~", "pullkey_b|c"])],
    };
    let second = Selector { name: "up".to_owned(), matchers: Vec::new() };
    assert_eq!(found, Ok(vec![first, second]));
    assert!(selectors("sum(pulkey_connections)").is_err());
    assert!(selectors("sum by (pot) (pullkey_connections)").is_err());
}
