//! The little chance a connection needs: to spread load over hosts, and waits over time. Nothing here is secret.

use std::hash::{BuildHasher, RandomState};

/// A number that differs by process and call. The standard library seeds its hash maps from the system's randomness,
/// which is all that is wanted.
fn number() -> u64 {
    RandomState::new().hash_one(0)
}

/// A number in `0.0..1.0`.
pub(in crate::db) fn fraction() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "32 bits are exact in an f64")]
    let numerator = (number() >> 32) as f64;
    numerator / (f64::from(u32::MAX) + 1.0)
}

pub(super) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the remainder is at most an index"
        )]
        let other = (number() % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut items = [1, 2, 3];
            shuffle(&mut items);
            seen.insert(items);
        }

        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn fractions_are_below_one_and_differ() {
        let fractions: Vec<_> = (0..100).map(|_| fraction()).collect();

        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        assert!(fractions.iter().any(|fraction| *fraction < 0.5));
        assert!(fractions.iter().any(|fraction| *fraction >= 0.5));
    }
}
