//! One tenant: taking away what is due in it, batch by batch.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::archive::{Archives, Lines};
use super::pace::Pace;
use super::partitions;
use super::place::{Halt, Intent, Place};
use super::range::{Range, places};
use super::shape::Unit;
use super::statement::{Job, Reach};
use super::survey::Due;
use super::taken::Taken;
use crate::db::{self, Db, Session, TextResult};

/// Blocks without due rows that a batch may go over to make up its number.
const GAP: u64 = 256;
/// How often a table is gone over for rows that were held, or are kept by others that go.
const PASSES: usize = 50;

/// A tenant that is being cleaned.
pub(super) struct Work<'a> {
    pub(super) db: &'a Db,
    pub(super) place: &'a Place<'a>,
    pub(super) session: Session,
    pub(super) pace: &'a Pace<'a>,
    pub(super) archives: Option<Archives<'a>>,
}

/// What is left of a unit's due rows, and why.
#[derive(Debug, Default)]
struct Left {
    /// Rows that others refer to, as the tables' keys say.
    kept: u64,
    /// Rows that others refer to, as only the database knew.
    referenced: u64,
    locked: u64,
    /// Rows whose turn did not come.
    late: u64,
}

/// How a batch went.
enum Batch {
    Took(u64),
    /// A row in it is held or referred to; nothing was done.
    Stuck(Obstacle),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Locked,
    Referenced,
    /// More hangs on the rows than a batch may have.
    Large,
}

