//! The parser of the Markdown files itself.

use super::markdown::{Kind, commands, fences};

const PAGE: &str = "# Page\n\nText.\n\n## First\n\n<!-- run: here, exit code 1 -->\n\n```sh\none\ntwo\n```\n\n\
                    ```text\nprinted\n```\n\n## Second\n<!-- run: try -->\n```sh\nthree\n```\nA sentence:\n\
                    ```text\nshown\n```\n<!-- run: elsewhere, a reason, with a comma -->\n```sh\nfour\n```\n\
                    Two\nlines.\n```text\nnot printed\n```\n```yaml\nkey: value\n```\n";

#[test]
fn a_block_has_its_marker_and_what_it_prints() {
    let [first, second, third] = &commands("page.md", PAGE).unwrap()[..] else { panic!("not three") };
    assert_eq!((first.kind, first.note.as_str()), (Kind::Here, "exit code 1"));
    assert_eq!((first.text.as_str(), first.expected.as_deref()), ("one\ntwo\n", Some("printed\n")));
    assert_eq!((first.section.as_str(), first.place.as_str()), ("First", "page.md:9"));
    assert_eq!((second.kind, second.note.as_str()), (Kind::Try, ""));
    assert_eq!((second.section.as_str(), second.expected.as_deref()), ("Second", Some("shown\n")));
    assert_eq!((third.kind, third.note.as_str()), (Kind::Elsewhere, "a reason, with a comma"));
    // More than one line in between is about something else.
    assert_eq!(third.expected, None);
}

#[test]
fn every_block_is_found_with_its_language() {
    let languages: Vec<_> =
        fences("page.md", PAGE).unwrap().into_iter().map(|fence| fence.language).collect();
    assert_eq!(languages, ["sh", "text", "sh", "text", "sh", "text", "yaml"]);
}

#[test]
fn what_is_wrong_with_a_block_is_said_with_its_line() {
    for (page, expected) in [
        ("```sh\none\n```\n", "page.md:1: no marker says how these commands are tested"),
        ("<!-- run: here -->\nText.\n```sh\n```\n", "page.md:1: a marker stands above a block of commands"),
        ("<!-- run: here -->\n```text\n```\n", "page.md:1: a marker stands above a block of commands"),
        ("\n<!-- run: here -->\n", "page.md:2: no block of commands follows this marker"),
        ("<!-- run: there -->\n```sh\n```\n", "page.md:2: \"there\" is none of here, try, cluster"),
        ("<!-- run: elsewhere -->\n```sh\n```\n", "page.md:2: commands that no test runs need a reason"),
        ("<!-- run: elsewhere, -->\n```sh\n```\n", "page.md:2: commands that no test runs need a reason"),
        ("<!-- run: here\n-->\n```sh\n```\n", "page.md:1: a marker is one line"),
        ("```bash\none\n```\n", "page.md:1: a block of commands is marked as sh"),
        ("```sh\none\n", "page.md:1: this block does not end"),
    ] {
        let message = commands("page.md", page).map(|found| found.len()).unwrap_err();
        assert!(message.starts_with(expected), "{page}: {message}");
    }
}
