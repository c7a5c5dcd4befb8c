//! The one form of a text that PostgreSQL prints in two.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::catalog::UNSETTLED;

/// The text as it is compared and replayed.
pub(super) fn settled(text: String) -> String {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        UNSETTLED
            .iter()
            .map(|pattern| Regex::new(pattern).expect("the patterns are right"))
            .collect()
    });
    if !text.contains("'::character varying") {
        return text;
    }
    PATTERNS
        .iter()
        .fold(text, |text, pattern| match pattern.replace_all(&text, "$1") {
            Cow::Borrowed(_) => text,
            Cow::Owned(settled) => settled,
        })
}

/// A view's text that comes out the same when it has been read back.
///
/// Without an alias, a constant in a branch of a `UNION` is a column called `?column?`; read back, its cast would give
/// it a name. The field of `EXTRACT` would be folded to lower case.
pub(super) fn repeatable(view: &str) -> String {
    static CONSTANT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^(\s+(?:SELECT )?(?:NULL|'(?:[^'\n]|'')*'|\(?-?[\d.]+\)?)::(?:character varying|double precision|bit varying|time(?:stamp)?(?:\(\d\))? with(?:out)? time zone|(?:\w+\.)?\w+)(?:\([\d,]+\))?(?:\[\])?)(,?)$")
            .expect("the pattern is right")
    });
    static FIELD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bEXTRACT\((\w*[A-Z]\w*) FROM").expect("the pattern is right"));
    // What looks like that may stand inside a constant.
    let constants: Vec<&str> = crate::db::tokens(view)
        .unwrap_or_default()
        .iter()
        .filter(|token| token.kind == crate::db::TokenKind::Text)
        .map(|token| token.text)
        .collect();
    let mut text = view.to_owned();
    if !constants.iter().any(|constant| constant.contains('\n')) {
        text = CONSTANT.replace_all(&text, r#"$1 AS "?column?"$2"#).into_owned();
    }
    if !constants.iter().any(|constant| constant.contains("EXTRACT(")) {
        text = FIELD.replace_all(&text, "EXTRACT('$1' FROM").into_owned();
    }
    text
}

/// The SQL expression that does the same on the server.
pub(super) fn settled_sql(text: &str) -> String {
    let replaced = UNSETTLED.iter().fold(text.to_owned(), |text, pattern| {
        format!(
            "regexp_replace({text}, '{}', '\\1', 'g')",
            pattern.replace('\'', "''")
        )
    });
    format!("CASE WHEN {text} LIKE '%''::character varying%' THEN {replaced} ELSE {text} END")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_without_an_alias_keeps_its_lack_of_a_name() {
        let view = "SELECT a.id,\n    NULL::integer AS b\n   FROM a\nUNION\n SELECT b.id,\n    NULL::integer\n   FROM b;";
        let expected = view.replace("NULL::integer\n", "NULL::integer AS \"?column?\"\n");
        assert_eq!(repeatable(view), expected);
        assert_eq!(
            repeatable("SELECT EXTRACT(YEAR FROM now())"),
            "SELECT EXTRACT('YEAR' FROM now())"
        );
    }

    #[test]
    fn both_forms_of_a_list_become_one() {
        let first =
            "(((role)::text = ANY ((ARRAY['a'::character varying, 'it''s'::character varying])::text[])))";
        let again = "(((role)::text = ANY (ARRAY[('a'::character varying)::text, ('it''s'::character varying)::text])))";
        let settled_form =
            "(((role)::text = ANY (ARRAY['a'::character varying, 'it''s'::character varying])))";
        assert_eq!(settled(first.to_owned()), settled_form);
        assert_eq!(settled(again.to_owned()), settled_form);
        assert_eq!(settled(settled_form.to_owned()), settled_form);
    }
}
