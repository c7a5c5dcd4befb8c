//! One text out of two that PostgreSQL printed under two search paths.
//!
//! Where an extension lives in the schema, names have to be printed with their schema, since a copy does not have the
//! extension's. So the schema is not in the path, and PostgreSQL leaves `pg_catalog` out before names of its own that
//! the schema has as well. Printed with the schema first in the path, the text has that and lacks the other.

use crate::db::{Token, tokens};

/// The text `qualified`, with `pg_catalog` written where `relative` has it; as it is where the two do not match.
pub(in crate::blueprint) fn merged(qualified: &str, relative: &str) -> String {
    if qualified == relative {
        return qualified.to_owned();
    }
    put_together(qualified, relative).unwrap_or_else(|| qualified.to_owned())
}

fn put_together(qualified: &str, relative: &str) -> Option<String> {
    let (ours, theirs) = (tokens(qualified).ok()?, tokens(relative).ok()?);
    let theirs: Vec<&Token<'_>> = theirs.iter().filter(|token| !token.is_blank()).collect();
    let mut text = String::with_capacity(qualified.len() + 16);
    let mut at = 0;
    let mut rest = ours.as_slice();
    while let Some(token) = rest.first() {
        rest = &rest[1..];
        if token.is_blank() {
            text.push_str(token.text);
            continue;
        }
        let word = |ahead: usize| theirs.get(at + ahead).map(|token| token.text);
        let has_dot = rest.first().is_some_and(|next| next.text == ".");
        if word(0) == Some("pg_catalog") && word(1) == Some(".") && token.text != "pg_catalog" {
            text.push_str("pg_catalog.");
            at += 2;
        } else if word(0) == Some("OPERATOR") && word(2) == Some("pg_catalog") && token.text != "OPERATOR" {
            // `OPERATOR(pg_catalog.<=)` for `<=`.
            let end = theirs[at..].iter().position(|token| token.text == ")")?;
            let symbols = &theirs[at + 4..at + end];
            let own: String = std::iter::once(token)
                .chain(rest)
                .take(symbols.len())
                .map(|token| token.text)
                .collect();
            if own != symbols.iter().map(|token| token.text).collect::<String>() {
                return None;
            }
            text.extend(theirs[at..=at + end].iter().map(|token| token.text));
            rest = &rest[symbols.len() - 1..];
            at += end + 1;
            continue;
        } else if token.text == "OPERATOR" && word(0) != Some("OPERATOR") {
            // The other way round, for an operator of the schema.
            let end = rest.iter().position(|token| token.text == ")")?;
            text.push_str(token.text);
            text.extend(rest[..=end].iter().map(|token| token.text));
            at += end.checked_sub(3)?;
            rest = &rest[end + 1..];
            continue;
        } else if has_dot && !(word(0) == Some(token.text) && word(1) == Some(".")) {
            text.push_str(token.text);
            text.push('.');
            rest = &rest[1..];
            continue;
        }
        let other = theirs.get(at)?;
        // A constant that names an object is cast to such a type.
        if other.kind != token.kind || other.text != token.text && token.kind != crate::db::TokenKind::Text {
            return None;
        }
        text.push_str(token.text);
        at += 1;
    }
    (at == theirs.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_gives_the_schemas_that_it_knows() {
        for (qualified, relative, expected) in [
            (
                "SELECT a.b::xml,\n    own.similarity(a.x) FROM own.users a",
                "SELECT a.b::pg_catalog.xml,\n    similarity(a.x) FROM users a",
                "SELECT a.b::pg_catalog.xml,\n    own.similarity(a.x) FROM own.users a",
            ),
            (
                "(a <= 1) AND (b OPERATOR(own.%) c) AND own.f('own.t'::regclass)",
                "(a OPERATOR(pg_catalog.<=) 1) AND (b % c) AND f('t'::regclass)",
                "(a OPERATOR(pg_catalog.<=) 1) AND (b OPERATOR(own.%) c) AND own.f('own.t'::regclass)",
            ),
            ("own.own.a", "own.a", "own.own.a"),
            ("something else", "not it", "something else"),
        ] {
            assert_eq!(merged(qualified, relative), expected);
        }
    }
}
