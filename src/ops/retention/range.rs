//! Stretches of a table, by the places of its rows.

use std::fmt;

/// Blocks that one look at a table goes over, unless an index leads to the due rows.
pub(super) const BLOCKS_A_LOOK: u64 = 8192;
/// The most parts that a look tells apart.
const PARTS: u64 = 512;
/// More rows than this no block has.
const SLOTS: u64 = 2048;
/// And blocks of the usual size no more than these.
const FILLED: u64 = 292;

/// A place in a table: a block, and a row in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tid(u64);

/// Rows from one place to before another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) from: Tid,
    pub(super) to: Tid,
    /// How many of them are due.
    pub(super) rows: u64,
}

impl Tid {
    pub(super) fn of_block(block: u64) -> Self {
        Self(block * SLOTS)
    }

    pub(super) fn block(self) -> u64 {
        self.0 / SLOTS
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.0 / SLOTS, self.0 % SLOTS)
    }
}

impl Range {
    /// Both halves of it by place; none where there is but one place.
    pub(super) fn halves(self) -> Option<(Self, Self)> {
        let (from, to) = (self.from.0, self.to.0);
        if to - from < 2 {
            return None;
        }
        let block = (from / SLOTS + to / SLOTS).div_ceil(2) * SLOTS;
        let middle = if block > from && block < to {
            block
        } else {
            from + (to - from) / 2
        };
        Some(self.cut(middle, self.rows / 2))
    }

    /// Both parts of it, the first with this many of its rows or so, as if they were spread evenly.
    pub(super) fn split(self, wanted: u64) -> Option<(Self, Self)> {
        let (from, to) = (self.from.0, self.to.0);
        let share = (wanted as f64 / self.rows.max(1) as f64).clamp(0.0, 1.0);
        let blocks = to.div_ceil(SLOTS) - from / SLOTS;
        if blocks > 1 {
            let whole = ((blocks as f64 * share) as u64).clamp(1, blocks - 1);
            let rows = (self.rows as f64 * whole as f64 / blocks as f64) as u64;
            return Some(self.cut((from / SLOTS + whole) * SLOTS, rows));
        }
        let used = to.min(from / SLOTS * SLOTS + FILLED);
        if used < from + 2 {
            return self.halves();
        }
        let middle = from + (((used - from) as f64 * share) as u64).clamp(1, used - from - 1);
        Some(self.cut(middle, wanted.min(self.rows)))
    }

    fn cut(self, middle: u64, rows: u64) -> (Self, Self) {
        let middle = Tid(middle);
        (
            Self {
                to: middle,
                rows,
                ..self
            },
            Self {
                from: middle,
                rows: self.rows - rows,
                ..self
            },
        )
    }

    pub(super) fn condition(self, alias: &str) -> String {
        format!("{alias}.ctid >= '{}' AND {alias}.ctid < '{}'", self.from, self.to)
    }
}

/// Ranges over these blocks, as if they had equal shares of the rows.
pub(super) fn evenly(first: u64, end: u64, rows: u64) -> Vec<Range> {
    let places = places(first, end);
    let blocks = u128::from(end.saturating_sub(first).max(1));
    let before = |place: Tid| (u128::from(rows) * u128::from(place.block() - first) / blocks) as u64;
    places
        .windows(2)
        .map(|pair| Range {
            from: pair[0],
            to: pair[1],
            rows: before(pair[1]) - before(pair[0]),
        })
        .collect()
}

/// Places that part these blocks, their beginning and their end among them.
pub(super) fn places(from: u64, to: u64) -> Vec<Tid> {
    let blocks = to.saturating_sub(from);
    let step = blocks.div_ceil(PARTS).max(1);
    // Small tables are told apart no finer than is of use.
    let step = if blocks <= BLOCKS_A_LOOK {
        step.max(4.min(blocks.max(1)))
    } else {
        step
    };
    let mut places: Vec<Tid> = (0..)
        .map(|number| from + number * step)
        .take_while(|block| *block < to)
        .map(Tid::of_block)
        .collect();
    places.push(Tid::of_block(to));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_over_blocks_have_all_of_them_and_all_rows() {
        for (first, end, rows) in [(0, 1, 7), (3, 90, 10_049), (0, 100_000, 5)] {
            let ranges = evenly(first, end, rows);
            assert_eq!(ranges[0].from, Tid::of_block(first));
            assert_eq!(ranges[ranges.len() - 1].to, Tid::of_block(end));
            assert!(ranges.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert_eq!(ranges.iter().map(|range| range.rows).sum::<u64>(), rows);
        }
    }

    #[test]
    fn a_range_is_split_down_to_a_single_row() {
        let mut range = Range {
            from: Tid::of_block(0),
            to: Tid::of_block(64),
            rows: 4000,
        };
        let (first, second) = range.split(1000).expect("two parts");
        assert_eq!(
            (first.to.to_string().as_str(), first.rows, second.rows),
            ("(16,0)", 1000, 3000)
        );
        let mut steps = 0;
        while let Some((first, second)) = range.halves() {
            assert!(first.to > first.from && second.to > second.from);
            range = if steps % 2 == 0 { first } else { second };
            steps += 1;
        }
        assert_eq!(range.to.0 - range.from.0, 1);
        assert!(steps < 24, "{steps}");
        let block = Range {
            from: Tid::of_block(3),
            to: Tid::of_block(4),
            rows: 150,
        };
        let (first, _) = block.split(50).expect("two parts");
        assert_eq!((first.to.to_string().as_str(), first.rows), ("(3,97)", 50));
    }
}
