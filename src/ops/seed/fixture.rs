//! A file of demo data: its statements, and the places where parameters stand in them.
//!
//! A parameter is written as psql has it: `:days`, `:'until'`. It is found by PostgreSQL's lexical rules, so that none
//! is seen in a string, a comment, a dollar-quoted body, a cast (`::date`) or the slice of an array (`a[1:days]`).

use super::parameters::{Parameter, Values};
use crate::db::{self, Control, Statement, Token, TokenKind, Unterminated};
use crate::ops::exec::{self, Refused};

/// A file of demo data, checked and ready to be run in any tenant.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// How the file is called in messages.
    name: String,
    statements: Vec<Prepared>,
}

/// A statement and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) line: usize,
    /// Whether it changes rows, so that what it answers are not the rows of a question.
    pub(super) changes_rows: bool,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Parameter { parameter: Parameter, quoted: bool },
}

/// Why a file of demo data cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixtureError {
    #[error("file `{file}`, {source}")]
    Unterminated { file: String, source: Unterminated },
    #[error("file `{file}`, line {line}: there is no parameter `{found}`")]
    UnknownParameter {
        file: String,
        line: usize,
        found: String,
    },
    #[error("file `{file}`, line {line}: {source}")]
    Refused {
        file: String,
        line: usize,
        source: Refused,
    },
    #[error(
        "file `{file}`, line {line}: there is nothing to go back to within a message, and demo data is sent as one"
    )]
    Savepoint { file: String, line: usize },
    #[error("file `{file}` holds no statement")]
    Empty { file: String },
}

impl FixtureError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownParameter { .. } => {
                let known: Vec<String> = Parameter::ALL.iter().map(ToString::to_string).collect();
                format!("known parameters: {}", known.join(", "))
            }
            Self::Refused {
                source: Refused::EndsTransaction { .. },
                ..
            }
            | Self::Savepoint { .. } => {
                "leave it out: all of a tenant's demo data is one transaction".to_owned()
            }
            Self::Refused {
                source: Refused::Copy { .. },
                ..
            } => "write `INSERT` with `SELECT` or `VALUES`".to_owned(),
            Self::Refused {
                source: Refused::NeedsNoTransaction { .. },
                ..
            } => "leave it out: what changes the schema belongs into a migration".to_owned(),
            Self::Empty { .. } => "write `INSERT` statements; docs/apps/README.md says how".to_owned(),
            Self::Refused { .. } | Self::Unterminated { .. } => return None,
        })
    }
}

impl Fixture {
    /// Reads a file's text. What cannot be run in a tenant's transaction is refused here.
    pub fn parse(name: impl Into<String>, sql: &str) -> Result<Self, FixtureError> {
        let name = name.into();
        let statements = db::statements(sql).map_err(|source| FixtureError::Unterminated {
            file: name.clone(),
            source,
        })?;
        if statements.is_empty() {
            return Err(FixtureError::Empty { file: name });
        }
        for statement in &statements {
            exec::check(std::slice::from_ref(statement)).map_err(|source| FixtureError::Refused {
                file: name.clone(),
                line: statement.line,
                source,
            })?;
            let opening: Vec<&str> = statement.opening.iter().map(String::as_str).collect();
            if Control::of(&opening).is_some() {
                return Err(FixtureError::Savepoint {
                    file: name,
                    line: statement.line,
                });
            }
        }
        let statements: Result<Vec<Prepared>, FixtureError> = statements
            .iter()
            .map(|statement| Prepared::new(&name, statement))
            .collect();
        Ok(Self {
            statements: statements?,
            name,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the file asks for this parameter.
    pub fn uses(&self, wanted: Parameter) -> bool {
        let pieces = self.statements.iter().flat_map(|statement| &statement.pieces);
        pieces
            .into_iter()
            .any(|piece| matches!(piece, Piece::Parameter { parameter, .. } if *parameter == wanted))
    }

    pub(super) fn statements(&self) -> &[Prepared] {
        &self.statements
    }
}

impl Prepared {
    fn new(file: &str, statement: &Statement) -> Result<Self, FixtureError> {
        // The script as a whole could be read, and so can its parts.
        let tokens = db::tokens(&statement.text).map_err(|source| FixtureError::Unterminated {
            file: file.to_owned(),
            source,
        })?;
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut line = statement.line;
        let mut places = Places::default();
        let mut tokens = tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            line += token.text.matches('\n').count();
            let named = match tokens.peek() {
                Some(next) if token.text == ":" && places.may_hold_parameter() => name_of(next),
                _ => None,
            };
            let Some((name, quoted)) = named else {
                places.pass(token);
                text.push_str(token.text);
                continue;
            };
            let written = tokens.next().map_or("", |next| next.text);
            let parameter = Parameter::named(name).ok_or_else(|| FixtureError::UnknownParameter {
                file: file.to_owned(),
                line,
                found: format!(":{written}"),
            })?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Parameter { parameter, quoted });
            places.pass_value();
        }
        pieces.push(Piece::Text(text));
        let opening = statement.opening.first().map(String::as_str);
        Ok(Self {
            line: statement.line,
            changes_rows: matches!(opening, Some("insert" | "update" | "delete" | "merge")),
            pieces,
        })
    }

    /// The statement with these values.
    pub(super) fn sql(&self, values: &Values) -> String {
        let mut sql = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Parameter { parameter, quoted } => sql.push_str(&values.written(*parameter, *quoted)),
            }
        }
        sql
    }
}

