//! Numbers, times and statements in the words of findings.

/// A number with commas: `1,000`.
pub(super) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 tenant`, `1,000 tenants`.
pub(super) fn counted(number: usize, thing: &str) -> String {
    let plural = match thing.strip_suffix("ex") {
        _ if number == 1 => thing.to_owned(),
        Some(stem) => format!("{stem}exes"),
        None => format!("{thing}s"),
    };
    format!("{} {plural}", grouped(number as u64))
}

/// `tenant` or `tenants` do something: the verb's ending.
pub(super) fn verb<'a>(number: usize, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// Bytes as people read them.
pub(super) fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if amount < 10.0 {
        format!("{amount:.1} {}", UNITS[unit])
    } else {
        format!("{amount:.0} {}", UNITS[unit])
    }
}

/// Seconds as people read them.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// One line of a statement, cut where it is long.
pub(super) fn excerpt(statement: &str) -> String {
    const LENGTH: usize = 100;
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
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
    fn numbers_are_read_at_a_glance() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678_i64), "12,345,678");
        assert_eq!(grouped(-1), "0");
        assert_eq!(counted(1, "tenant"), "1 tenant");
        assert_eq!(counted(1_000, "tenant"), "1,000 tenants");
        assert_eq!(counted(2, "index"), "2 indexes");
        assert_eq!(bytes(20_000), "20 kB");
        assert_eq!(bytes(5_500_000_000), "5.1 GB");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(7_200), "2 h 0 min");
        assert_eq!(span(864_000), "10 days");
    }

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
