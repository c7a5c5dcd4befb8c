//! SQL as text: its tokens, and where one statement ends and the next begins.
//!
//! This knows PostgreSQL's lexical rules and nothing of its grammar. It expects `standard_conforming_strings = on`,
//! which everything that runs foreign SQL here sets.

use std::borrow::Cow;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Space,
    Comment,
    /// An identifier or a keyword without quotes.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A string constant of any form, dollar quotes included.
    Text,
    Number,
    /// `;`
    Semicolon,
    /// A single other character.
    Symbol,
}

/// A piece of SQL text. The tokens of a text, one after the other, are that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
}

impl Token<'_> {
    fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    fn is_blank(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }
}

/// A quote or a comment that is opened and never closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: this {what} is never closed")]
pub struct Unterminated {
    pub what: &'static str,
    pub line: usize,
}

/// Cuts `sql` into tokens.
pub fn tokens(sql: &str) -> Result<Vec<Token<'_>>, Unterminated> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first).map_err(|what| Unterminated {
            what,
            line: sql[..sql.len() - rest.len()].matches('\n').count() + 1,
        })?;
        let (text, after) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = after;
    }
    Ok(tokens)
}

fn measure(rest: &str, first: char) -> Result<(TokenKind, usize), &'static str> {
    let while_true = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
    match first {
        _ if is_space(first) => Ok((TokenKind::Space, while_true(is_space))),
        '-' if rest.starts_with("--") => {
            Ok((TokenKind::Comment, rest.find(['\n', '\r']).unwrap_or(rest.len())))
        }
        '/' if rest.starts_with("/*") => Ok((TokenKind::Comment, block_comment(rest).ok_or("comment")?)),
        '\'' => Ok((
            TokenKind::Text,
            quoted(rest, 1, '\'', Escapes::None).ok_or("string")?,
        )),
        '"' => Ok((
            TokenKind::Quoted,
            quoted(rest, 1, '"', Escapes::None).ok_or("quoted name")?,
        )),
        '$' => match dollar_quoted(rest) {
            Some(Ok(length)) => Ok((TokenKind::Text, length)),
            Some(Err(())) => Err("dollar-quoted string"),
            // A parameter such as `$1`, or a stray sign.
            None => Ok((TokenKind::Symbol, 1)),
        },
        ';' => Ok((TokenKind::Semicolon, 1)),
        '0'..='9' => Ok((
            TokenKind::Number,
            while_true(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')),
        )),
        _ if begins_word(first) => {
            prefixed(rest).unwrap_or_else(|| Ok((TokenKind::Word, while_true(continues_word))))
        }
        other => Ok((TokenKind::Symbol, other.len_utf8())),
    }
}

/// String and identifier forms that begin with a letter: `E''`, `B''`, `X''`, `N''`, `U&''` and `U&""`.
fn prefixed(rest: &str) -> Option<Result<(TokenKind, usize), &'static str>> {
    let bytes = rest.as_bytes();
    let string = |length: Option<usize>| length.map(|length| (TokenKind::Text, length)).ok_or("string");
    let plain = |opening| string(quoted(rest, opening, '\'', Escapes::None));
    match (bytes[0].to_ascii_lowercase(), bytes.get(1), bytes.get(2)) {
        (b'e', Some(b'\''), _) => Some(string(escaped(rest))),
        (b'b' | b'x' | b'n', Some(b'\''), _) => Some(plain(2)),
        (b'u', Some(b'&'), Some(b'\'')) => Some(plain(3)),
        (b'u', Some(b'&'), Some(b'"')) => Some(
            quoted(rest, 3, '"', Escapes::None)
                .map(|length| (TokenKind::Quoted, length))
                .ok_or("quoted name"),
        ),
        _ => None,
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\x0b')
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn continues_word(c: char) -> bool {
    begins_word(c) || c.is_ascii_digit() || c == '$'
}

#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    None,
    Backslash,
}

/// The length of a quoted form whose content begins at `from`. A doubled quote stands for itself.
fn quoted(rest: &str, from: usize, quote: char, escapes: Escapes) -> Option<usize> {
    let mut characters = rest[from..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes == Escapes::Backslash {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return Some(from + at + 1);
            }
        }
    }
    None
}

/// The length of an `E''` string with the parts that continue it on later lines: they have escapes too.
fn escaped(rest: &str) -> Option<usize> {
    let mut end = quoted(rest, 2, '\'', Escapes::Backslash)?;
    while let Some(blanks) = continuation(&rest[end..]) {
        end = quoted(rest, end + blanks + 1, '\'', Escapes::Backslash)?;
    }
    Some(end)
}

