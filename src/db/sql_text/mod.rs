//! SQL as text: its tokens, and where one statement ends and the next begins.
//!
//! This knows PostgreSQL's lexical rules and nothing of its grammar. It expects `standard_conforming_strings = on`,
//! which everything that runs foreign SQL here sets.

mod lexer;

use std::borrow::Cow;

pub use self::lexer::{Token, TokenKind, Unterminated, tokens};
use crate::words;

/// One statement of a script, without its semicolon and the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    /// The line of the script on which it begins, counted from 1.
    pub line: usize,
    /// The first words in lower case, enough to tell what kind of statement it is.
    pub opening: Vec<String>,
}

/// What a statement does to the transaction that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Begins or ends one.
    Bounds,
    /// Makes a savepoint or goes back to one. A message of several statements has none.
    Savepoint,
}

impl Control {
    /// What a statement does whose first words, in lower case, are these. `None` for what leaves its transaction alone.
    pub fn of(opening: &[&str]) -> Option<Self> {
        match opening {
            ["savepoint" | "release", ..]
            | ["rollback", "to", ..]
            | ["rollback", "work" | "transaction", "to", ..] => Some(Self::Savepoint),
            ["begin" | "commit" | "end" | "abort" | "rollback", ..]
            | ["start" | "prepare", "transaction", ..] => Some(Self::Bounds),
            _ => None,
        }
    }
}

/// Cuts a script into its statements. Empty ones are left out.
pub fn statements(sql: &str) -> Result<Vec<Statement>, Unterminated> {
    let mut statements = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut open_parens = 0_usize;
    let mut open_blocks = 0_usize;
    let mut line = 1;
    for token in tokens(sql)? {
        match token.kind {
            TokenKind::Semicolon if open_parens == 0 && open_blocks == 0 => {
                let ended = std::mem::take(&mut current);
                statements.extend(assemble(&ended, line));
                line += breaks(&ended);
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
    statements.extend(assemble(&current, line));
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

/// How many lines end within these tokens.
fn breaks(tokens: &[Token<'_>]) -> usize {
    let breaks = |token: &Token<'_>| token.text.matches('\n').count();
    tokens.iter().map(breaks).sum()
}

/// The statement of these tokens, the first of which stands on `line`.
fn assemble(tokens: &[Token<'_>], line: usize) -> Option<Statement> {
    let first = tokens.iter().position(|token| !token.is_blank())?;
    let last = tokens.iter().rposition(|token| !token.is_blank())?;
    let line = line + breaks(&tokens[..first]);
    let tokens = &tokens[first..=last];
    Some(Statement {
        line,
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
    words::cut(&line, length).into_owned()
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
    fn a_statement_knows_the_line_on_which_it_begins() {
        let parsed = statements("-- a\nselect 1;\n\n/* b\n */ select '\n';select 3").expect("readable");
        let lines: Vec<usize> = parsed.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [2, 5, 6]);
    }

    #[test]
    fn the_opening_words_tell_the_kind_of_a_statement() {
        let parsed = statements("/* c */ Set Transaction Read Write; COMMIT").expect("readable");
        assert_eq!(parsed[0].opening, ["set", "transaction", "read", "write"]);
        assert_eq!(parsed[1].opening, ["commit"]);
    }

    #[test]
    fn what_controls_a_transaction_is_known_by_its_first_words() {
        let of = |sql: &str| {
            let parsed = statements(sql).expect("readable").remove(0);
            Control::of(&parsed.opening.iter().map(String::as_str).collect::<Vec<_>>())
        };
        for sql in [
            "BEGIN",
            "start transaction read only",
            "COMMIT AND CHAIN",
            "end work",
            "ABORT",
            "rollback",
            "ROLLBACK TRANSACTION",
            "ROLLBACK PREPARED 'x'",
            "PREPARE TRANSACTION 'x'",
        ] {
            assert_eq!(of(sql), Some(Control::Bounds), "{sql}");
        }
        for sql in [
            "SAVEPOINT a",
            "RELEASE a",
            "release savepoint a",
            "ROLLBACK TO a",
            "rollback work to savepoint a",
            "ROLLBACK TRANSACTION TO a",
        ] {
            assert_eq!(of(sql), Some(Control::Savepoint), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "PREPARE p AS SELECT 1",
            "SET TRANSACTION READ ONLY",
            "DO $$BEGIN END$$",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
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
