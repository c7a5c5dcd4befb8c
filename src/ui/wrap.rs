//! Words on lines that fit a terminal.

/// The width that answers keep to.
pub(crate) const WIDTH: usize = 80;

/// Words on lines of at most [`WIDTH`] characters, as far as there are words to break between. The first line begins
/// with `first`, and all others with `others`.
pub(crate) fn wrapped<'a>(words: impl IntoIterator<Item = &'a str>, first: &str, others: &str) -> String {
    let (mut text, mut line, mut is_empty) = (String::new(), first.to_owned(), true);
    for word in words {
        let length = line.chars().count() + usize::from(!is_empty) + word.chars().count();
        if !is_empty && length > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            others.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_blanks_and_set_in() {
        let text = wrapped(["word"; 20], "  why: ", "       ");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line[7..].starts_with("word")), "{text}");
        assert_eq!(wrapped(["x".repeat(90).as_str()], "  ", "  ").lines().count(), 1);
    }
}
