//! Numbers, times and names as people read them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

/// `1 tenant`, `1,000 tenants`.
pub(crate) fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = grouped(number);
    match thing.strip_suffix("ex") {
        _ if number == "1" => format!("1 {thing}"),
        Some(stem) => format!("{number} {stem}exes"),
        None => format!("{number} {thing}s"),
    }
}

/// A number with commas: `1,000`.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The known name that a misspelt one most likely stands for.
pub(crate) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), *name));
    scored
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .map(|(_, name)| name)
}

/// A few of many names, and how many more there are.
pub(crate) fn few(names: &[String], most: usize) -> String {
    match names.get(..most) {
        Some(shown) if names.len() > most => format!("{} and {} more", shown.join(", "), names.len() - most),
        _ => names.join(", "),
    }
}

/// A text as long as it may be, and where there is more of it a sign of that.
pub(crate) fn cut(text: &str, length: usize) -> Cow<'_, str> {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// Bytes as people write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A length of time as programs get it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment to the minute, in UTC.
pub(crate) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A length of time in its two largest units at most: `85 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=59 => format!("{:.1} s", duration.as_secs_f64()),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// An age in whole units: `59 s`, `5 min`, `2 h 0 min`, `10 days`.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Bytes in PostgreSQL's units of 1024: `640 B`, `8.0 kB`, `128 MB`, `3.4 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// The same with a sign.
pub(crate) fn change(change: i64) -> String {
    let sign = match change.signum() {
        0 => "",
        1 => "+",
        _ => "-",
    };
    format!("{sign}{}", bytes(change.unsigned_abs()))
}

/// A count that nobody takes literally: `870`, `8.7 k`, `87 M`.
pub(crate) fn about(count: u64) -> String {
    scaled(count, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
        .trim_end()
        .to_owned()
}

/// A part of a whole: `71 %`, `0.4 %`.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent == 0.0 || percent >= 9.95 => format!("{percent:.0} %"),
        _ if percent < 0.1 => "<0.1 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

/// A day, in UTC.
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "two or three digits are shown")]
fn scaled(number: u64, step: f64, units: &[&str]) -> String {
    let mut scaled = number as f64;
    let mut unit = 0;
    // What would be rounded up to the next unit belongs there.
    while scaled >= step - 0.5 && unit + 1 < units.len() {
        scaled /= step;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && scaled < 9.95);
    format!("{scaled:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_names_are_followed_by_how_many_more_there_are() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(few(&names, 3), "a, b, c");
        assert_eq!(few(&names, 2), "a, b and 1 more");
        assert_eq!(few(&[], 2), "");
    }

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(count(0, "tenant"), "0 tenants");
        assert_eq!(count(1, "tenant"), "1 tenant");
        assert_eq!(count(1_000, "tenant"), "1,000 tenants");
        assert_eq!(count(2, "index"), "2 indexes");
    }

    #[test]
    fn long_numbers_have_commas() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678_i64), "12,345,678");
        assert_eq!(grouped(-1), "0");
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("acem", &["acme", "globex", "acme-eu"]), Some("acme"));
        assert_eq!(nearest("initech", &["acme", "globex", "acme-eu"]), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn bytes_and_counts_have_few_digits_and_never_a_thousand_of_a_unit() {
        let shown: Vec<String> = [
            0,
            1023,
            1024,
            8192,
            10_189,
            10_190,
            1_048_575,
            3_650_722_202,
            u64::MAX,
        ]
        .map(bytes)
        .into();
        assert_eq!(
            shown,
            [
                "0 B", "1023 B", "1.0 kB", "8.0 kB", "10 kB", "10 kB", "1.0 MB", "3.4 GB", "16 EB"
            ]
        );
        let shown: Vec<String> = [0, 999, 1000, 8_700, 87_000_000].map(about).into();
        assert_eq!(shown, ["0", "999", "1.0 k", "8.7 k", "87 M"]);
        let shown: Vec<String> = [0, 1024, -1024].map(change).into();
        assert_eq!(shown, ["0 B", "+1.0 kB", "-1.0 kB"]);
        let shown: Vec<String> = [0.0, 0.0004, 0.004, 0.0996, 0.71, 1.0].map(share).into();
        assert_eq!(shown, ["0 %", "<0.1 %", "0.4 %", "10 %", "71 %", "100 %"]);
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        let shown: Vec<String> = [85, 4_200, 185_000, 7_800_000]
            .map(|ms| duration(Duration::from_millis(ms)))
            .into();
        assert_eq!(shown, ["85 ms", "4.2 s", "3 min 5 s", "2 h 10 min"]);
        let shown: Vec<String> = [59, 300, 7_200, 864_000].map(span).into();
        assert_eq!(shown, ["59 s", "5 min", "2 h 0 min", "10 days"]);
    }
}
