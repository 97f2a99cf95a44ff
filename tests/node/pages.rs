//! The pages say what was seen.

pub(crate) fn readme_shows_every_case() -> Result<(), String> {
    Ok(())
}

pub(crate) fn troubleshooting_quotes_what_the_kubelet_prints() -> Result<(), String> {
    Ok(())
}
