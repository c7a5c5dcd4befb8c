//! The schema's own name inside texts that PostgreSQL does not take apart: bodies and settings of functions, comments.
//!
//! Deparsed definitions name the schema's objects without their schema. A function's body is text, and whatever it
//! names it finds when it runs, so a name written out must become the copy's own. Names are found by SQL tokens: not
//! inside longer names, not in strings that mean something else.

mod merge;
mod place;

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub(super) use self::merge::merged;
pub(super) use self::place::{BEFORE_OBJECTS, SCHEMA_COLUMNS};
use self::place::{
    is_compared_with_a_schema, is_of_schemas, is_rival, previous, sets_search_path, stands_for_an_object,
    told_to_be_a_name,
};
use crate::db::{QuotedText, SchemaName, Token, TokenKind, bare, tokens};

/// Stands for the schema's name, quoted where need be.
pub(super) const OWN: &str = "\u{1}schema\u{1}";

/// Stands for the schema's name inside a constant.
const OWN_AS_DATA: &str = "\u{1}name\u{1}";

/// Puts a name where [`OWN`] stands.
pub(super) fn with_name(text: &str, schema: &SchemaName) -> String {
    if text.contains('\u{1}') {
        text.replace(OWN, &plain_or_quoted(schema.as_str()))
            .replace(OWN_AS_DATA, &schema.as_str().replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

/// The name without quotes where it surely needs none. No keyword has a digit, and those with an underscore begin
/// otherwise than any name that is left plain here.
fn plain_or_quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let is_no_keyword = name.contains(|c: char| c.is_ascii_digit() || c == '_')
        && !["current_", "session_", "system_"]
            .iter()
            .any(|begin| name.starts_with(begin));
    if is_plain && is_no_keyword {
        name.to_owned()
    } else {
        crate::db::QuotedIdent::new(name).to_string()
    }
}

/// A text in which the schema's name has been looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) text: String,
    /// How often the name was replaced.
    pub(super) replaced: usize,
    /// Where the name stands and may mean something else: the piece of text around it.
    pub(super) unclear: Vec<String>,
    /// Whether the name stands in a constant and is left there as data.
    pub(super) is_data: bool,
    /// Whether it was replaced in a constant.
    pub(super) follows: bool,
}

fn unchanged(text: &str) -> Rewritten {
    Rewritten {
        text: text.to_owned(),
        replaced: 0,
        unclear: Vec::new(),
        is_data: false,
        follows: false,
    }
}

fn replaced(text: &str) -> Rewritten {
    Rewritten {
        replaced: 1,
        ..unchanged(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// What the server itself wrote, around a body where there is one.
    Head(Option<Body<'a>>),
    Body,
}

/// The text of a function, which stands in dollar quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Body<'a> {
    text: &'a str,
    is_sql: bool,
    language: &'a str,
}

/// A schema's name, to be found in texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OwnName {
    name: String,
    quoted: String,
    /// What extensions keep in the schema. It is not copied, and who uses it goes on using it there.
    of_extensions: HashSet<String>,
    /// What else is in the schema, quoted where need be.
    others: HashSet<String>,
    /// Whether a relation has the schema's name, so that columns may be named by it.
    is_relation: bool,
}

impl OwnName {
    pub(super) fn new(name: &str, of_extensions: HashSet<String>) -> Self {
        Self {
            name: name.to_owned(),
            quoted: crate::db::QuotedIdent::new(name).to_string(),
            of_extensions,
            others: HashSet::new(),
            is_relation: false,
        }
    }

    /// Learns what is in the schema beside what extensions keep there, each as it is called with its arguments or
    /// whatever else follows, and which of them are relations. Answers with those that are called like an extension's.
    pub(super) fn learn<'t>(&mut self, objects: impl Iterator<Item = (&'t str, bool)>) -> Vec<&'t str> {
        let mut mistaken = Vec::new();
        for (object, is_relation) in objects {
            let name = first_name(object);
            self.is_relation |= is_relation && bare(name) == self.name;
            if self.of_extensions.contains(&bare(name)) {
                mistaken.push(object);
            }
            self.others.insert(name.to_owned());
        }
        mistaken
    }

    /// Whether an extension keeps something in the schema. Then all names have to be deparsed with their schema: a
    /// copy does not have those of the extension.
    pub(super) fn is_shared(&self) -> bool {
        !self.of_extensions.is_empty()
    }

    /// Rewrites the definition of a function: `definition` is what `pg_get_functiondef` printed, `body` the text inside.
    pub(super) fn function(&self, definition: &str, body: Option<&str>, language: &str) -> Rewritten {
        if !self.is_mentioned(definition) {
            return unchanged(definition);
        }
        let body = body.filter(|body| !body.is_empty()).map(|text| Body {
            text,
            is_sql: matches!(language, "sql" | "plpgsql"),
            language,
        });
        self.rewrite_sql(definition, Place::Head(body))
    }

    /// Rewrites what PostgreSQL deparsed. It writes the schema out where a name would otherwise mean something nearer,
    /// such as a `WITH` query of that name. Constants are data and stay.
    pub(super) fn deparsed(&self, text: &str) -> Rewritten {
        if self.is_mentioned(text) {
            self.rewrite_sql(text, Place::Head(None))
        } else {
            unchanged(text)
        }
    }

    /// Rewrites names with their schema in a text for people, such as a comment.
    pub(super) fn prose(&self, text: &str) -> Rewritten {
        self.rewrite_qualified(text)
    }

    /// Whether the name stands anywhere, as a word or inside quotes.
    pub(super) fn is_mentioned(&self, text: &str) -> bool {
        self.words(text).next().is_some()
    }

    /// Where the name stands as a whole word, in whatever quotes.
    fn words(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let folded = text.to_ascii_lowercase();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let mut found: Vec<Range<usize>> = Vec::new();
        for spelling in spellings(&self.name.to_ascii_lowercase()) {
            let matches = folded
                .match_indices(&spelling)
                .map(|(at, word)| at..at + word.len());
            found.extend(matches.filter(|range| {
                !folded[..range.start].ends_with(is_part) && !folded[range.end..].starts_with(is_part)
            }));
        }
        found.sort_by_key(|range| range.start);
        found.into_iter()
    }

    fn is_name(&self, token: &Token<'_>) -> bool {
        match token.kind {
            TokenKind::Word => token.text.to_ascii_lowercase() == self.name && !is_reserved(&self.name),
            TokenKind::Quoted => token.text == self.quoted,
            _ => false,
        }
    }

    /// Whether the constant holds the name, as it stands in SQL, and nothing else.
    fn is_the_constant(&self, token: &Token<'_>) -> bool {
        // Without quotes it would be folded to lower case, and be another's where that is not its own.
        let is_folded = self.name == self.name.to_ascii_lowercase();
        is_constant(token, &self.quoted) || is_folded && is_constant(token, &self.name)
    }

    fn rewrite_sql(&self, sql: &str, place: Place<'_>) -> Rewritten {
        let Ok(tokens) = tokens(sql) else {
            return Rewritten {
                unclear: vec!["a text that is not SQL".to_owned()],
                ..unchanged(sql)
            };
        };
        let own = |(at, token): (usize, &Token<'_>)| self.is_name(token) && is_rival(&tokens, at);
        let has_rival = self.is_relation || tokens.iter().enumerate().any(own);
        let mut result = unchanged("");
        for (at, token) in tokens.iter().enumerate() {
            let piece = match token.kind {
                TokenKind::Word | TokenKind::Quoted if self.is_name(token) => {
                    let stands_alone = previous(&tokens, at) != Some(".");
                    let is_of_extension = self.names_of_extension(&tokens[at + 1..]);
                    let qualifies = tokens[at + 1..]
                        .iter()
                        .find(|token| !token.is_blank())
                        .is_some_and(|next| next.text == ".");
                    let is_column = || has_rival && !self.means_the_schema(&tokens, at, place == Place::Body);
                    if stands_alone && (is_of_extension || qualifies && is_column()) {
                        unchanged(token.text)
                    } else if stands_alone && (qualifies || sets_search_path(&tokens, at)) {
                        replaced(OWN)
                    } else if place == Place::Body {
                        self.left_alone(token, &tokens, at)
                    } else {
                        // The server wrote it without a dot: something else of that name.
                        unchanged(token.text)
                    }
                }
                TokenKind::Comment => self.rewrite_qualified(token.text),
                TokenKind::Text if self.is_mentioned(token.text) => {
                    if let Some(rewritten) = self.rewrite_body(token.text, place) {
                        rewritten
                    } else if is_constant(token, &self.name)
                        && (sets_search_path(&tokens, at) || is_compared_with_a_schema(&tokens, at))
                    {
                        Rewritten {
                            follows: true,
                            ..replaced(&format!("'{OWN_AS_DATA}'"))
                        }
                    } else if let Some(told_by) = told_to_be_a_name(&tokens, at) {
                        match is_of_schemas(told_by) && self.is_the_constant(token) {
                            true => replaced(&format!("'{OWN}'")),
                            false => self.rewrite_qualified(token.text),
                        }
                    } else if place != Place::Body {
                        // A constant there is data, and a name would have been resolved.
                        Rewritten {
                            is_data: true,
                            ..unchanged(token.text)
                        }
                    } else {
                        self.left_alone(token, &tokens, at)
                    }
                }
                _ => unchanged(token.text),
            };
            result.text.push_str(&piece.text);
            result.replaced += piece.replaced;
            result.unclear.extend(piece.unclear);
            result.is_data |= piece.is_data;
            result.follows |= piece.follows;
        }
        result
    }

    /// Whether the name with a dot behind it is the schema's, where columns may be named by a relation of that name.
    /// PostgreSQL writes the schema only where it must; an author may write it anywhere.
    fn means_the_schema(&self, tokens: &[Token<'_>], at: usize, is_body: bool) -> bool {
        let mut after = tokens[at + 1..].iter().filter(|token| !token.is_blank()).skip(1);
        let Some(object) = after.next() else { return false };
        let is_known = || self.others.contains(object.text);
        after.next().is_some_and(|next| matches!(next.text, "(" | "."))
            || is_known() && (is_body || self.is_shared() || stands_for_an_object(tokens, at))
    }

    /// Whether what follows the schema's name is a dot and the name of something that an extension keeps there.
    fn names_of_extension(&self, after: &[Token<'_>]) -> bool {
        let mut after = after.iter().filter(|token| !token.is_blank());
        if !self.is_shared() || after.next().is_none_or(|token| token.text != ".") {
            return false;
        }
        match after.clone().next() {
            Some(token) if token.kind == TokenKind::Symbol => {
                let operator: String = after
                    .take_while(|token| token.kind == TokenKind::Symbol && !matches!(token.text, "(" | ")"))
                    .map(|token| token.text)
                    .collect();
                self.of_extensions.contains(&operator)
            }
            Some(token) => self.of_extensions.contains(&bare(token.text)),
            None => false,
        }
    }

    /// Rewrites the body in its dollar quotes, if that is what `quoted` is.
    fn rewrite_body(&self, quoted: &str, place: Place<'_>) -> Option<Rewritten> {
        let Place::Head(Some(body)) = place else {
            return None;
        };
        let at = quoted
            .starts_with('$')
            .then(|| quoted.find(body.text))
            .flatten()?;
        let inner = if body.is_sql {
            self.rewrite_sql(body.text, Place::Body)
        } else {
            Rewritten {
                unclear: vec![format!("a body in language {}", body.language)],
                ..unchanged(body.text)
            }
        };
        Some(Rewritten {
            text: [&quoted[..at], &inner.text, &quoted[at + body.text.len()..]].concat(),
            ..inner
        })
    }

    fn left_alone(&self, token: &Token<'_>, tokens: &[Token<'_>], at: usize) -> Rewritten {
        let from = at.saturating_sub(4);
        let to = (at + 4).min(tokens.len());
        let around: String = tokens[from..to].iter().map(|token| token.text).collect();
        let around = around.split_whitespace().collect::<Vec<_>>().join(" ");
        Rewritten {
            unclear: vec![format!("`{around}`")],
            ..unchanged(token.text)
        }
    }

    /// Rewrites `schema.` and `"schema".`, and nothing else.
    fn rewrite_qualified(&self, text: &str) -> Rewritten {
        let mut result = unchanged("");
        let mut done = 0;
        for Range { start, end } in self.words(text) {
            let (from, to) = if text[..start].ends_with('"') && text[end..].starts_with('"') {
                (start - 1, end + 1)
            } else {
                (start, end)
            };
            let after = text[to..]
                .strip_prefix('.')
                .and_then(|after| after.chars().next());
            let names = after.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '"' | '%'));
            if names && !text[..from].ends_with('.') {
                result.text.push_str(&text[done..from]);
                result.text.push_str(OWN);
                result.replaced += 1;
                done = to;
            }
        }
        result.text.push_str(&text[done..]);
        result
    }
}

