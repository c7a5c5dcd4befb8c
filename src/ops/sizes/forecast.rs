//! When a limit will be reached, if things go on as they have gone.

use jiff::{SignedDuration, Timestamp};

use super::history::Point;

/// Fewer moments than this, the present one among them, say nothing of what is to come.
const FEWEST: usize = 3;
/// Nor do moments that lie closer together.
const SHORTEST: SignedDuration = SignedDuration::from_hours(24);
/// Nobody can tell what is further away.
const HORIZON: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// What is to be expected of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    Reached,
    Expected(Timestamp),
    /// Not within ten years.
    NotExpected,
    /// There is too little history.
    Unknown,
}

/// When the limit is reached by the straight line that fits these points best; the last of them is now.
#[expect(clippy::cast_precision_loss, reason = "bytes and seconds far below 2^52")]
pub fn forecast(points: &[Point], limit: u64) -> Forecast {
    let (Some(first), Some(now)) = (points.first(), points.last()) else {
        return Forecast::Unknown;
    };
    if now.bytes >= limit {
        return Forecast::Reached;
    }
    if points.len() < FEWEST || now.at.duration_since(first.at) < SHORTEST {
        return Forecast::Unknown;
    }
    let count = points.len() as f64;
    let seconds = |point: &Point| point.at.duration_since(now.at).as_secs_f64();
    let mean_time = points.iter().map(seconds).sum::<f64>() / count;
    let mean_bytes = points.iter().map(|point| point.bytes as f64).sum::<f64>() / count;
    let together = |point: &Point| (seconds(point) - mean_time) * (point.bytes as f64 - mean_bytes);
    let spread: f64 = points
        .iter()
        .map(|point| (seconds(point) - mean_time).powi(2))
        .sum();
    let slope = points.iter().map(together).sum::<f64>() / spread;
    // From where things are, not from where the line says that they should be.
    let left = (limit - now.bytes) as f64 / slope;
    if slope <= 0.0 || left > HORIZON.as_secs_f64() {
        return Forecast::NotExpected;
    }
    match now.at.checked_add(SignedDuration::from_secs_f64(left)) {
        Ok(at) => Forecast::Expected(at),
        Err(_) => Forecast::NotExpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(bytes: &[u64]) -> Vec<Point> {
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().expect("a time");
        let points = (0..).zip(bytes).map(|(day, bytes)| Point {
            at: start + SignedDuration::from_hours(24 * day),
            bytes: *bytes,
        });
        points.collect()
    }

    #[test]
    fn steady_growth_reaches_the_limit_on_the_day_that_arithmetic_says() {
        let expected = "2026-03-11T00:00:00Z".parse().expect("a time");
        assert_eq!(
            forecast(&daily(&[100, 200, 300, 400]), 1_100),
            Forecast::Expected(expected)
        );
    }

    #[test]
    fn what_is_over_the_limit_has_reached_it_whatever_the_history() {
        assert_eq!(forecast(&daily(&[500]), 500), Forecast::Reached);
    }

    #[test]
    fn what_stays_or_shrinks_or_creeps_is_not_expected() {
        for course in [[300, 300, 300], [300, 200, 100], [300, 300, 301]] {
            assert_eq!(forecast(&daily(&course), 1_000_000), Forecast::NotExpected);
        }
    }

    #[test]
    fn two_moments_or_a_few_hours_say_nothing() {
        assert_eq!(forecast(&daily(&[1, 2]), 10), Forecast::Unknown);
        let mut points = daily(&[1, 2, 3]);
        for (hours, point) in (0..).zip(&mut points) {
            point.at = "2026-03-01T00:00:00Z".parse::<Timestamp>().expect("a time")
                + SignedDuration::from_hours(hours);
        }
        assert_eq!(forecast(&points, 10), Forecast::Unknown);
        assert_eq!(forecast(&[], 10), Forecast::Unknown);
    }
}
