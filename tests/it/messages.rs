//! Every message about something that went wrong, in one file to be read for its words: what happened, to whom, and what
//! to do.
//!
//! They are found in the sources, where some words always come before one. A change of any shows in the snapshot:
//! `INSTA_UPDATE=always cargo test --test it messages` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What comes before the words of an error, a hint or a warning.
const BEFORE: [&str; 15] = [
    "#[error(",
    "UsageError::new(",
    "ConfigError::general(",
    "ConfigError::in_file(",
    "ConfigError::in_variable(",
    "ConfigError::in_flag(",
    "Failure::new(",
    ".with_hint(",
    ".context(",
    ".with_context(",
    "anyhow!(",
    "bail!(",
    ".warn(",
    "tracing::warn!(",
    "mistake(",
];
/// Functions all of whose words are messages or hints.
const FUNCTIONS: [&str; 15] = [
    "fn hint(",
    "fn hint_for(",
    "fn refused_hint(",
    "fn no_answer(",
    "fn from_lookup(",
    "fn from_driver(",
    "fn from_io(",
    "fn hung_up(",
    "fn from_rustls(",
    "fn without_history(",
    "fn wrong_role(",
    "fn changed(applied",
    "fn gone(migration",
    "fn too_late(",
    "fn repeated(",
];
/// Errors that are shown by a function of their own, whose words come before the body of an `impl`.
const DISPLAYS: &str = "impl fmt::Display for ";
/// What else is shown so, and is no error.
const NAMES: [&str; 15] = [
    "App",
    "Domain",
    "Slug",
    "Parameter",
    "Tid",
    "Mode",
    "Kind",
    "LockName<",
    "SchemaName",
    "RoleName",
    "QuotedIdent<",
    "QuotedText<",
    "Endpoint",
    "ConnectTarget",
    "Secret",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// A literal that begins here, behind its quotation mark, and what comes after it.
fn literal(text: &str) -> (String, &str) {
    let mut words = String::new();
    let mut rest = text.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => return (words, &text[at + 1..]),
            '\\' => match rest.next() {
                // The line goes on after its indentation.
                Some((_, '\n')) => {
                    let (more, end) = literal(rest.as_str().trim_start());
                    return (words + &more, end);
                }
                Some((_, 'n')) => words.push_str("\\n"),
                Some((_, escaped)) => words.push(escaped),
                None => {}
            },
            other => words.push(other),
        }
    }
    (words, "")
}

/// All that is said between two brackets, the first of which has been passed.
fn said(text: &str, (open, close): (char, char)) -> Vec<String> {
    let mut depth = 1;
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = after;
        if let Some(of_comment) = (character == '/').then(|| after.strip_prefix('/')).flatten() {
            rest = of_comment.split_once('\n').map_or("", |(_, line)| line);
        } else if character == '\'' {
            // A character, which may be a quotation mark or a bracket, and no lifetime.
            rest = ["\"'", "('", ")'", "{'", "}'", "\\''"]
                .iter()
                .find_map(|character| after.strip_prefix(character))
                .unwrap_or(after);
        } else if character == '"' {
            let (words, end) = literal(after);
            found.push(words);
            rest = end;
        } else if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// The messages of a source, in their order.
fn messages(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    for before in BEFORE {
        for (at, _) in source.match_indices(before) {
            found.push((at, said(&source[at + before.len()..], ('(', ')'))));
        }
    }
    let functions = FUNCTIONS.iter().flat_map(|name| source.match_indices(name));
    let displays = source.match_indices(DISPLAYS).filter(|(at, _)| {
        !NAMES
            .iter()
            .any(|name| source[at + DISPLAYS.len()..].starts_with(name))
    });
    for (at, _) in functions.chain(displays) {
        if let Some((head, body)) = source[at..].split_once('{')
            && !head.contains(';')
        {
            found.push((at, said(body, ('{', '}'))));
        }
    }
    found.sort();
    let mut words: Vec<String> = found.into_iter().flat_map(|(_, words)| words).collect();
    // What only passes on what somebody else says, names of codes, and what was found in two ways.
    words.retain(|words| words.contains(' ') && words.contains(char::is_alphabetic));
    words.dedup();
    words
}

#[test]
fn every_message_is_in_one_list_that_can_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let mut list = String::new();
    for file in files {
        let messages = messages(&fs::read_to_string(&file).expect("readable"));
        if messages.is_empty() {
            continue;
        }
        let name = file.strip_prefix(&root).expect("below src").display();
        let _ = writeln!(list, "{name}");
        for words in messages {
            let _ = writeln!(list, "  {words}");
        }
    }
    insta::assert_snapshot!(list);
}

#[test]
fn messages_are_found_whatever_they_are_written_in() {
    let source = r##"
#[error("one {0} \
         of \"two\"")]
fn hint(&self) -> Option<&str> { match self { Self::A => Some("do this"), Self::B => Some("or, with ) and }, that") } }
cx.ui.warn(format!("{} is ')' gone", shown('"')));
impl fmt::Display for Trouble { fn fmt(&self) { write!(f, "{} is locked", self.what) } }
impl fmt::Display for Slug { fn fmt(&self) { f.write_str("no message") } }
"##;
    assert_eq!(
        messages(source),
        [
            "one {0} of \"two\"",
            "do this",
            "or, with ) and }, that",
            "{} is ')' gone",
            "{} is locked"
        ]
    );
}
