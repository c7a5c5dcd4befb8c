//! Chance that can be had again.

use std::time::Duration;

/// Numbers that nobody would guess, the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Numbers of this seed. Seeds that are close to each other have nothing in common.
    pub(crate) fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // A state of zero would stay so.
        Self((mixed ^ (mixed >> 31)).max(1))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Whether it is this one of so many.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// A time shorter than this one.
    pub(crate) fn pause(&mut self, most: Duration) -> Duration {
        let micros = u64::try_from(most.as_micros()).expect("less than an age");
        Duration::from_micros(self.below(micros.max(1)))
    }

    /// One of these, unless there is none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let many = u64::try_from(from.len()).expect("not so many");
        let at = usize::try_from(self.below(many.max(1))).expect("not so many");
        from.get(at)
    }
}
