//! Lengths of time as people write them in a configuration file or a flag.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads `500ms`, `5s`, `2m`, `1h 30m`; `0` is accepted as it needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    if trimmed == "0" {
        return Ok(Duration::ZERO);
    }
    if !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!(
            "duration `{trimmed}` needs a unit, as in `{trimmed}s` or `{trimmed}ms`"
        ));
    }
    let parsed = trimmed.parse::<jiff::SignedDuration>();
    parsed
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{trimmed}` is not a duration; write it as `500ms`, `5s`, `2m` or `1h 30m`"))
}

/// The same where days and weeks may be meant, as in `7d` or `4w`. A day has 24 hours.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    if trimmed.chars().all(|c| c.is_ascii_digit()) {
        return match trimmed {
            "0" => Ok(Duration::ZERO),
            _ => Err(format!(
                "`{trimmed}` needs a unit, as in `{trimmed}d` or `{trimmed}h`"
            )),
        };
    }
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let parsed = trimmed
        .parse::<jiff::Span>()
        .and_then(|span| span.to_duration(days));
    parsed
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{trimmed}` is not a length of time; write it as `12h`, `7d` or `4w`"))
}

/// An age that a configuration file writes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenAge(pub(super) Duration);

impl<'de> Deserialize<'de> for WrittenAge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_age(&text).map(Self).map_err(de::Error::custom)
    }
}

/// A [`Duration`] that a configuration file writes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for WrittenDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_the_right_spelling() {
        let message = parse_duration("5000").expect_err("no unit");
        assert!(message.contains("`5000ms`"), "{message}");
    }

    #[test]
    fn ages_may_be_days_and_weeks_but_no_months() {
        assert_eq!(parse_age("7d"), Ok(Duration::from_hours(7 * 24)));
        assert_eq!(parse_age("4w"), Ok(Duration::from_hours(28 * 24)));
        assert_eq!(parse_age("1d 12h"), Ok(Duration::from_hours(36)));
        assert_eq!(parse_age("0"), Ok(Duration::ZERO));
        assert!(parse_age("7").expect_err("no unit").contains("`7d`"));
        for text in ["", "1mo", "1y", "-7d", "soon"] {
            assert!(parse_age(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn nonsense_and_negative_durations_are_refused() {
        for text in ["", "soon", "-5s", "5 parsecs"] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted");
        }
    }
}
