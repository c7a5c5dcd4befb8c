//! Partitions that are older than the cut-off as a whole: they are detached and dropped, which reads none of their rows.

use std::time::Duration;

use super::policy::literal;
use super::shape::Unit;
use super::statement::Job;
use super::taken::{Amount, Taken};
use super::work::{Work, number};
use crate::config::PolicyAction;

/// How often the locks for it are asked for, each time no longer than a batch waits. Without them the rows go in batches.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The partition that would go with this unit: only where all of its rows are due by the partition's bounds alone.
pub(super) fn whole<'u>(job: &Job<'_>, unit: &'u Unit) -> Option<&'u str> {
    let settings = &job.rule.settings;
    let is_plain = settings.action == PolicyAction::Delete && settings.condition.is_none();
    let is_by_key = job.table.range_key.as_deref() == Some(settings.column.as_str());
    if !is_plain || !is_by_key || job.may_be_blocked() || job.is_referenced {
        return None;
    }
    unit.top_end.as_ref()?;
    unit.top_name.as_deref()
}

/// Whether the partition's range ends before the cut-off.
pub(super) async fn is_over(work: &Work<'_>, job: &Job<'_>, unit: &Unit) -> anyhow::Result<bool> {
    let Some(end) = unit.top_end.as_deref() else {
        return Ok(false);
    };
    let Some(cut_off) = literal(&job.column_type, job.cut_off) else {
        return Ok(false);
    };
    let end = crate::db::QuotedText::new(end);
    let question = format!("SELECT ({end}::{} <= {cut_off})::int", job.column_type);
    let answers = work.look_up(&question).await?;
    Ok(number(answers.last(), 0, 0) == 1)
}

/// Removes a partition with all below it. Says whether it is gone.
pub(super) async fn remove(
    work: &Work<'_>,
    job: &Job<'_>,
    top: &str,
    taken: &mut Taken,
) -> anyhow::Result<bool> {
    let below = job
        .table
        .units
        .iter()
        .filter(|unit| unit.top_name.as_deref() == Some(top));
    let mut amount = Amount::default();
    for unit in below {
        amount.rows += work.total([unit]).await? as u64;
    }
    let text = crate::db::QuotedText::new(top);
    let size = format!(
        "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree({text}) WHERE isleaf"
    );
    let answers = work.look_up(&size).await?;
    amount.bytes = number(answers.last(), 0, 0);
    let statements = format!(
        "ALTER TABLE {} DETACH PARTITION {top}; DROP TABLE {top}",
        job.table.full_name
    );
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if work.try_change(&statements).await?.is_some() {
            taken.own += amount;
            taken.partitions.push(top.to_owned());
            return Ok(true);
        }
    }
    tracing::info!("partition {top} is in use, its rows go in batches");
    Ok(false)
}
