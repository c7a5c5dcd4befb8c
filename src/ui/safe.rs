//! Text that a terminal takes as text: what it would obey is shown instead.

use std::fmt::Write as _;
use std::io::IsTerminal;

use crate::words;

/// The longest word that is shown whole in a message.
const LONG: usize = 200;

/// A line with what a terminal would obey written out.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same for text of several lines, ending in a line break.
pub(super) fn printable_lines(text: &str) -> String {
    let mut shown = escaped(text, |c| c == '\n');
    if !shown.ends_with('\n') {
        shown.push('\n');
    }
    shown
}

/// The same for messages: what was typed is part of many, and is not shown at any length.
pub(super) fn message(text: &str) -> String {
    with_short_words(&printable_lines(text))
}

/// The same for one line of the log.
pub(super) fn log_line(text: &str) -> String {
    with_short_words(&printable(text))
}

fn with_short_words(text: &str) -> String {
    let short = |word: &str| match word.chars().count() > LONG {
        true => {
            let bare = word.trim_end_matches([' ', '\n']);
            format!("{}{}", words::cut(bare, LONG / 4), &word[bare.len()..])
        }
        false => word.to_owned(),
    };
    text.split_inclusive([' ', '\n']).map(short).collect()
}

/// JSON that says the same to programs, and nothing to terminals.
pub(super) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // All below are escaped by whoever writes JSON, but for the line breaks between its parts.
        match is_obeyed(c) && c > ' ' {
            true => _ = write!(shown, "\\u{:04x}", u32::from(c)),
            false => shown.push(c),
        }
    }
    shown
}

/// Data as it stands, unless a terminal is there to obey it.
pub(super) fn data(text: String, reader: &impl IsTerminal) -> String {
    match reader.is_terminal() {
        true => escaped(&text, |c| matches!(c, '\n' | '\t')),
        false => text,
    }
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) && !keep(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_obeyed(c: char) -> bool {
    // Marks that turn the direction of writing around can make one name look like another.
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\x1b[31mred\r\n\tb"), "a\\u{1b}[31mred\\r\\n\\tb");
        assert_eq!(printable("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(printable("naïve ☕"), "naïve ☕");
    }

    #[test]
    fn json_stays_the_same_to_its_readers() {
        let value = serde_json::json!({ "name": "a\u{9b}31m\u{202e}\u{7f}\n\u{1b}é" });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let shown = json(&text);
        assert_eq!(printable_lines(&shown), format!("{shown}\n"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"),
            value
        );
    }

    #[test]
    fn only_long_words_of_a_message_are_cut() {
        let text = "slug `a` is wrong\n\nhint: b\n";
        assert_eq!(message(text), text);
        let cut = message(&format!("slug `{}` is long\n", "x".repeat(5000)));
        assert!(
            cut.starts_with("slug `xxx") && cut.ends_with("x… is long\n"),
            "{cut}"
        );
        assert!(cut.len() < 100, "{cut}");
    }

    #[test]
    fn data_is_left_alone_where_no_terminal_reads_it() {
        let file = tempfile::tempfile().expect("a file");
        assert_eq!(data("a\x1b[2J".to_owned(), &file), "a\x1b[2J");
    }
}
