//! What a run would take from a tenant, counted.

use super::partitions;
use super::statement::Job;
use super::taken::{Amount, Taken};
use super::work::{Work, number};

/// Counts what each policy would take by itself. A row that an earlier one would take as well is counted by both.
pub(super) async fn of(work: &Work<'_>, jobs: &[Job<'_>]) -> anyhow::Result<Vec<Taken>> {
    let mut all = Vec::new();
    for job in jobs {
        let started = std::time::Instant::now();
        let mut taken = Taken::nothing(job);
        if work.pace.is_over() {
            taken.not_reached = true;
            all.push(taken);
            continue;
        }
        for unit in &job.table.units {
            if work.pace.is_over() {
                taken.not_reached = true;
                break;
            }
            let answers = work.look_up(&job.measure(unit).join("; ")).await?;
            for (which, answer) in answers.iter().enumerate() {
                let amount = Amount {
                    rows: number(Some(answer), 0, 0),
                    bytes: number(Some(answer), 0, 1),
                };
                match which {
                    0 => {
                        taken.own += amount;
                        taken.kept += number(Some(answer), 0, 2);
                    }
                    _ if amount.rows == 0 => {}
                    _ => {
                        let table = Taken::table_of(job, which).to_owned();
                        *taken.along.entry(table).or_default() += amount;
                    }
                }
            }
            if let Some(question) = job.stays_due(unit) {
                taken.stays_due |= number(work.look_up(&question).await?.last(), 0, 0) > 0;
            }
            if let Some(top) = partitions::whole(job, unit)
                && !taken.partitions.iter().any(|known| known == top)
                && partitions::is_over(work, job, unit).await?.is_some()
            {
                taken.partitions.push(top.to_owned());
            }
        }
        taken.elapsed = started.elapsed();
        all.push(taken);
    }
    Ok(all)
}
