//! Commands that need nothing but the repository.

use super::markdown::{Commands, Kind};
use super::{blocks, run};

#[test]
fn what_the_pages_show_is_what_the_commands_print() {
    let blocks = blocks(Kind::Here);
    assert!(blocks.len() >= 3, "only {} blocks are run here", blocks.len());
    for block in blocks {
        let ended = run(&block.text);
        let Commands { place, text, .. } = &block;
        assert_eq!(ended.status.code(), Some(code(&block)), "{place}:\n{text}\n{}", ended.stderr);
        if let Some(expected) = &block.expected {
            assert_eq!(&ended.stdout, expected, "{place}:\n{text}");
        }
    }
}

/// The exit code in the note, or 0 where there is no note.
#[track_caller]
fn code(block: &Commands) -> i32 {
    if block.note.is_empty() {
        return 0;
    }
    let code = block.note.strip_prefix("exit code ").and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("{}: {:?} is not \"exit code N\"", block.place, block.note))
}
