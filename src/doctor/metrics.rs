//! Metrics as a replica writes them.

/// The value of a metric without labels.
pub(super) fn value(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next()?.split(' ').next()?.parse().ok()
}

/// The value of the one label of a metric that only tells something.
pub(super) fn label<'m>(metrics: &'m str, name: &str, label: &str) -> Option<&'m str> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
    lines.find_map(|line| {
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_labels_are_read() {
        let metrics = "# TYPE pullkey_build info\npullkey_build_info{version=\"0.1.0\"} 1\n\
                       pullkey_x_total 7\npullkey_x 1 1700000000\n";
        assert_eq!(label(metrics, "pullkey_build_info", "version"), Some("0.1.0"));
        assert_eq!(label(metrics, "pullkey_build_info", "hash"), None);
        assert_eq!(value(metrics, "pullkey_x"), Some(1.0));
        assert_eq!(value(metrics, "pullkey_y"), None);
    }
}
