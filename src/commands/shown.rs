//! Texts of others on a terminal: what would steer it is written as an escape, such as `\u{1b}`.

/// A text that belongs on one line.
pub(super) fn line(text: &str) -> String {
    escaped(text, |_, _| false)
}

/// A text of several lines, which may have tabs.
#[must_use]
pub fn lines(text: &str) -> String {
    escaped(text, |letter, next| matches!(letter, '\n' | '\t') || (letter == '\r' && next == Some('\n')))
}

/// `is_kept` gets a character and the next one.
fn escaped(text: &str, is_kept: impl Fn(char, Option<char>) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if steers(letter) && !is_kept(letter, letters.peek().copied()) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Control characters, ends of lines and paragraphs, and what changes the direction of the text around it.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(line("a\x1b[2Jb\u{9b}31m\r\n\tc\u{202e}"), r"a\u{1b}[2Jb\u{9b}31m\r\n\tc\u{202e}");
        assert_eq!(lines("a\x07\r\n\tb\rc\u{7f}\n"), "a\\u{7}\r\n\tb\\rc\\u{7f}\n");
        for text in ["", "registry.example.com/app:1", r#"größer "\n" 漢字 🙂"#] {
            assert_eq!((line(text), lines(text)), (text.to_owned(), text.to_owned()));
        }
    }
}
