//! Every sentence that the program says, in one file to be read for its words: what happened, to whom, and what to do.
//!
//! Errors, hints, warnings, remarks and findings are found in the sources, wherever a text reads as words and not as
//! SQL, so that none escapes which a function puts together. A change of any shows in the snapshot:
//! `INSTA_UPDATE=always cargo test --test it messages` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What a text begins with that is meant for PostgreSQL, or for a browser.
const CODE: [&str; 45] = [
    "<",
    "ALTER ",
    "ANALYZE ",
    "AND ",
    "AS ",
    "BEGIN",
    "CASE ",
    "CAST",
    "COMMENT ",
    "COPY ",
    "CREATE ",
    "DELETE ",
    "DO ",
    "DROP ",
    "EXISTS ",
    "EXPLAIN ",
    "FROM ",
    "GRANT ",
    "IF ",
    "INSERT ",
    "JOIN ",
    "LEFT ",
    "LOCK ",
    "NOT ",
    "NULL ",
    "ON ",
    "ONLY ",
    "OR ",
    "ORDER ",
    "PERFORM ",
    "REFRESH ",
    "REINDEX ",
    "REVOKE ",
    "ROLLBACK ",
    "SAVEPOINT ",
    "SELECT ",
    "SET ",
    "TRUNCATE ",
    "UNION ",
    "UPDATE ",
    "VACUUM (",
    "VACUUM FULL ",
    "WHERE ",
    "WITH ",
    "RAISE ",
];
/// Around a text that nobody is told: what a developer is told, and attributes that are no messages.
const ASIDE: [&str; 9] = [
    ".expect(",
    "assert!(",
    "assert_eq!(",
    "assert_ne!(",
    "unreachable!(",
    "#[expect(",
    "#[allow(",
    "#[arg(",
    "#[serde(",
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

/// A text that begins here, behind its quotation mark, and what comes after it.
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
            '\n' => words.push_str("\\n"),
            other => words.push(other),
        }
    }
    (words, "")
}

/// A text without escapes that begins here, behind its `r`, and what comes after it.
fn raw_literal(text: &str) -> Option<(String, &str)> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let inside = text[hashes..].strip_prefix('"')?;
    let (words, end) = inside.split_once(&format!("\"{}", &text[..hashes]))?;
    Some((words.replace('\n', "\\n"), end))
}

/// Every text of a source that is not aside, in their order.
fn texts(source: &str) -> Vec<String> {
    // What stands before each bracket that is open.
    let mut around: Vec<bool> = Vec::new();
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let before = &source[..source.len() - rest.len()];
        let after = &rest[character.len_utf8()..];
        rest = after;
        let in_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let mut add = |words: String| {
            if !around.contains(&true) {
                found.push(words);
            }
        };
        match character {
            '/' if after.starts_with('/') => rest = after.split_once('\n').map_or("", |(_, line)| line),
            // A character, which may be a quotation mark or a bracket, and no lifetime.
            '\'' => {
                let escaped = after.strip_prefix('\\').unwrap_or(after);
                let mut behind = escaped.chars();
                behind.next();
                rest = behind.as_str().strip_prefix('\'').unwrap_or(after);
            }
            '"' => {
                let (words, end) = literal(after);
                add(words);
                rest = end;
            }
            'r' if !in_word => {
                if let Some((words, end)) = raw_literal(after) {
                    add(words);
                    rest = end;
                }
            }
            '(' | '[' | '{' => {
                let opened = &source[..before.len() + 1];
                around.push(ASIDE.iter().any(|aside| opened.ends_with(aside)));
            }
            ')' | ']' | '}' => drop(around.pop()),
            _ => {}
        }
    }
    found
}

/// Whether a text reads as words: it has two of them one behind the other, or one and a name, and is not for PostgreSQL.
fn is_said(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '_');
        word.len() > 1
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '\'' || c == '-')
    };
    let text = text.replace("\\n", " ");
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let words: Vec<&str> = text.split(' ').collect();
    !CODE.iter().any(|code| text.starts_with(code))
        && words
            .windows(2)
            .any(|two| is_word(two[0]) && (is_word(two[1]) || two[1].starts_with('`')))
}

/// What a source says, in its order.
fn messages(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut said = texts(source);
    said.retain(|text| is_said(text));
    said.dedup();
    said
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
#[arg(help_heading = "not a message")]
fn hint(&self) -> Option<&str> { match self { Self::A => Some("do this"), Self::B => Some("or, with ) and }, that") } }
cx.ui.warn(format!("{} is ')' and gone", shown('"')));
return Err(unfit("it is made in a function")); // not "in a remark"
let sql = "SELECT slug FROM public.tenants in no order";
let name = name.expect("found by the query");
const RAW: &str = r#"as in {"slug": "acme"}, which is raw"#;
"##;
    assert_eq!(
        messages(source),
        [
            "one {0} of \"two\"",
            "do this",
            "or, with ) and }, that",
            "{} is ')' and gone",
            "it is made in a function",
            "as in {\"slug\": \"acme\"}, which is raw",
        ]
    );
}
