//! What partitions hold, as far as their texts tell.

use std::cmp::Ordering;
use std::collections::HashSet;

/// Whether two partitions of one table cannot hold the same rows. Where the texts leave it open, they may.
pub(super) fn are_apart(one: &str, other: &str) -> bool {
    match (Bounds::of(one), Bounds::of(other)) {
        (Bounds::Default, Bounds::Default) => false,
        (Bounds::Default, _) | (_, Bounds::Default) => true,
        (Bounds::List(one), Bounds::List(other)) => one.is_disjoint(&other),
        (Bounds::Range(from, to), Bounds::Range(other_from, other_to)) => {
            is_behind(&other_from, &to) || is_behind(&from, &other_to)
        }
        // The same number of remainders, and not the same of them.
        (Bounds::Hash(one), Bounds::Hash(other)) => {
            one.split_once(',').map(|(modulus, _)| modulus)
                == other.split_once(',').map(|(modulus, _)| modulus)
                && one != other
        }
        _ => false,
    }
}

enum Bounds<'a> {
    Default,
    List(HashSet<&'a str>),
    Range(Vec<&'a str>, Vec<&'a str>),
    Hash(&'a str),
    Unknown,
}

impl<'a> Bounds<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim();
        if text == "DEFAULT" {
            return Self::Default;
        }
        let values = text.strip_prefix("FOR VALUES ").unwrap_or_default();
        let inside = |text: &'a str, word: &str| text.strip_prefix(word)?.strip_suffix(')');
        if let Some(list) = inside(values, "IN (") {
            return Self::List(list.split(", ").collect());
        }
        if let Some(hash) = inside(values, "WITH (") {
            return Self::Hash(hash);
        }
        match inside(values, "FROM (").and_then(|range| range.split_once(") TO (")) {
            Some((from, to)) => Self::Range(from.split(", ").collect(), to.split(", ").collect()),
            None => Self::Unknown,
        }
    }
}

/// Whether a range that begins here begins where the other is over.
fn is_behind(from: &[&str], to: &[&str]) -> bool {
    for (from, to) in from.iter().zip(to) {
        match compared(from, to) {
            Some(Ordering::Equal) => {}
            order => return order == Some(Ordering::Greater),
        }
    }
    true
}

fn compared(one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    match (one, other) {
        ("MINVALUE", _) | (_, "MAXVALUE") => return Some(Ordering::Less),
        ("MAXVALUE", _) | (_, "MINVALUE") => return Some(Ordering::Greater),
        _ => {}
    }
    let [one, other] = [one, other].map(|value| value.trim_matches('\''));
    if let (Ok(one), Ok(other)) = (one.parse::<i128>(), other.parse::<i128>()) {
        return Some(one.cmp(&other));
    }
    // Days and times of the same form.
    let is_time = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "-:+. ".contains(c));
    (one.len() == other.len() && one.len() >= 10 && is_time(one) && is_time(other)).then(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::are_apart;

    #[test]
    fn partitions_are_apart_only_where_their_texts_say_so() {
        for (one, other, apart) in [
            (
                "FROM ('2024-01-01') TO ('2025-01-01')",
                "FROM ('2025-01-01') TO ('2026-01-01')",
                true,
            ),
            (
                "FROM ('2024-01-01') TO ('2025-01-01')",
                "FROM ('2024-06-01') TO (MAXVALUE)",
                false,
            ),
            (
                "FROM ('2024-01-01') TO ('2025-01-01')",
                "FROM (MINVALUE) TO ('2024-01-01')",
                true,
            ),
            ("FROM (1) TO (10)", "FROM (10) TO (100)", true),
            ("FROM ('-5') TO (10)", "FROM (9) TO (100)", false),
            ("FROM (1, 5) TO (1, 9)", "FROM (1, 9) TO (2, 0)", true),
            ("FROM (1, 5) TO (1, 9)", "FROM (1, 8) TO (2, 0)", false),
            ("FROM ('a') TO ('b')", "FROM ('b') TO ('c')", true),
            ("FROM ('a') TO ('b')", "FROM ('C') TO ('D')", false),
            ("IN ('a', 'b')", "IN ('c')", true),
            ("IN ('a', 'b')", "IN ('b', 'c')", false),
            (
                "WITH (modulus 4, remainder 0)",
                "WITH (modulus 4, remainder 1)",
                true,
            ),
            (
                "WITH (modulus 4, remainder 0)",
                "WITH (modulus 8, remainder 4)",
                false,
            ),
        ] {
            let [first, second] = [one, other].map(|text| format!("FOR VALUES {text}"));
            assert_eq!(are_apart(&first, &second), apart, "{one} and {other}");
            assert_eq!(are_apart(&second, &first), apart, "{other} and {one}");
        }
        assert!(are_apart("DEFAULT", "FOR VALUES IN (1)"));
        assert!(!are_apart("DEFAULT", "DEFAULT"));
    }
}
