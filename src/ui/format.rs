//! Numbers and times as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// `1 tenant`, `3 tenants`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(count(0, "tenant"), "0 tenants");
        assert_eq!(count(1, "tenant"), "1 tenant");
        assert_eq!(count(2, "tenant"), "2 tenants");
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        let shown: Vec<String> = [85, 4_200, 185_000, 7_800_000]
            .map(|ms| duration(Duration::from_millis(ms)))
            .into();
        assert_eq!(shown, ["85 ms", "4.2 s", "3 min 5 s", "2 h 10 min"]);
    }
}
