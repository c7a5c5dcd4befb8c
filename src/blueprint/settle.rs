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
