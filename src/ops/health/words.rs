//! Verbs, statements and commands in the words of findings.

use crate::db::without_secrets;

/// `tenant` or `tenants` do something: the verb's ending.
pub(super) fn verb<'a>(number: usize, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// One line of somebody's statement, cut where it is long, without what it says of people and passwords.
pub(super) fn excerpt(statement: &str) -> String {
    const LENGTH: usize = 100;
    without_secrets(statement, LENGTH)
}

/// So many tenants are named in a command that is shown.
const NAMED: usize = 3;

/// The first few of many, for a command that is shown and that is for some of them as good as for all.
pub(super) fn first(names: &[String]) -> String {
    names[..names.len().min(NAMED)].join(" ")
}

/// Those tenants for a command that is shown: by their slugs, or with all others where they are many.
pub(super) fn chosen(slugs: &[String]) -> String {
    match slugs.len() {
        1..=NAMED => slugs.join(" "),
        _ => "--all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_few_tenants() {
        let slugs = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(first(&slugs), "a b c");
        assert_eq!(first(&slugs[..1]), "a");
        assert_eq!(chosen(&slugs[..3]), "a b c");
        assert_eq!(chosen(&slugs), "--all");
        assert_eq!(chosen(&[]), "--all");
    }

    #[test]
    fn long_statements_are_cut_and_stand_on_one_line() {
        assert_eq!(excerpt("SELECT 1\n  FROM x"), "SELECT 1 FROM x");
        assert_eq!(excerpt(&"é".repeat(300)).chars().count(), 101);
    }
}