/// The length of the blanks, a line break among them, before the next part of a string.
fn continuation(rest: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let tail = &rest[at..];
        let length = match tail.chars().next()? {
            '-' if tail.starts_with("--") => tail.find(['\n', '\r'])?,
            c if is_space(c) => c.len_utf8(),
            '\'' => return rest[..at].contains(['\n', '\r']).then_some(at),
            _ => return None,
        };
        at += length;
    }
}

fn dollar_quoted(rest: &str) -> Option<Result<usize, ()>> {
    let tag_end = rest[1..].find('$')? + 1;
    let tag = &rest[1..tag_end];
    let is_tag =
        tag.chars().all(|c| continues_word(c) && c != '$') && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let delimiter = &rest[..=tag_end];
    let body = &rest[delimiter.len()..];
    Some(
        body.find(delimiter)
            .map(|end| delimiter.len() + end + delimiter.len())
            .ok_or(()),
    )
}

fn block_comment(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

/// One statement of a script, without its semicolon and the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    /// The first words in lower case, enough to tell what kind of statement it is.
    pub opening: Vec<String>,
}

/// Cuts a script into its statements. Empty ones are left out.
pub fn statements(sql: &str) -> Result<Vec<Statement>, Unterminated> {
    let mut statements = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut open_parens = 0_usize;
    let mut open_blocks = 0_usize;
    for token in tokens(sql)? {
        match token.kind {
            TokenKind::Semicolon if open_parens == 0 && open_blocks == 0 => {
                statements.extend(assemble(&std::mem::take(&mut current)));
                continue;
            }
            TokenKind::Symbol if token.text == "(" => open_parens += 1,
            TokenKind::Symbol if token.text == ")" => open_parens = open_parens.saturating_sub(1),
            // The body of `CREATE FUNCTION … BEGIN ATOMIC …; …; END` holds semicolons of its own.
            TokenKind::Word if open_blocks > 0 && !awaits_name(&current) => {
                if token.is_word("case") {
                    open_blocks += 1;
                } else if token.is_word("end") {
                    open_blocks -= 1;
                }
            }
            TokenKind::Word if open_parens == 0 && token.is_word("atomic") && begins_body(&current) => {
                open_blocks = 1;
            }
            _ => {}
        }
        current.push(token);
    }
    statements.extend(assemble(&current));
    Ok(statements)
}