/// Whether the token is a constant with this value, as we write it or as PostgreSQL does, which never escapes.
fn is_constant(token: &Token<'_>, value: &str) -> bool {
    token.text == QuotedText::new(value).to_string()
        || token.text == format!("'{}'", value.replace('\'', "''"))
}

/// Whether PostgreSQL takes the word for something else than a name, wherever it stands without quotes.
fn is_reserved(word: &str) -> bool {
    const RESERVED: &str = "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint \
        create current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc \
        distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading \
        limit localtime localtimestamp not null offset on only or order placing primary references returning select \
        session_user some symmetric system_user table then to trailing true union unique user using variadic when where window \
        with";
    RESERVED.split_whitespace().any(|reserved| reserved == word)
}

/// A name as it stands where quotes around it, or around what it is a part of, ask for some of its characters twice.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    for doubled in ['"', '\'', '\\'] {
        if name.contains(doubled) {
            let twice = format!("{doubled}{doubled}");
            spellings.extend(
                spellings
                    .clone()
                    .iter()
                    .map(|spelling| spelling.replace(doubled, &twice)),
            );
        }
    }
    spellings
}

/// The name that a signature such as `f(integer)` or `=(a, b)` begins with.
fn first_name(signature: &str) -> &str {
    let tokens = tokens(signature).unwrap_or_default();
    let mut length = 0;
    for token in &tokens {
        let goes_on = token.kind == TokenKind::Symbol && token.text != "(";
        if length > 0 && !goes_on {
            break;
        }
        length += token.text.len();
        if !goes_on {
            break;
        }
    }
    &signature[..length]
}

#[cfg(test)]
mod tests;
