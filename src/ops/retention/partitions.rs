//! Partitions that are older than the cut-off as a whole: they are detached and dropped, which reads none of their rows.

use std::time::Duration;

use super::place::{Halt, Intent};
use super::policy::literal;
use super::range::BLOCKS_A_LOOK;
use super::shape::Unit;
use super::statement::Job;
use super::taken::{Amount, Taken};
use super::work::{Work, number};
use crate::config::PolicyAction;
use crate::db::{QuotedIdent, QuotedText};

/// How often the locks for it are asked for, each time no longer than a batch waits. Without them the rows go in batches.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// That something in the database needs what is to be dropped.
const NEEDED: &str = "2BP01";
/// A division by zero, by which the look for rows that stay ends the transaction where there is one.
const FOUND: &str = "22012";

/// Why all rows of a partition are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// By its bounds alone.
    Bounded,
    /// It has no beginning, so it may hold rows with `-infinity`, which are never due. Now it holds none.
    WithoutBeginning,
}

/// The partition that would go with this unit: only where all of its rows are due by the partition's bounds alone.
pub(super) fn whole<'u>(job: &Job<'_>, unit: &'u Unit) -> Option<&'u str> {
    let settings = &job.rule.settings;
    let is_plain = settings.action == PolicyAction::Delete && settings.condition.is_none();
    // Who looks at rows that are deleted, or keeps some, is told of none of those in a partition that is dropped.
    let is_watched = job.table.watches_deletes || job.table.may_keep_rows;
    let is_by_key = job.table.range_key.as_deref() == Some(settings.column.as_str());
    if !is_plain || !is_by_key || is_watched || job.may_be_blocked() || job.is_referenced {
        return None;
    }
    unit.top_name.as_deref().filter(|_| unit.has_end)
}

/// Whether the partition's range ends before the cut-off, with no row in it that stays.
pub(super) async fn is_over(work: &Work<'_>, job: &Job<'_>, unit: &Unit) -> anyhow::Result<Option<Over>> {
    let Some(top) = unit.top_name.as_deref() else {
        return Ok(None);
    };
    let Some(cut_off) = literal(&job.column_type, job.cut_off) else {
        return Ok(None);
    };
    let (text, kind) = (QuotedText::new(top), &job.column_type);
    // Other styles name zones by words that mean something else elsewhere.
    let question = format!(
        "SET LOCAL datestyle = iso; \
         SELECT coalesce(ends::{kind} <= {cut_off}, false)::int, coalesce(begins::{kind} > '-infinity', false)::int \
         FROM (SELECT substring(bound FROM 'FROM \\(''([^'']*)''\\) TO') AS begins, \
                      substring(bound FROM 'TO \\(''([^'']*)''\\)$') AS ends \
               FROM (SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class WHERE oid = to_regclass({text})) AS found) \
             AS range"
    );
    let answers = work.look_up(&question).await?;
    let says = |column| number(answers.last(), 0, column) == 1;
    if !says(0) {
        return Ok(None);
    }
    if says(1) {
        return Ok(Some(Over::Bounded));
    }
    // Who writes to it waits while the look is repeated, so that has to be quick.
    let blocks: u64 = below(job, top).map(|unit| unit.blocks).sum();
    if !job.is_indexed && blocks > BLOCKS_A_LOOK {
        return Ok(None);
    }
    let question = format!("SELECT ({})::int", has_none_that_stays(job, top));
    let answers = work.look_up(&question).await?;
    Ok((number(answers.last(), 0, 0) == 1).then_some(Over::WithoutBeginning))
}

/// That no row of a partition has been there for ever.
fn has_none_that_stays(job: &Job<'_>, top: &str) -> String {
    let column = QuotedIdent::new(&job.rule.settings.column);
    format!("NOT EXISTS (SELECT FROM {top} WHERE {column} = '-infinity')")
}

/// What holds the rows of a partition.
fn below<'u>(job: &Job<'u>, top: &str) -> impl Iterator<Item = &'u Unit> {
    let is_below = move |unit: &&Unit| unit.top_name.as_deref() == Some(top);
    job.table.units.iter().filter(is_below)
}

/// Removes a partition with all below it. Says whether it is gone.
pub(super) async fn remove(
    work: &Work<'_>,
    job: &Job<'_>,
    top: &str,
    over: Over,
    taken: &mut Taken,
) -> anyhow::Result<bool> {
    let mut amount = Amount::default();
    for unit in below(job, top) {
        amount.rows += work.total([unit]).await? as u64;
    }
    let text = QuotedText::new(top);
    let size = format!(
        "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree({text}) WHERE isleaf"
    );
    let answers = work.look_up(&size).await?;
    amount.bytes = number(answers.last(), 0, 0);
    let mut statements = match over {
        Over::Bounded => String::new(),
        Over::WithoutBeginning => format!(
            "LOCK TABLE {top} IN SHARE MODE; SELECT 1 / ({})::int; ",
            has_none_that_stays(job, top)
        ),
    };
    statements.push_str(&format!(
        "ALTER TABLE {} DETACH PARTITION {top}; DROP TABLE {top}",
        job.table.full_name
    ));
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let error = match work.place.ask(&work.session, Intent::Change, &statements).await {
            Ok(_) => {
                taken.own += amount;
                taken.partitions.push(top.to_owned());
                return Ok(true);
            }
            Err(Halt::Locked) => continue,
            Err(Halt::Sql(error)) => error,
            Err(halt) => return Err(halt.into()),
        };
        match error.sqlstate() {
            Some(NEEDED) if amount.rows > 0 => {
                tracing::warn!("partition {top} stays, and its rows go in batches: {error}");
                return Ok(false);
            }
            // One that was emptied on another day is nobody's concern.
            Some(NEEDED | FOUND) => {
                tracing::info!("partition {top} stays: {error}");
                return Ok(false);
            }
            _ if error.is_transient() => {}
            _ => return Err(error.into()),
        }
    }
    tracing::info!("partition {top} is in use, its rows go in batches");
    Ok(false)
}