/// Whether these tokens define a routine, up to the `BEGIN` of its body. Anywhere else `begin` and `atomic` may be
/// names.
fn begins_body(tokens: &[Token<'_>]) -> bool {
    let opening = opening_words(tokens);
    let words: Vec<&str> = opening.iter().map(String::as_str).collect();
    let is_routine = matches!(
        words.as_slice(),
        ["create", "function" | "procedure", ..] | ["create", "or", "replace", "function" | "procedure"]
    );
    is_routine && last_of(tokens).is_some_and(|token| token.is_word("begin"))
}

/// Whether the word after these tokens is the name of something, as in `1 AS end` or `row.end`.
fn awaits_name(tokens: &[Token<'_>]) -> bool {
    last_of(tokens).is_some_and(|token| token.is_word("as") || token.text == ".")
}

fn last_of<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<&'b Token<'a>> {
    tokens.iter().rev().find(|token| !token.is_blank())
}

fn assemble(tokens: &[Token<'_>]) -> Option<Statement> {
    let first = tokens.iter().position(|token| !token.is_blank())?;
    let last = tokens.iter().rposition(|token| !token.is_blank())?;
    let tokens = &tokens[first..=last];
    Some(Statement {
        text: tokens.iter().map(|token| token.text).collect(),
        opening: opening_words(tokens),
    })
}

fn opening_words(tokens: &[Token<'_>]) -> Vec<String> {
    tokens
        .iter()
        .filter(|token| !token.is_blank())
        .take_while(|token| token.kind == TokenKind::Word)
        .take(4)
        .map(|token| token.text.to_ascii_lowercase())
        .collect()
}

/// The statement as a log may show it: on one line, every string constant replaced, cut to `length` characters.
pub fn without_secrets(sql: &str, length: usize) -> String {
    let Ok(tokens) = tokens(sql) else {
        return "(unreadable statement)".to_owned();
    };
    let shown: String = tokens
        .iter()
        .map(|token| match token.kind {
            TokenKind::Space | TokenKind::Comment => Cow::Borrowed(" "),
            TokenKind::Text => Cow::Borrowed("'…'"),
            _ => Cow::Borrowed(token.text),
        })
        .collect();
    let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        statements(sql)
            .expect("readable")
            .into_iter()
            .map(|statement| statement.text)
            .collect()
    }

    #[test]
    fn semicolons_part_statements() {
        assert_eq!(
            texts("select 1; select 2 ;\n\n; -- done\n"),
            ["select 1", "select 2"]
        );
        assert_eq!(texts("  "), Vec::<String>::new());
    }

    #[test]
    fn semicolons_inside_quotes_and_comments_part_nothing() {
        for sql in [
            "select ';'",
            "select 'it''s; fine'",
            "select E'a\\'; b'",
            "select \"a;b\"",
            "select $$ a; b $$",
            "select $tag$ $$; $tag$",
            "select 1 /* ; /* nested; */ ; */ + 1",
            "select 1 -- ; not here\n + 1",
            "select U&'d\\0061t; a'",
            "create rule r as on insert to t do (delete from a; delete from b)",
        ] {
            assert_eq!(texts(sql), [sql]);
        }
    }

    #[test]
    fn a_backslash_in_a_plain_string_escapes_nothing() {
        assert_eq!(texts(r"select '\'; select 2"), [r"select '\'", "select 2"]);
    }

    #[test]
    fn parameters_and_dollars_in_names_open_no_quote() {
        assert_eq!(
            texts("select $1; select a$b$c; select 1"),
            ["select $1", "select a$b$c", "select 1"]
        );
    }

    #[test]
    fn the_body_of_a_standard_function_stays_whole() {
        let function = "create function f(a int) returns int begin atomic select case when a > 1 then 2 end; select 3; end";
        assert_eq!(texts(&format!("{function}; select 1")), [function, "select 1"]);
        assert_eq!(texts("begin; select 1; end"), ["begin", "select 1", "end"]);
    }

    #[test]
    fn begin_and_atomic_are_names_outside_of_routines() {
        assert_eq!(
            texts("select begin atomic from (select 1 as begin) s; commit"),
            ["select begin atomic from (select 1 as begin) s", "commit"]
        );
        assert_eq!(
            texts("create table begin (a int); select 1 begin atomic; commit"),
            ["create table begin (a int)", "select 1 begin atomic", "commit"]
        );
        let function = "create or replace procedure p() begin atomic select 1 as case, r.end from r; end";
        assert_eq!(texts(&format!("{function}; commit")), [function, "commit"]);
    }

    #[test]
    fn a_string_that_goes_on_in_the_next_line_keeps_its_escapes() {
        let sql = "select E'a' -- so\n  '\\'; b'";
        assert_eq!(texts(&format!("{sql}; commit")), [sql, "commit"]);
        assert_eq!(texts("select 'a'\n'\\'; commit"), ["select 'a'\n'\\'", "commit"]);
        assert_eq!(texts("select E'a' '\\'; commit"), ["select E'a' '\\'", "commit"]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_named_with_its_line() {
        let error = statements("select 1;\nselect 'oops").expect_err("open quote");
        assert_eq!(
            error,
            Unterminated {
                what: "string",
                line: 2
            }
        );
        assert_eq!(statements("/* a").expect_err("open comment").what, "comment");
        assert_eq!(
            statements("$x$ a").expect_err("open dollar quote").what,
            "dollar-quoted string"
        );
    }

    #[test]
    fn the_opening_words_tell_the_kind_of_a_statement() {
        let parsed = statements("/* c */ Set Transaction Read Write; COMMIT").expect("readable");
        assert_eq!(parsed[0].opening, ["set", "transaction", "read", "write"]);
        assert_eq!(parsed[1].opening, ["commit"]);
    }

    #[test]
    fn logs_show_statements_without_their_constants() {
        let shown = without_secrets("ALTER ROLE app\n  PASSWORD 'hunter2' -- hunter2\n", 120);
        assert_eq!(shown, "ALTER ROLE app PASSWORD '…'");
        assert_eq!(without_secrets("select 1234567890", 8), "select 1…");
        assert_eq!(without_secrets("select 'hunter2", 80), "(unreadable statement)");
    }

    proptest! {
        #[test]
        fn tokens_put_together_are_the_text(sql in "[a-eE'\"$;/*\\-\\\\ \n(é1U&]{0,40}") {
            if let Ok(tokens) = tokens(&sql) {
                let joined: String = tokens.iter().map(|token| token.text).collect();
                prop_assert_eq!(joined, sql);
            }
        }

        #[test]
        fn any_text_is_cut_without_panic(sql in "\\PC{0,60}") {
            let _ = statements(&sql);
            let _ = without_secrets(&sql, 10);
        }
    }
}
