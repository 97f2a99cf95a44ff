//! Reading image names and patterns.

use proptest::prelude::*;
use pullkey::engine::config::Config;
use pullkey::engine::image::ImageRef;
use pullkey::engine::pattern::Pattern;

use super::parts::{image, settings};

/// A text that is likely to come near a pattern.
fn pattern_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9*_-]{1,6}(\\.[a-zA-Z0-9*_-]{1,6}){0,3}(:[0-9]{1,5})?(/[a-z0-9._-]{1,6}){0,3}",
        "[a-z*./:@\\[\\]_-]{0,24}",
        "\\PC{0,20}",
        image(),
    ]
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn reading_an_image_name_never_panics(text in "\\PC*") {
        let _ = ImageRef::parse(&text);
    }

    #[test]
    fn bytes_around_the_separators_never_split_a_character(text in "[aB/:@.é\u{10000}\u{130}ß*\\[\\]]{0,24}") {
        let _ = ImageRef::parse(&text);
        if let Err(error) = text.parse::<Pattern>() {
            let _ = error.to_string();
        }
    }

    #[test]
    fn the_repository_of_an_image_is_read_as_itself(text in image()) {
        let Ok(read) = ImageRef::parse(&text) else { return Ok(()) };
        let repository = read.repository().to_string();
        let again = ImageRef::parse(&repository);
        prop_assert!(again.is_ok(), "{text} has the repository {repository}, which is no image name");
        let again = again.unwrap();
        prop_assert_eq!(again.repository().to_string(), &*repository);
        prop_assert_eq!((again.domain(), again.path()), (read.domain(), read.path()));
        prop_assert_eq!((again.tag(), again.digest()), (None, None));
    }

    #[test]
    fn tag_and_digest_do_not_matter_to_a_pattern(text in image(), pattern in pattern_text()) {
        let (Ok(image), Ok(pattern)) = (ImageRef::parse(&text), pattern.parse::<Pattern>()) else {
            return Ok(());
        };
        let repository = image.repository().to_string();
        let bare = ImageRef::parse(&repository).unwrap();
        prop_assert_eq!(pattern.matches(&image), pattern.matches(&bare));
    }

    #[test]
    fn a_pattern_is_printed_as_it_was_read(text in pattern_text()) {
        let Ok(pattern) = text.parse::<Pattern>() else { return Ok(()) };
        prop_assert_eq!(pattern.as_str(), &text);
        prop_assert_eq!(pattern.to_string(), &*text);
        prop_assert_eq!(text.parse::<Pattern>(), Ok(pattern));
    }

    #[test]
    fn what_a_refused_pattern_advises_is_a_pattern(text in pattern_text()) {
        let Err(error) = text.parse::<Pattern>() else { return Ok(()) };
        let message = error.to_string();
        // What stands before an `@` may be a password and is not repeated.
        let shown = if message.starts_with("\"…@") { text.rsplit_once('@').map_or(&*text, |(_, host)| host) } else { &text };
        let prefix = if shown == text { "" } else { "…@" };
        let start = format!("{:?} is not a pattern: ", format!("{prefix}{shown}"));
        prop_assert!(message.starts_with(&start), "{message}");
        // The advice stands last, in quotes; an empty pattern is answered with two examples.
        if !text.is_empty() && let Some((_, advice)) = message[start.len()..].rsplit_once("; write \"") {
            let advice = advice.trim_end_matches('"');
            prop_assert!(advice.parse::<Pattern>().is_ok(), "{message}");
        }
    }

    #[test]
    fn the_repository_of_an_image_is_a_pattern_for_it_and_for_nothing_beside_it(text in image()) {
        let Ok(image) = ImageRef::parse(&text) else { return Ok(()) };
        let repository = image.repository().to_string();
        let Ok(pattern) = repository.parse::<Pattern>() else { return Ok(()) };
        prop_assert!(pattern.matches(&image), "{repository} does not match {text}");
        for beside in [format!("{repository}x"), format!("{repository}-x"), format!("{repository}.x")] {
            let beside_image = ImageRef::parse(&beside);
            prop_assert!(!beside_image.is_ok_and(|image| pattern.matches(&image)), "{repository} matches {beside}");
        }
        let below = format!("{repository}/x");
        prop_assert!(ImageRef::parse(&below).is_ok_and(|image| pattern.matches(&image)), "{below}");
    }

    #[test]
    fn reading_a_configuration_never_panics(text in "\\PC*", yaml in "[a-zR: \\n\\[\\]{}\"'*&!|>#,-]{0,80}") {
        for text in [text, yaml] {
            if let Err(findings) = Config::parse(&text) {
                prop_assert!(!findings.problems.is_empty());
                let _ = findings.to_string();
            }
        }
    }
}
