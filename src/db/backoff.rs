//! How long to wait before something is tried again.

use std::time::Duration;

use super::conn::fraction;

const FIRST: Duration = Duration::from_millis(100);

/// The pause after so many rounds of waiting: twice as long each time up to `longest`, and anything from half of that to
/// all, so that those who met once do not meet again.
pub fn pause(round: u32, longest: Duration) -> Duration {
    part_of(round, longest, fraction())
}

fn part_of(round: u32, longest: Duration, chance: f64) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(round)).min(longest);
    full.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let longest = Duration::from_secs(5);
        let whole: Vec<_> = (0..8)
            .map(|round| part_of(round, longest, 1.0).as_millis())
            .collect();
        assert_eq!(whole, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(part_of(0, longest, 0.0), Duration::from_millis(50));
        assert_eq!(part_of(u32::MAX, longest, 1.0), longest);
    }
}