impl Work<'_> {
    pub(super) async fn ask(&self, intent: Intent, statements: &str) -> anyhow::Result<Vec<TextResult>> {
        let mut waited = Duration::ZERO;
        loop {
            match self.place.ask(&self.session, intent, statements).await {
                Ok(answers) => return Ok(answers),
                Err(Halt::Locked) => self.place.wait(&self.session, &mut waited).await?,
                Err(Halt::Sql(error)) => return Err(error.into()),
                Err(halt) => return Err(halt.into()),
            }
        }
    }

    /// Takes away what is due in a unit, and adds what came of it.
    pub(super) async fn take(
        &mut self,
        job: &Job<'_>,
        unit: &Unit,
        due: Due,
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        let mut left = Left::default();
        let result = self.take_unit(job, unit, due, taken, &mut left).await;
        taken.kept += left.kept + left.referenced;
        taken.locked += left.locked;
        taken.left += left.late;
        result
    }

    /// The same until nothing is due any more or the time is over.
    async fn take_unit(
        &mut self,
        job: &Job<'_>,
        unit: &Unit,
        due: Due,
        taken: &mut Taken,
        left: &mut Left,
    ) -> anyhow::Result<()> {
        let mut due = due;
        let mut reach = match job.members(unit).is_empty() {
            true => Reach::Untouched,
            false => Reach::All,
        };
        for _ in 0..PASSES {
            let expected = due.rows;
            *left = Left {
                kept: due.kept,
                ..Left::default()
            };
            let gone = self.pass(job, unit, due, reach, taken, left).await?;
            if self.pace.is_over() {
                left.late = expected.saturating_sub(gone + left.referenced);
                return Ok(());
            }
            let may_be_free = gone > 0 && job.may_be_blocked() && left.kept > 0;
            if gone >= expected && !may_be_free {
                return Ok(());
            }
            due = self.survey(job, unit).await?;
            left.kept = due.kept;
            left.referenced = left.referenced.min(due.rows);
            left.locked = due.rows - left.referenced;
            let was_last = gone == 0 && reach == Reach::All;
            reach = Reach::All;
            if due.rows == 0 || was_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Goes over the ranges once and answers how many rows went.
    async fn pass(
        &mut self,
        job: &Job<'_>,
        unit: &Unit,
        due: Due,
        reach: Reach,
        taken: &mut Taken,
        left: &mut Left,
    ) -> anyhow::Result<u64> {
        let mut queue: VecDeque<Range> = due.ranges.into();
        // Parts of a range with an obstacle in it, which are not to be put together again.
        let mut parts: Vec<Range> = Vec::new();
        let mut gone = 0;
        while !(parts.is_empty() && queue.is_empty()) {
            if self.pace.is_over() {
                break;
            }
            let range = match parts.pop() {
                Some(part) => part,
                None => match self.next(job, unit, &mut queue).await? {
                    Some(range) => range,
                    None => continue,
                },
            };
            match self.batch(job, unit, range, reach, taken).await? {
                Batch::Took(rows) => gone += rows,
                Batch::Stuck(obstacle) => match (range.halves(), obstacle) {
                    (Some((first, second)), _) => parts.extend([second, first]),
                    (None, Obstacle::Large) => {
                        if self.drain(job, unit, range, taken).await? {
                            parts.push(range);
                        }
                    }
                    (None, Obstacle::Referenced) => left.referenced += 1,
                    (None, Obstacle::Locked) => {}
                },
            }
            self.pace.rest(&self.session).await;
        }
        Ok(gone)
    }

    /// The next rows to take: several stretches where they are few, a part of one where they are many.
    async fn next(
        &self,
        job: &Job<'_>,
        unit: &Unit,
        queue: &mut VecDeque<Range>,
    ) -> anyhow::Result<Option<Range>> {
        let wanted = self.pace.rows(job.rule.name(), job.rule.settings.batch_size);
        let Some(mut range) = queue.pop_front() else {
            return Ok(None);
        };
        if range.rows > wanted + wanted / 4 {
            let places = places(range.from.block(), range.to.block());
            // Where in a long stretch its rows are has to be seen; in a short one a share of it will do.
            if places.len() > 2 && range.to.block() - range.from.block() > 16 {
                let found = self.look(job, unit, &places).await?;
                for part in found.ranges.into_iter().rev() {
                    queue.push_front(part);
                }
                return Ok(None);
            }
            if let Some((first, second)) = range.split(wanted) {
                queue.push_front(second);
                return Ok(Some(first));
            }
        }
        while let Some(following) = queue.front() {
            let is_near = following.from.block().saturating_sub(range.to.block()) <= GAP;
            if !is_near || range.rows + following.rows > wanted {
                break;
            }
            range = Range {
                from: range.from,
                to: following.to,
                rows: range.rows + following.rows,
            };
            queue.pop_front();
        }
        Ok(Some(range))
    }

    /// Takes the due rows of a range in one transaction.
    async fn batch(
        &mut self,
        job: &Job<'_>,
        unit: &Unit,
        range: Range,
        reach: Reach,
        taken: &mut Taken,
    ) -> anyhow::Result<Batch> {
        let may_be_less = job.may_drain() || range.halves().is_some();
        if !job.members(unit).is_empty() && may_be_less {
            let limit = self.pace.most(job.rule.settings.batch_size);
            let counted = self
                .ask(Intent::Look, &job.count_family(unit, range, limit))
                .await?;
            if number(counted.last(), 0, 0) > limit {
                self.pace.shrink(job.rule.name(), range.rows / 2);
                return Ok(Batch::Stuck(Obstacle::Large));
            }
        }
        let started = Instant::now();
        let mut statements = format!("{}{}", job.hold(unit, range), job.take(unit, range, reach));
        if !job.tells_of_rows() && taken.bytes_a_row.is_none() {
            statements = format!("{}; {statements}", job.sample(unit, range));
        }
        let answers = match self.change(job, &statements).await? {
            Ok(answers) => answers,
            Err(obstacle) => return Ok(Batch::Stuck(obstacle)),
        };
        let own = match answers.as_slice() {
            [.., answer] if job.tells_of_rows() => taken.add(job, answer),
            [sample, answer] => {
                taken.bytes_a_row = Some(number(Some(sample), 0, 0)).filter(|_| answer.affected > 0);
                taken.add_own(answer.affected)
            }
            answers => taken.add_own(answers.last().map_or(0, |answer| answer.affected)),
        };
        // By the rows it could have had, as the next one is measured out by those.
        self.pace
            .learn(job.rule.name(), own.max(range.rows), started.elapsed());
        taken.batches += 1;
        Ok(Batch::Took(own))
    }

    /// Takes what hangs on a row that has more of it than a batch may have. Says whether that helped.
    async fn drain(
        &mut self,
        job: &Job<'_>,
        unit: &Unit,
        range: Range,
        taken: &mut Taken,
    ) -> anyhow::Result<bool> {
        let mut helped = false;
        // Children come after their parents in a family, so the last are those on which nothing hangs.
        for member in (0..job.members(unit).len()).rev() {
            let rows_of = format!("{}/{}", job.rule.name(), job.family.members[member].table.name);
            loop {
                if self.pace.is_over() {
                    return Ok(true);
                }
                let limit = self.pace.rows(&rows_of, job.rule.settings.batch_size);
                let started = Instant::now();
                let Ok(answers) = self.change(job, &job.drain(unit, range, member, limit)).await? else {
                    break;
                };
                let before = taken.all_rows();
                for answer in &answers {
                    taken.add(job, answer);
                }
                let gone = taken.all_rows() - before;
                if gone == 0 {
                    break;
                }
                helped = true;
                taken.batches += 1;
                self.pace.learn(&rows_of, gone, started.elapsed());
                self.pace.rest(&self.session).await;
            }
        }
        Ok(helped)
    }

    /// Changes rows in one transaction, with the archive before its end where there is one.
    async fn change(
        &mut self,
        job: &Job<'_>,
        statement: &str,
    ) -> anyhow::Result<Result<Vec<TextResult>, Obstacle>> {
        let mut waited = Duration::ZERO;
        loop {
            let made = match &mut self.archives {
                Some(archives) if job.rule.archives() => {
                    archived(self.db, self.place, &mut self.session, archives, job, statement).await
                }
                _ => {
                    let asked = self.place.ask(&self.session, Intent::Change, statement).await;
                    asked.map_err(anyhow::Error::new)
                }
            };
            let error = match made {
                Ok(answers) => return Ok(Ok(answers)),
                Err(error) => error,
            };
            match error.downcast_ref::<Halt>() {
                Some(Halt::Locked) => self.place.wait(&self.session, &mut waited).await?,
                Some(Halt::Sql(cause)) => match obstacle(cause) {
                    Some(obstacle) => return Ok(Err(obstacle)),
                    None => return Err(cause.clone().into()),
                },
                _ => return Err(error),
            }
        }
    }

    /// Takes partitions away that are older as a whole; answers with those units that are left.
    pub(super) async fn whole_partitions<'u>(
        &mut self,
        job: &Job<'_>,
        units: Vec<(&'u Unit, Due)>,
        taken: &mut Taken,
    ) -> anyhow::Result<Vec<(&'u Unit, Due)>> {
        let mut left = Vec::new();
        let mut dropped: BTreeMap<String, bool> = BTreeMap::new();
        for (unit, due) in units {
            let Some(top) = partitions::whole(job, unit) else {
                left.push((unit, due));
                continue;
            };
            if !dropped.contains_key(top) {
                let over = match self.pace.is_over() {
                    true => None,
                    false => partitions::is_over(self, job, unit).await?,
                };
                let gone = match over {
                    Some(over) => partitions::remove(self, job, top, over, taken).await?,
                    None => false,
                };
                dropped.insert(top.to_owned(), gone);
            }
            if !dropped[top] {
                left.push((unit, due));
            }
        }
        Ok(left)
    }

    /// Sends a message that changes something; answers with nothing where somebody holds what it needs.
    pub(super) async fn try_change(&self, statements: &str) -> anyhow::Result<Option<Vec<TextResult>>> {
        match self.place.ask(&self.session, Intent::Change, statements).await {
            Ok(answers) => Ok(Some(answers)),
            Err(Halt::Locked) => Ok(None),
            Err(Halt::Sql(error)) if error.is_transient() => Ok(None),
            Err(Halt::Sql(error)) => Err(error.into()),
            Err(halt) => Err(halt.into()),
        }
    }

    /// Asks something that changes nothing.
    pub(super) async fn look_up(&self, statements: &str) -> anyhow::Result<Vec<TextResult>> {
        self.ask(Intent::Look, statements).await
    }
}

/// Takes rows, writes them to their files and commits once they are on disk.
async fn archived(
    db: &Db,
    place: &Place<'_>,
    session: &mut Session,
    archives: &mut Archives<'_>,
    job: &Job<'_>,
    statement: &str,
) -> anyhow::Result<Vec<TextResult>> {
    let (transaction, answers) = place.begin(session, statement).await?;
    let mut lines: BTreeMap<usize, Lines> = BTreeMap::new();
    for row in answers.iter().flat_map(|answer| &answer.rows) {
        let (Some(Some(which)), Some(Some(line))) = (row.first(), row.get(3)) else {
            continue;
        };
        let lines = lines.entry(which.parse()?).or_default();
        // Written by `row_to_json`, which breaks no lines of its own outside of strings.
        lines.text.extend([line.as_str(), "\n"]);
        lines.rows += 1;
    }
    let mut by_table: BTreeMap<String, Lines> = BTreeMap::new();
    for (which, more) in lines {
        let lines = by_table
            .entry(Taken::table_of(job, which).to_owned())
            .or_default();
        lines.text.push_str(&more.text);
        lines.rows += more.rows;
    }
    let written: anyhow::Result<_> = async {
        let added = archives
            .add_in_tx(db, &transaction, by_table.into_iter().collect())
            .await?;
        archives.record_in_tx(&transaction, &added).await?;
        Ok(added)
    }
    .await;
    let added = match written {
        Ok(added) => added,
        Err(error) => return transaction.end(Err(error)).await,
    };
    // A key may be looked at only now.
    transaction.commit().await.map_err(Halt::Sql)?;
    archives.committed(&added);
    Ok(answers)
}

/// What keeps a row from going where an error says so.
fn obstacle(error: &db::Error) -> Option<Obstacle> {
    match error.sqlstate() {
        Some("55P03" | "40P01") => Some(Obstacle::Locked),
        Some("23503" | "23001") => Some(Obstacle::Referenced),
        _ => None,
    }
}

/// A number of an answer.
pub(super) fn number(answer: Option<&TextResult>, row: usize, column: usize) -> u64 {
    answer
        .and_then(|answer| answer.rows.get(row)?.get(column)?.as_deref()?.parse::<f64>().ok())
        .map_or(0, |number| number.max(0.0) as u64)
}