/// What a colon before this token names, and whether its value is to be quoted.
fn name_of<'a>(token: &Token<'a>) -> Option<(&'a str, bool)> {
    let between = |quote| token.text.strip_prefix(quote)?.strip_suffix(quote);
    match token.kind {
        TokenKind::Word => Some((token.text, false)),
        TokenKind::Text => between('\'').map(|name| (name, true)),
        // An identifier to psql, of which there are none here.
        TokenKind::Quoted => between('"').map(|_| ("", true)),
        _ => None,
    }
}

/// What encloses a place in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Enclosure {
    Parentheses,
    /// The elements of an array, as in `ARRAY[1, 2]`.
    Elements,
    /// What follows an array, as in `a[1]`, where a colon may part the bounds of a slice.
    Subscript,
}

/// What stood last before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Before {
    /// An operator or a comma, or nothing: a value comes next.
    #[default]
    Operator,
    Colon,
    OpeningBracket,
    Array,
    Value,
}

/// Where in a statement one is, as far as that tells a parameter from other uses of the colon.
#[derive(Debug, Default)]
struct Places {
    enclosures: Vec<Enclosure>,
    before: Before,
    /// Whether the colon before stood right here, with no blank between.
    is_adjacent: bool,
}

impl Places {
    /// Whether a colon here is that of a parameter, if a name follows.
    fn may_hold_parameter(&self) -> bool {
        if self.before == Before::Colon && self.is_adjacent {
            return false;
        }
        self.enclosures.last() != Some(&Enclosure::Subscript) || self.before == Before::Operator
    }

    fn pass(&mut self, token: &Token<'_>) {
        self.is_adjacent = !token.is_blank();
        if token.is_blank() {
            return;
        }
        self.before = match token.text {
            "(" => {
                self.enclosures.push(Enclosure::Parentheses);
                Before::Operator
            }
            "[" => {
                let is_nested = self.enclosures.last() == Some(&Enclosure::Elements)
                    && matches!(self.before, Before::OpeningBracket | Before::Operator);
                self.enclosures
                    .push(match is_nested || self.before == Before::Array {
                        true => Enclosure::Elements,
                        false => Enclosure::Subscript,
                    });
                Before::OpeningBracket
            }
            ")" | "]" => {
                self.enclosures.pop();
                Before::Value
            }
            ":" => Before::Colon,
            _ if token.is_word("array") => Before::Array,
            _ if token.kind == TokenKind::Symbol => Before::Operator,
            _ => Before::Value,
        };
    }

