//! The one form of a text that PostgreSQL prints in two.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Two ways in which PostgreSQL prints one list of `varchar` constants: as it was first written, and once that text
/// has been read back. Without the casts they are one text, to which PostgreSQL adds the casts again.
const UNSETTLED: [&str; 2] = [
    r"\((ARRAY\[(?:(?:NULL|E?'(?:[^']|'')*')::character varying(?:, )?)+\])\)::text\[\]",
    r"\(((?:NULL|E?'(?:[^']|'')*')::character varying)\)::text",
];

/// What a text holds that is in either of the two forms.
const HINT: &str = "::character varying";

/// The text as it is compared and replayed.
pub(super) fn settled(text: String) -> String {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        UNSETTLED
            .iter()
            .map(|pattern| Regex::new(pattern).expect("the patterns are right"))
            .collect()
    });
    if !text.contains(HINT) {
        return text;
    }
    PATTERNS
        .iter()
        .fold(text, |text, pattern| match pattern.replace_all(&text, "$1") {
            Cow::Borrowed(_) => text,
            Cow::Owned(settled) => settled,
        })
}

/// Extended statistics with their columns and expressions in the order of their names: PostgreSQL prints them in the
/// order of the table's columns, which is no part of what the statistics are.
pub(super) fn in_order(statistics: &str) -> String {
    let (mut depth, mut at) = (0, 0);
    let mut bounds = Vec::new();
    for token in crate::db::tokens(statistics).unwrap_or_default() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        let begins = bounds.is_empty() && token.is_word("ON");
        let goes_on = !bounds.is_empty() && (token.text == "," || token.is_word("FROM"));
        if depth == 0 && (begins || goes_on) {
            bounds.push((at, at + token.text.len()));
        }
        at += token.text.len();
    }
    let (Some((_, from)), Some((to, _))) = (bounds.first(), bounds.last()) else {
        return statistics.to_owned();
    };
    let mut parts: Vec<&str> = bounds
        .windows(2)
        .map(|pair| statistics[pair[0].1..pair[1].0].trim())
        .collect();
    parts.sort_unstable();
    format!(
        "{} {} {}",
        &statistics[..*from],
        parts.join(", "),
        &statistics[(*to).max(*from)..]
    )
}

/// The end of a line of a view that is a constant without an alias, as in a branch of a `UNION`.
const CONSTANT: &str = r"^(\s+(?:SELECT )?(?:NULL|'(?:[^'\n]|'')*'|\(?-?[\d.]+\)?)::(?:character varying|double precision|bit varying|time(?:stamp)?(?:\(\d\))? with(?:out)? time zone|(?:\w+\.)?\w+)(?:\([\d,]+\))?(?:\[\])?)(,?)$";
/// The beginning of `EXTRACT` with a field that is no word in small letters.
const FIELD: &str = r"EXTRACT\((\w*[A-Z]\w*) FROM";

/// A view's text that comes out the same when it has been read back.
///
/// Without an alias, a constant in a branch of a `UNION` is a column called `?column?`; read back, its cast would give
/// it a name. The field of `EXTRACT` would be folded to lower case.
pub(super) fn repeatable(view: &str) -> String {
    static CONSTANTS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("(?m){CONSTANT}")).expect("the pattern is right"));
    static FIELDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!(r"\b{FIELD}")).expect("the pattern is right"));
    // What looks like that may stand inside a constant.
    let constants: Vec<&str> = crate::db::tokens(view)
        .unwrap_or_default()
        .iter()
        .filter(|token| token.kind == crate::db::TokenKind::Text)
        .map(|token| token.text)
        .collect();
    let mut text = view.to_owned();
    if !constants.iter().any(|constant| constant.contains('\n')) {
        text = CONSTANTS.replace_all(&text, r#"$1 AS "?column?"$2"#).into_owned();
    }
    if !constants.iter().any(|constant| constant.contains("EXTRACT(")) {
        text = FIELDS.replace_all(&text, "EXTRACT('$1' FROM").into_owned();
    }
    text
}

/// The SQL expression that does nearly the same as [`repeatable`] on the server: inside constants as well.
pub(super) fn repeatable_sql(text: &str) -> String {
    format!(
        "regexp_replace(regexp_replace({text}, '{}', '\\1 AS \"?column?\"\\2', 'gn'), '\\m{FIELD}', 'EXTRACT(''\\1'' FROM', 'g')",
        CONSTANT.replace('\'', "''")
    )
}

/// The SQL expression that does the same as [`settled`] on the server.
pub(super) fn settled_sql(text: &str) -> String {
    let replaced = UNSETTLED.iter().fold(text.to_owned(), |text, pattern| {
        format!(
            "regexp_replace({text}, '{}', '\\1', 'g')",
            pattern.replace('\'', "''")
        )
    });
    format!("CASE WHEN strpos({text}, '{HINT}') > 0 THEN {replaced} ELSE {text} END")
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
    fn columns_of_statistics_are_in_one_order() {
        for (one, other) in [
            (
                "CREATE STATISTICS st (ndistinct) ON t, n FROM m",
                "CREATE STATISTICS st (ndistinct) ON n, t FROM m",
            ),
            (
                r#"CREATE STATISTICS "ON" ON "a, b", c, lower(x), (y IS DISTINCT FROM 'FROM') FROM "FROM m""#,
                r#"CREATE STATISTICS "ON" ON c, "a, b", lower(x), (y IS DISTINCT FROM 'FROM') FROM "FROM m""#,
            ),
        ] {
            assert_eq!(in_order(one), in_order(other));
        }
        let other_table = "CREATE STATISTICS st (ndistinct) ON n, t FROM o";
        assert_eq!(in_order(other_table), other_table);
    }

    #[test]
    fn a_list_with_nulls_and_escapes_is_settled_as_a_whole() {
        let first =
            r"(ARRAY['a'::character varying, NULL::character varying, E'\\'::character varying])::text[]";
        let again = r"ARRAY[('a'::character varying)::text, (NULL::character varying)::text, (E'\\'::character varying)::text]";
        assert_eq!(settled(first.to_owned()), settled(again.to_owned()));
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
