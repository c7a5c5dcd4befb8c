//! What the schema's name means at a place of a text, told by the tokens around it.

use crate::db::{Token, TokenKind};

/// Functions whose text argument names a relation, function or type.
const NAMING_FUNCTIONS: [&str; 21] = [
    "nextval",
    "currval",
    "setval",
    "to_regclass",
    "to_regproc",
    "to_regprocedure",
    "to_regtype",
    "to_regoper",
    "to_regoperator",
    "to_regnamespace",
    "pg_get_serial_sequence",
    "pg_table_size",
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_indexes_size",
    "to_tsvector",
    "to_tsquery",
    "plainto_tsquery",
    "phraseto_tsquery",
    "websearch_to_tsquery",
    "ts_headline",
];

/// Types whose constants are names.
const NAMING_TYPES: [&str; 11] = [
    "regclass",
    "regproc",
    "regprocedure",
    "regtype",
    "regoper",
    "regoperator",
    "regnamespace",
    "regconfig",
    "regdictionary",
    "regcollation",
    "regrole",
];

/// Columns of the catalogs that hold names of schemas, and what answers with one.
pub(in crate::blueprint) const SCHEMA_COLUMNS: [&str; 15] = [
    "nspname",
    "schemaname",
    "schema_name",
    "table_schema",
    "constraint_schema",
    "unique_constraint_schema",
    "specific_schema",
    "routine_schema",
    "sequence_schema",
    "trigger_schema",
    "event_object_schema",
    "domain_schema",
    "udt_schema",
    "user_defined_type_schema",
    "current_schema",
];

/// Words before the names of relations, functions and types.
pub(in crate::blueprint) const BEFORE_OBJECTS: [&str; 17] = [
    "JOIN",
    "ONLY",
    "INTO",
    "UPDATE",
    "TABLE",
    "VIEW",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
    "FUNCTION",
    "REFERENCES",
    "INHERIT",
    "PARTITION",
    "COLLATE",
    "OF",
    "ON",
    "SETOF",
];

pub(super) fn previous<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    tokens[..at]
        .iter()
        .rev()
        .find(|token| !token.is_blank())
        .map(|token| token.text)
}

/// Whether the token is an entry of `SET search_path TO a, b` or `= a, b`.
pub(super) fn sets_search_path(tokens: &[Token<'_>], at: usize) -> bool {
    let mut before = tokens[..at].iter().rev().filter(|token| !token.is_blank());
    loop {
        match before.next() {
            Some(token) if token.text == "=" || token.text.eq_ignore_ascii_case("to") => break,
            Some(token)
                if token.text == ","
                    || matches!(token.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Text) => {}
            _ => return false,
        }
    }
    before
        .next()
        .is_some_and(|token| token.text.eq_ignore_ascii_case("search_path"))
}

/// What tells that the constant is the name of an object: the type that it is cast to, or the function that looks it up.
pub(super) fn told_to_be_a_name<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    let is_one_of = |word: &str, known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    let after: Vec<&str> = tokens[at + 1..]
        .iter()
        .filter(|token| !token.is_blank())
        .take(3)
        .map(|token| token.text)
        .collect();
    if let [":", ":", name] = after.as_slice()
        && is_one_of(name, &NAMING_TYPES)
    {
        return Some(name);
    }
    let mut before = tokens[..at].iter().rev().filter(|token| !token.is_blank());
    let mut previous = || before.next().map(|token| token.text);
    let is_execute = |word: &&str| word.eq_ignore_ascii_case("execute");
    match previous()? {
        "(" => match previous()? {
            // `EXECUTE format('… schema.%I', …)` in PL/pgSQL.
            word if word.eq_ignore_ascii_case("format") => previous().filter(is_execute),
            word => is_one_of(word, &NAMING_FUNCTIONS).then_some(word),
        },
        word => (is_execute(&word) || is_one_of(word, &NAMING_TYPES)).then_some(word),
    }
}

/// Whether what tells that a constant is a name means names of schemas.
pub(super) fn is_of_schemas(told_by: &str) -> bool {
    ["regnamespace", "to_regnamespace"]
        .iter()
        .any(|word| told_by.eq_ignore_ascii_case(word))
}

/// Whether the constant is compared with what the catalogs know a schema by: `nspname = 'app'`.
pub(super) fn is_compared_with_a_schema(tokens: &[Token<'_>], at: usize) -> bool {
    let mut before = tokens[..at]
        .iter()
        .rev()
        .filter(|token| !token.is_blank())
        .peekable();
    while before.next_if(|token| token.text == "(").is_some() {}
    if before
        .next()
        .is_none_or(|token| token.text != "=" && token.text != ">")
    {
        return false;
    }
    before.next_if(|token| matches!(token.text, "<" | "!"));
    // A call's parentheses, and casts of the other side.
    let is_around = |token: &&Token<'_>| matches!(token.text, "(" | ")" | ":" | "text" | "name");
    while before.next_if(is_around).is_some() {}
    before.next().is_some_and(|token| {
        let known = SCHEMA_COLUMNS.iter();
        known
            .copied()
            .any(|column| token.text.eq_ignore_ascii_case(column))
    })
}

/// Whether the word at `at`, with a dot behind it, follows what only a relation, function or type can follow.
pub(super) fn stands_for_an_object(tokens: &[Token<'_>], at: usize) -> bool {
    let mut before = tokens[..at].iter().rev().filter(|token| !token.is_blank());
    let is = |token: Option<&Token<'_>>, word: &str| {
        token.is_some_and(|token| token.text.eq_ignore_ascii_case(word))
    };
    let last = before.next();
    let is_from = is(last, "FROM") && !is(before.next(), "DISTINCT");
    is_from || is(last, ":") || BEFORE_OBJECTS.iter().any(|word| is(last, word))
}

/// Whether the word stands by itself as the name of a relation or an alias, so that columns may be named by it.
pub(super) fn is_rival(tokens: &[Token<'_>], at: usize) -> bool {
    let next = tokens[at + 1..].iter().find(|token| !token.is_blank());
    let previous = previous(tokens, at);
    next.is_none_or(|next| next.text != ".")
        && previous.is_some_and(|word| word != "." && !word.eq_ignore_ascii_case("SCHEMA"))
        && !sets_search_path(tokens, at)
}
