//! Statements that PostgreSQL runs in several transactions of its own, and that leave something half done when they
//! are interrupted.

use crate::db::sql_text::{Statement, Token, TokenKind, tokens};

/// What such a statement builds or removes. Names are as they were written, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concurrent {
    /// `CREATE INDEX CONCURRENTLY name`, with the schema of the table where that is written
    CreateIndex(String),
    /// `CREATE INDEX CONCURRENTLY ON`
    Unnamed,
    /// `DROP INDEX CONCURRENTLY name`
    DropIndex(String),
    /// `REINDEX … CONCURRENTLY`
    Reindex,
    /// `ALTER TABLE … DETACH PARTITION name CONCURRENTLY`
    Detach(String),
}

impl Concurrent {
    /// What the statement is, when it is one of those.
    pub fn of(statement: &Statement) -> Option<Self> {
        let tokens = tokens(&statement.text).ok()?;
        let tokens: Vec<&Token<'_>> = tokens.iter().filter(|token| !token.is_blank()).collect();
        let at = tokens.iter().position(|token| token.is_word("concurrently"))?;
        let opening: Vec<&str> = statement.opening.iter().map(String::as_str).collect();
        let after = &tokens[at + 1..];
        match opening.as_slice() {
            ["create", "index", ..] | ["create", "unique", "index", ..] => {
                Some(match without_condition(after) {
                    [first, ..] if first.is_word("on") => Self::Unnamed,
                    named => Self::CreateIndex(beside_table(named)?),
                })
            }
            ["drop", "index", ..] => Some(Self::DropIndex(name(without_condition(after))?)),
            ["reindex", ..] => Some(Self::Reindex),
            ["alter", "table", ..] => {
                let partition = tokens.iter().position(|token| token.is_word("partition"))?;
                let is_detach = partition > 0 && tokens[partition - 1].is_word("detach");
                // The name stands between both words.
                let named = tokens.get(partition + 1..at).filter(|_| is_detach)?;
                name(named).map(Self::Detach)
            }
            _ => None,
        }
    }
}

/// The tokens after `IF EXISTS` or `IF NOT EXISTS`.
fn without_condition<'a, 'b>(tokens: &'b [&'a Token<'a>]) -> &'b [&'a Token<'a>] {
    match tokens {
        [one, two, three, rest @ ..]
            if one.is_word("if") && two.is_word("not") && three.is_word("exists") =>
        {
            rest
        }
        [one, two, rest @ ..] if one.is_word("if") && two.is_word("exists") => rest,
        all => all,
    }
}

/// The name of an index, with the schema of its table where that is written.
fn beside_table(tokens: &[&Token<'_>]) -> Option<String> {
    let index = name(tokens)?;
    let on = tokens.iter().position(|token| token.is_word("on"))?;
    let table = match &tokens[on + 1..] {
        [only, table @ ..] if only.is_word("only") => table,
        table => table,
    };
    Some(match table {
        [schema, dot, ..] if is_part(schema) && dot.text == "." => format!("{}.{index}", schema.text),
        _ => index,
    })
}

fn is_part(token: &Token<'_>) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Quoted)
}

/// A name at the beginning of the tokens, with its schema where it has one.
fn name(tokens: &[&Token<'_>]) -> Option<String> {
    match tokens {
        [schema, dot, name, ..] if is_part(schema) && dot.text == "." && is_part(name) => {
            Some(format!("{}.{}", schema.text, name.text))
        }
        [name, ..] if is_part(name) => Some(name.text.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Option<Concurrent> {
        let statements = crate::db::statements(sql).expect("readable");
        Concurrent::of(&statements[0])
    }

    #[test]
    fn interruptible_statements_are_known_by_what_they_leave() {
        let named = |name: &str| Some(Concurrent::CreateIndex(name.to_owned()));
        assert_eq!(of("CREATE INDEX CONCURRENTLY i ON t (a)"), named("i"));
        assert_eq!(
            of("create unique index concurrently if not exists \"I x\" on t (a)"),
            named("\"I x\"")
        );
        assert_eq!(
            of("CREATE INDEX CONCURRENTLY i ON ONLY \"S\".t (a)"),
            named("\"S\".i")
        );
        assert_eq!(
            of("CREATE INDEX CONCURRENTLY ON t (a)"),
            Some(Concurrent::Unnamed)
        );
        assert_eq!(
            of("DROP INDEX CONCURRENTLY IF EXISTS s.i"),
            Some(Concurrent::DropIndex("s.i".to_owned()))
        );
        assert_eq!(of("REINDEX TABLE CONCURRENTLY t"), Some(Concurrent::Reindex));
        assert_eq!(
            of("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY"),
            Some(Concurrent::Detach("p1".to_owned()))
        );
    }

    #[test]
    fn other_statements_are_not() {
        for sql in [
            "CREATE INDEX i ON t (a)",
            "VACUUM t",
            "SELECT 'concurrently'",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
            "ALTER TABLE CONCURRENTLY p DETACH PARTITION q",
            "ALTER TABLE p DETACH PARTITION CONCURRENTLY",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
