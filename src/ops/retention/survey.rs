//! What is due in a tenant, and where: counted in small tables, looked for stretch by stretch in large ones.

use super::place::Intent;
use super::range::{BLOCKS_A_LOOK, Range, Tid, evenly, places};
use super::shape::Unit;
use super::statement::Job;
use super::work::{Work, number};
use crate::db::TextResult;

/// Tables of up to this many blocks are counted; of larger ones the server's estimate is good enough.
const COUNTED_BLOCKS: u64 = 1024;
/// With this many due rows a block all blocks are gone over.
const DENSE: u64 = 2;

/// What is due in one unit of a table.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Where they are. Where that is not known, each range has as many as it can hold.
    pub(super) ranges: Vec<Range>,
    pub(super) rows: u64,
    pub(super) kept: u64,
}

impl Work<'_> {
    /// The rows of units, exactly where that is quick to tell.
    pub(super) async fn total<'u>(&self, units: impl IntoIterator<Item = &'u Unit>) -> anyhow::Result<f64> {
        let is_estimated = |unit: &&Unit| unit.rows >= 0.0 && unit.blocks > COUNTED_BLOCKS;
        let (estimated, counted): (Vec<&Unit>, Vec<&Unit>) = units.into_iter().partition(is_estimated);
        let mut total: f64 = estimated.iter().map(|unit| unit.rows).sum();
        let counts: Vec<String> = counted.into_iter().map(Job::total).collect();
        if !counts.is_empty() {
            let answers = self.ask(Intent::Look, &counts.join("; ")).await?;
            total += answers
                .iter()
                .map(|answer| number(Some(answer), 0, 0) as f64)
                .sum::<f64>();
        }
        Ok(total)
    }

    /// Where the due rows of each unit are. Most tenants have few of them in small tables: those are counted in as few
    /// messages as may be, the first of which may have another statement before it.
    pub(super) async fn survey_all(
        &self,
        mut first: Option<String>,
        places: &[(&Job<'_>, &Unit)],
    ) -> anyhow::Result<Vec<Due>> {
        let mut surveyed = Vec::new();
        let mut rest = places;
        while !rest.is_empty() || first.is_some() {
            let mut blocks = 0;
            let fits = |(_, unit): &&(&Job<'_>, &Unit)| {
                blocks += unit.blocks;
                blocks <= BLOCKS_A_LOOK
            };
            let (small, others) = rest.split_at(rest.iter().take_while(fits).count());
            let counts = small.iter().map(|(job, unit)| job.count(unit));
            let intent = match first {
                Some(_) => Intent::Change,
                None => Intent::Look,
            };
            let statements: Vec<String> = first.take().into_iter().chain(counts).collect();
            if !statements.is_empty() {
                let mut answers = self.ask(intent, &statements.join(";\n")).await?;
                let counted = answers.split_off(answers.len().saturating_sub(small.len()));
                for ((job, unit), answer) in small.iter().zip(&counted) {
                    surveyed.push(match found(unit, answer) {
                        Some(due) => due,
                        None => self.look_through(job, unit).await?,
                    });
                }
            }
            rest = others;
            if let ([(job, unit), others @ ..], true) = (rest, small.is_empty()) {
                surveyed.push(self.look_through(job, unit).await?);
                rest = others;
            }
        }
        Ok(surveyed)
    }

    /// Where the due rows of a table are.
    pub(super) async fn survey_table<'u>(&self, job: &Job<'u>) -> anyhow::Result<Vec<(&'u Unit, Due)>> {
        let units = &job.table.units;
        let places: Vec<_> = units.iter().map(|unit| (job, unit)).collect();
        let surveyed = self.survey_all(None, &places).await?;
        Ok(units.iter().zip(surveyed).collect())
    }

    /// Where the due rows of a unit are.
    pub(super) async fn survey(&self, job: &Job<'_>, unit: &Unit) -> anyhow::Result<Due> {
        let surveyed = self.survey_all(None, &[(job, unit)]).await?;
        Ok(surveyed.into_iter().next().unwrap_or_default())
    }

    /// The same stretch by stretch, until the time is over: then nothing is taken any more either.
    async fn look_through(&self, job: &Job<'_>, unit: &Unit) -> anyhow::Result<Due> {
        let mut due = Due::default();
        let step = if job.is_indexed { u64::MAX } else { BLOCKS_A_LOOK };
        let mut from = 0;
        while from < unit.blocks && !self.pace.is_over() {
            let to = unit.blocks.min(from.saturating_add(step));
            let found = self.look(job, unit, &places(from, to)).await?;
            due.kept += found.kept;
            due.rows += found.rows;
            due.ranges.extend(found.ranges);
            from = to;
        }
        Ok(due)
    }

    pub(super) async fn look(&self, job: &Job<'_>, unit: &Unit, places: &[Tid]) -> anyhow::Result<Due> {
        let answers = self.ask(Intent::Look, &job.survey(unit, places)).await?;
        let mut due = Due::default();
        let lines = answers.last().map_or(0, |answer| answer.rows.len());
        for line in 0..lines {
            let bucket = usize::try_from(number(answers.last(), line, 0)).unwrap_or(usize::MAX);
            let rows = number(answers.last(), line, 1);
            due.kept += number(answers.last(), line, 2);
            // Beyond the last place are rows that came after the table was measured.
            if let (Some(from), Some(to), true) = (
                bucket.checked_sub(1).and_then(|at| places.get(at)),
                places.get(bucket),
                rows > 0,
            ) {
                due.rows += rows;
                due.ranges.push(Range {
                    from: *from,
                    to: *to,
                    rows,
                });
            }
        }
        Ok(due)
    }
}

/// Where the due rows of a small unit are, by how many there are and the first and the last of them; nothing where that
/// does not tell.
fn found(unit: &Unit, counted: &TextResult) -> Option<Due> {
    let counted = Some(counted);
    let mut due = Due {
        rows: number(counted, 0, 0),
        kept: number(counted, 0, 1),
        ranges: Vec::new(),
    };
    if due.rows > 0 {
        let first = block(counted, 2).unwrap_or(0);
        let end = block(counted, 3).map_or(unit.blocks, |last| last + 1);
        // Where most blocks have some, it takes no look to know where they are.
        if due.rows < (end - first) * DENSE {
            return None;
        }
        let share = (end - first) as f64 / unit.blocks.max(1) as f64;
        due.ranges = evenly(first, end, due.rows.max((unit.rows * share).max(0.0) as u64));
    }
    Some(due)
}

/// The block of a row's place in the first line of an answer.
fn block(answer: Option<&TextResult>, column: usize) -> Option<u64> {
    let place = answer?.value(column)?;
    place.trim_start_matches('(').split_once(',')?.0.parse().ok()
}
