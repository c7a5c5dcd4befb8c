//! The schema's own name inside texts that PostgreSQL does not take apart: bodies and settings of functions, comments.
//!
//! Deparsed definitions name the schema's objects without their schema. A function's body is text, and whatever it
//! names it finds when it runs, so a name written out must become the copy's own. Names are found by SQL tokens: not
//! inside longer names, not in strings that mean something else.

use std::collections::HashSet;

use crate::db::{SchemaName, Token, TokenKind, tokens};

/// Stands for the schema's name, quoted where need be.
pub(super) const OWN: &str = "\u{1}schema\u{1}";

/// Puts a name where [`OWN`] stands.
pub(super) fn with_name(text: &str, schema: &SchemaName) -> String {
    if text.contains(OWN) {
        text.replace(OWN, &plain_or_quoted(schema.as_str()))
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
}

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

fn unchanged(text: &str) -> Rewritten {
    Rewritten {
        text: text.to_owned(),
        replaced: 0,
        unclear: Vec::new(),
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
#[derive(Debug, Clone)]
pub(super) struct OwnName {
    name: String,
    quoted: String,
    /// What extensions keep in the schema. It is not copied, and who uses it goes on using it there.
    of_extensions: HashSet<String>,
}

impl OwnName {
    pub(super) fn new(name: &str, of_extensions: HashSet<String>) -> Self {
        Self {
            name: name.to_owned(),
            quoted: crate::db::QuotedIdent::new(name).to_string(),
            of_extensions,
        }
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

    /// Where the name stands as a whole word.
    fn words<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        let folded = text.to_ascii_lowercase();
        let name = self.name.to_ascii_lowercase();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let found: Vec<usize> = folded
            .match_indices(&name)
            .filter(|(at, word)| {
                !folded[..*at].ends_with(is_part) && !folded[at + word.len()..].starts_with(is_part)
            })
            .map(|(at, _)| at)
            .collect();
        found.into_iter()
    }

    fn is_name(&self, token: &Token<'_>) -> bool {
        match token.kind {
            TokenKind::Word => token.text.to_ascii_lowercase() == self.name,
            TokenKind::Quoted => token.text == self.quoted,
            _ => false,
        }
    }

    fn rewrite_sql(&self, sql: &str, place: Place<'_>) -> Rewritten {
        let Ok(tokens) = tokens(sql) else {
            return Rewritten {
                unclear: vec!["a text that is not SQL".to_owned()],
                ..unchanged(sql)
            };
        };
        let mut result = Rewritten {
            text: String::with_capacity(sql.len()),
            replaced: 0,
            unclear: Vec::new(),
        };
        for (at, token) in tokens.iter().enumerate() {
            let piece = match token.kind {
                TokenKind::Word | TokenKind::Quoted if self.is_name(token) => {
                    let stands_alone = previous(&tokens, at) != Some(".");
                    let is_of_extension = self.names_of_extension(&tokens[at + 1..]);
                    let qualifies = tokens[at + 1..]
                        .iter()
                        .find(|token| !is_blank(token))
                        .is_some_and(|next| next.text == ".");
                    if stands_alone && is_of_extension {
                        unchanged(token.text)
                    } else if stands_alone && (qualifies || sets_search_path(&tokens, at)) {
                        Rewritten {
                            text: OWN.to_owned(),
                            replaced: 1,
                            unclear: Vec::new(),
                        }
                    } else {
                        self.left_alone(token, &tokens, at)
                    }
                }
                TokenKind::Comment => self.rewrite_qualified(token.text),
                TokenKind::Text if self.is_mentioned(token.text) => {
                    if let Some(rewritten) = self.rewrite_body(token.text, place) {
                        rewritten
                    } else if sets_search_path(&tokens, at) && token.text == format!("'{}'", self.name) {
                        Rewritten {
                            text: format!("'{OWN}'"),
                            replaced: 1,
                            unclear: Vec::new(),
                        }
                    } else if names_something(&tokens, at) {
                        self.rewrite_qualified(token.text)
                    } else if place != Place::Body {
                        // Defaults of parameters: a constant there is data, and a name would have been resolved.
                        unchanged(token.text)
                    } else {
                        self.left_alone(token, &tokens, at)
                    }
                }
                _ => unchanged(token.text),
            };
            result.text.push_str(&piece.text);
            result.replaced += piece.replaced;
            result.unclear.extend(piece.unclear);
        }
        result
    }

    /// Whether what follows the schema's name is a dot and the name of something that an extension keeps there.
    fn names_of_extension(&self, after: &[Token<'_>]) -> bool {
        let mut after = after.iter().filter(|token| !is_blank(token));
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
            Some(token) => {
                let bare = token.text.trim_matches('"').replace("\"\"", "\"");
                self.of_extensions.contains(&bare)
            }
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
        for at in self.words(text) {
            let end = at + self.name.len();
            let (from, to) = if text[..at].ends_with('"') && text[end..].starts_with('"') {
                (at - 1, end + 1)
            } else {
                (at, end)
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

fn is_blank(token: &Token<'_>) -> bool {
    matches!(token.kind, TokenKind::Space | TokenKind::Comment)
}

fn previous<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    tokens[..at]
        .iter()
        .rev()
        .find(|token| !is_blank(token))
        .map(|token| token.text)
}

/// Whether the token is an entry of `SET search_path TO a, b` or `= a, b`.
fn sets_search_path(tokens: &[Token<'_>], at: usize) -> bool {
    let mut before = tokens[..at].iter().rev().filter(|token| !is_blank(token));
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

/// Whether the constant is the name of an object: cast to such a type, or given to a function that looks it up.
fn names_something(tokens: &[Token<'_>], at: usize) -> bool {
    let after: Vec<&str> = tokens[at + 1..]
        .iter()
        .filter(|token| !is_blank(token))
        .take(3)
        .map(|token| token.text)
        .collect();
    if let [":", ":", name] = after.as_slice()
        && NAMING_TYPES.iter().any(|known| name.eq_ignore_ascii_case(known))
    {
        return true;
    }
    let mut before = tokens[..at].iter().rev().filter(|token| !is_blank(token));
    match before.next() {
        Some(token) if token.text == "(" => match before.next() {
            // `EXECUTE format('… schema.%I', …)` in PL/pgSQL.
            Some(token) if token.text.eq_ignore_ascii_case("format") => before
                .next()
                .is_some_and(|token| token.text.eq_ignore_ascii_case("execute")),
            Some(token) => NAMING_FUNCTIONS
                .iter()
                .any(|known| token.text.eq_ignore_ascii_case(known)),
            None => false,
        },
        Some(token) => {
            token.text.eq_ignore_ascii_case("execute")
                || NAMING_TYPES
                    .iter()
                    .any(|known| token.text.eq_ignore_ascii_case(known))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnName {
        OwnName::new("tenant_template", HashSet::new())
    }

    fn body(sql: &str) -> Rewritten {
        own().rewrite_sql(sql, Place::Body)
    }

    fn shown(sql: &str) -> String {
        body(sql).text.replace(OWN, "OWN")
    }

    #[test]
    fn qualified_names_become_the_copys() {
        assert_eq!(
            shown("select * from tenant_template.users"),
            "select * from OWN.users"
        );
        assert_eq!(
            shown("select \"tenant_template\".f(a.tenant_template.b)"),
            "select OWN.f(a.tenant_template.b)"
        );
        assert_eq!(shown("select Tenant_Template.f()"), "select OWN.f()");
        assert_eq!(
            shown("perform nextval('tenant_template.s')"),
            "perform nextval('OWN.s')"
        );
        assert_eq!(
            shown("select 'tenant_template.t'::regclass"),
            "select 'OWN.t'::regclass"
        );
        assert_eq!(
            shown("execute 'drop table tenant_template.t'"),
            "execute 'drop table OWN.t'"
        );
        assert_eq!(
            shown("EXECUTE format('select tenant_template.%I()', f)"),
            "EXECUTE format('select OWN.%I()', f)"
        );
        assert_eq!(
            shown("-- see tenant_template.users\nnull"),
            "-- see OWN.users\nnull"
        );
        assert_eq!(
            shown("set local search_path = tenant_template, public"),
            "set local search_path = OWN, public"
        );
    }

    #[test]
    fn longer_names_are_other_names() {
        let text = "select tenant_template_old.f(), my_tenant_template.g(), 'a tenant_templates b'";
        assert_eq!(body(text).text, text);
        assert_eq!(body(text).unclear, Vec::<String>::new());
    }

    #[test]
    fn a_string_that_may_mean_anything_is_unclear_and_left_as_it_is() {
        for text in [
            "raise notice 'see tenant_template.users'",
            "if current_schema() = 'tenant_template' then",
            "create table x in tenant_template",
        ] {
            let result = body(text);
            assert_eq!(result.text, text);
            assert_eq!(result.unclear.len(), 1, "{result:?}");
        }
    }

    #[test]
    fn other_languages_are_not_read() {
        let text = "CREATE FUNCTION f() AS $x$a tenant_template.t$x$";
        let result = own().function(text, Some("a tenant_template.t"), "plpython3u");
        assert_eq!((result.replaced, result.unclear.len()), (0, 1));
    }

    #[test]
    fn settings_of_a_function_are_rewritten() {
        let text = "CREATE FUNCTION f() SET search_path TO 'tenant_template', 'public' AS $$select 1$$";
        let result = own().function(text, Some("select 1"), "sql");
        assert_eq!(
            result.text.replace(OWN, "OWN"),
            "CREATE FUNCTION f() SET search_path TO 'OWN', 'public' AS $$select 1$$"
        );
    }

    #[test]
    fn what_an_extension_keeps_in_the_schema_stays_there() {
        let own = OwnName::new("tenant_template", ["similarity", "%"].map(str::to_owned).into());
        let text =
            "SELECT tenant_template.similarity(a, b) OPERATOR(tenant_template.%) tenant_template.own(c)";
        assert_eq!(
            own.deparsed(text).text.replace(OWN, "OWN"),
            "SELECT tenant_template.similarity(a, b) OPERATOR(tenant_template.%) OWN.own(c)"
        );
    }

    #[test]
    fn comments_keep_the_bare_word() {
        let result = own().prose("rows of tenant_template.users, as in tenant_template.");
        assert_eq!(
            result.text.replace(OWN, "OWN"),
            "rows of OWN.users, as in tenant_template."
        );
        assert_eq!(result.replaced, 1);
    }
}