    fn pass_value(&mut self) {
        self.before = Before::Value;
        self.is_adjacent = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        Values {
            days: 30,
            users: 5,
            seed: 1,
            until: jiff::civil::date(2026, 11, 21),
            tenant: "it's".to_owned(),
            plan: "pro".to_owned(),
            password_hash: "$argon2id$x".to_owned(),
        }
    }

    fn filled(sql: &str) -> String {
        let fixture = Fixture::parse("f.sql", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let statements = fixture.statements().iter();
        let written: Vec<String> = statements.map(|statement| statement.sql(&values())).collect();
        written.join("; ")
    }

    #[test]
    fn parameters_are_written_as_psql_has_them() {
        assert_eq!(
            filled(
                "select :days, :users, (:seed)::bigint, :'until'::date, :'tenant', :'plan', :'password_hash'"
            ),
            "select 30, 5, (1)::bigint, '2026-11-21'::date, 'it''s', 'pro', '$argon2id$x'"
        );
    }

    #[test]
    fn a_bare_text_is_quoted_all_the_same_and_a_quoted_number_is_text() {
        assert_eq!(
            filled("select :until, :tenant, :plan"),
            "select '2026-11-21', 'it''s', 'pro'"
        );
        assert_eq!(filled("select :'days'::int"), "select '30'::int");
        assert_eq!(filled("select 1+:days,-:users"), "select 1+30,-5");
    }

    #[test]
    fn what_only_looks_like_a_parameter_stays() {
        for sql in [
            "select ':days', E'\\':days', $$ :days $$, $a$ :'until' $a$, \"a:days\"",
            "select 1 -- :nothing\n , 2 /* :nothing /* :days */ */ + 3",
            "select now()::date, '1'::text, 1 ::days",
            "select f(a := users)",
            "select a[1:days], a[:days], a[days:], a[b:users], (a)[1:days][lo:users], f(x)[n : users]",
            "select '{}'::int[], array[1,2][1:days]",
        ] {
            assert_eq!(filled(sql), sql);
        }
    }

    #[test]
    fn arrays_and_subscripts_hold_parameters_where_a_value_is_due() {
        assert_eq!(
            filled(
                "select ARRAY[:days, :users], array[[:days],[:users]], (ARRAY['a'])[1 + :seed % 2], a[(:days):2]"
            ),
            "select ARRAY[30, 5], array[[30],[5]], (ARRAY['a'])[1 + 1 % 2], a[(30):2]"
        );
    }

    #[test]
    fn an_unknown_parameter_is_named_with_its_line_and_the_known_ones() {
        let error = Fixture::parse("f.sql", "select 1;\nselect 1,\n  :'dayz'").expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "file `f.sql`, line 3: there is no parameter `:'dayz'`"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("known parameters: :days, :users, :seed, :'until', :'tenant', :'plan', :'password_hash'")
        );
        let error = Fixture::parse("f.sql", "select * from :\"tenant\"").expect_err("no identifiers");
        assert!(error.to_string().contains("`:\"tenant\"`"), "{error}");
    }

    #[test]
    fn what_would_end_the_transaction_is_refused_with_its_line() {
        let error = Fixture::parse("f.sql", "select 1;\n\nCOMMIT").expect_err("refused");
        assert!(error.to_string().starts_with("file `f.sql`, line 3: "), "{error}");
        assert!(matches!(error, FixtureError::Refused { .. }));
        assert!(Fixture::parse("f.sql", " -- nothing").is_err());
        assert!(Fixture::parse("f.sql", "select 'open").is_err());
    }

    #[test]
    fn a_file_knows_which_parameters_it_asks_for() {
        let fixture = Fixture::parse("f.sql", "select :days, ':users'").expect("a fixture");
        assert!(fixture.uses(Parameter::Days));
        assert!(!fixture.uses(Parameter::Users));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(sql in "[a:'\\[\\]()\", days;$\n-]{0,40}") {
            let _ = Fixture::parse("f.sql", &sql);
        }
    }
}
