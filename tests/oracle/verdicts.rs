//! What one pair shows: an agreement, a documented difference, or a fault.

use pullkey::engine::image::ImageRef;
use pullkey::engine::pattern::Pattern;
use serde::Deserialize;

use super::pairs::{DOCKER_HUB_KEYS, Pair};

/// What the kubelet makes of a pair.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyAnswer {
    pub(crate) matches: bool,
    /// The image's repository as the kubelet looks it up, empty if it cannot read the image.
    pub(crate) lookup: String,
}

/// What a pair shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    BothMatch,
    NeitherMatches,
    /// Only the kubelet matches: the key's path ends inside a segment of the image's.
    InsideSegment,
    /// Only the kubelet matches: it offers Docker Hub's credentials to every host of one label.
    DockerHubForOneLabel,
    /// Only the kubelet matches: its `*` reaches a bracketed IPv6 host.
    GlobForIpv6,
    /// Our grammar refuses the key as one that never matches, and the kubelet does not match it.
    RefusedAsNever,
    /// Our grammar refuses the key as one that never matches. The kubelet matches it, but only
    /// because its path ends inside a segment, which no pattern of ours ever does.
    RefusedInsideSegment,
    /// Our grammar refuses the key for another reason.
    Refused,
}

impl Verdict {
    /// The differences that the documentation names; each must occur in every run.
    pub(crate) const DOCUMENTED: [Self; 4] =
        [Self::InsideSegment, Self::DockerHubForOneLabel, Self::GlobForIpv6, Self::RefusedInsideSegment];
}

/// Compares our pattern of the same text with the kubelet's key; the error says what is wrong.
pub(crate) fn judge(pair: &Pair, kubelet: &KeyAnswer) -> Result<Verdict, String> {
    let is_docker_hub_key = DOCKER_HUB_KEYS.contains(&pair.key.as_str());
    let text = if is_docker_hub_key { "docker.io" } else { &pair.key };
    let pattern: Pattern = match text.parse() {
        Ok(pattern) => pattern,
        Err(refusal) => return judge_refusal(pair, kubelet, &format!("{refusal}")),
    };
    let ours = ImageRef::parse(&pair.image).is_ok_and(|image| pattern.matches(&image));

    let documented = documented_difference(is_docker_hub_key, text, &kubelet.lookup);
    match (ours, kubelet.matches, documented) {
        (true, true, None) => Ok(Verdict::BothMatch),
        (false, true, Some(difference)) => Ok(difference),
        (false, false, _) => Ok(Verdict::NeitherMatches),
        (true, false, _) => Err("our pattern matches and the kubelet's key does not".to_owned()),
        (true, true, Some(difference)) => Err(format!("our pattern matches in spite of {difference:?}")),
        (false, true, None) => {
            Err("the kubelet's key matches and our pattern does not, for no documented reason".to_owned())
        }
    }
}

/// The reason why a pattern does not match an image that the kubelet's key matches.
fn documented_difference(is_docker_hub_key: bool, pattern: &str, lookup: &str) -> Option<Verdict> {
    let host = lookup.split('/').next().unwrap_or_default();
    if is_docker_hub_key && host != "docker.io" && !host.contains(['.', ':']) {
        Some(Verdict::DockerHubForOneLabel)
    } else if host.starts_with('[') && key_authority(pattern).contains('*') {
        Some(Verdict::GlobForIpv6)
    } else if ends_inside_segment(pattern, lookup) {
        Some(Verdict::InsideSegment)
    } else {
        None
    }
}

fn judge_refusal(pair: &Pair, kubelet: &KeyAnswer, refusal: &str) -> Result<Verdict, String> {
    // The kubelet reads a key as a URL: it decodes `%61`, and drops a user, a query and a fragment.
    // Such a key can match, but it does not mean its own text.
    let is_url_syntax = pair.key.contains(['%', '?', '#', '@']);
    if !refusal.contains("never matches") || is_url_syntax {
        return Ok(Verdict::Refused);
    }
    // An IPv6 key without a port never matches an IPv6 host. To the kubelet its brackets are a class
    // of characters, so `[::A]` does match the host `A`: nobody means that.
    let is_ipv6_without_port = pair.key.starts_with('[') && !key_authority(&pair.key).contains("]:");
    if is_ipv6_without_port && !kubelet.lookup.starts_with('[') {
        return Ok(Verdict::Refused);
    }
    match kubelet.matches {
        false => Ok(Verdict::RefusedAsNever),
        true if ends_inside_segment(&pair.key, &kubelet.lookup) => Ok(Verdict::RefusedInsideSegment),
        true => Err(format!("the kubelet's key matches, although: {refusal}")),
    }
}

/// Tells whether the key's path goes on, without a slash, in the image's.
fn ends_inside_segment(key: &str, lookup: &str) -> bool {
    let (Some((_, key)), Some((_, image))) = (key.split_once('/'), lookup.split_once('/')) else {
        return false;
    };
    let ends_at_slash = key.is_empty() || key.ends_with('/');
    let rest = image.strip_prefix(key).unwrap_or_default();
    !ends_at_slash && !rest.is_empty() && !rest.starts_with('/')
}

fn key_authority(key: &str) -> &str {
    key.split('/').next().unwrap_or_default()
}
