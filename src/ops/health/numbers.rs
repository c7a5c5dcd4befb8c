//! Numbers that come to an end: sequences, transaction ids, multixacts.

use std::collections::{BTreeMap, HashMap};

use super::ask::{Ask, plain_rows};
use super::checks::{self, Check};
use super::finding::{Finding, Severity};
use super::{Asking, HealthError};
use crate::db::{self, QuotedIdent};
use crate::words::count;

/// Sequences are read under a lock each, which last as long as the transaction: no more than this at once.
const BATCH: usize = 250;
/// Shares of a sequence that are used up.
const NEARLY_USED_UP: (f64, f64) = (0.7, 0.9);
/// What a server has of transaction ids, and of multixacts, before it would go round.
const WRAPAROUND: f64 = 2_147_483_647.0;
/// Shares of those. Autovacuum begins to hurry at a tenth; at three quarters it stops at nothing.
const NEARLY_ROUND: (f64, f64) = (0.4, 0.75);

/// A sequence with an end.
struct Sequence {
    oid: u32,
    tenant: Option<String>,
    schema: String,
    name: String,
    begin: f64,
    end: f64,
    is_readable: bool,
    /// The column is narrower than the sequence.
    is_narrow: bool,
}

/// Sequences that are nearly used up. Of those that the role may not read, that is said.
pub(super) async fn sequences(ask: &Ask, asking: &Asking<'_>) -> Result<Vec<Finding>, HealthError> {
    let rows = ask.rows(include_str!("sql/sequences.sql")).await?;
    let sequence = |row: &super::ask::Row| Sequence {
        oid: row.text(0).parse().unwrap_or_default(),
        tenant: row.optional(1).map(str::to_owned),
        schema: row.text(2).to_owned(),
        name: row.text(3).to_owned(),
        begin: row.real(4),
        end: row.real(5),
        is_readable: row.flag(6),
        is_narrow: row.flag(7),
    };
    let (readable, hidden): (Vec<Sequence>, Vec<Sequence>) = rows
        .iter()
        .map(sequence)
        .partition(|sequence| sequence.is_readable);
    let mut values = HashMap::new();
    for batch in readable.chunks(BATCH) {
        values.extend(read(ask, batch).await?);
    }
    let mut found = nearly_used_up(&readable, &values);
    if let Some(example) = hidden.first() {
        let summary = format!(
            "{}: {} may not be read by this role",
            checks::SEQUENCE_EXHAUSTED.name,
            count(hidden.len(), "sequence")
        );
        found.push(
            Finding::new(Severity::Note, &checks::NOT_CHECKED, summary).run(format!(
                "GRANT SELECT ON ALL SEQUENCES IN SCHEMA {} TO {};",
                QuotedIdent::new(&example.schema),
                QuotedIdent::new(&asking.readable.role)
            )),
        );
    }
    Ok(found)
}

/// The last values of sequences, as far as they have any.
async fn read(ask: &Ask, batch: &[Sequence]) -> Result<HashMap<u32, f64>, db::Error> {
    let answer = values(ask, batch).await;
    let is_in_the_way = |error: &db::Error| {
        error.is_internal() || matches!(error.sqlstate(), Some("55P03" | "42501" | "XX000"))
    };
    match answer {
        // One that is locked or gone spoils it for the others: each for itself then.
        Err(error) if is_in_the_way(&error) => {
            let mut found = HashMap::new();
            for sequence in batch {
                match values(ask, std::slice::from_ref(sequence)).await {
                    Ok(value) => found.extend(value),
                    Err(error) if is_in_the_way(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        }
        answer => answer,
    }
}

async fn values(ask: &Ask, batch: &[Sequence]) -> Result<HashMap<u32, f64>, db::Error> {
    let oids: Vec<String> = batch.iter().map(|sequence| sequence.oid.to_string()).collect();
    let question =
        include_str!("sql/sequence_values.sql").replace("{oids}", &format!("{{{}}}", oids.join(",")));
    let rows = plain_rows(&ask.session, &question).await?;
    let with_value = rows.iter().filter(|row| row.optional(1).is_some());
    Ok(with_value
        .map(|row| (row.text(0).parse().unwrap_or_default(), row.real(1)))
        .collect())
}

fn nearly_used_up(sequences: &[Sequence], values: &HashMap<u32, f64>) -> Vec<Finding> {
    let mut alike: BTreeMap<&str, Vec<(f64, &Sequence)>> = BTreeMap::new();
    for sequence in sequences {
        let Some(value) = values.get(&sequence.oid) else {
            continue;
        };
        let share = (value - sequence.begin) / (sequence.end - sequence.begin);
        if share >= NEARLY_USED_UP.0 {
            alike.entry(&sequence.name).or_default().push((share, sequence));
        }
    }
    let finding = |(name, those): (&str, Vec<(f64, &Sequence)>)| {
        let (worst, example) = those.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        let severity = Severity::of(worst, &NEARLY_USED_UP.0, &NEARLY_USED_UP.1)?;
        let tenants: Vec<String> = those.iter().filter_map(|(_, one)| one.tenant.clone()).collect();
        let schemas = those.iter().filter(|(_, one)| one.tenant.is_none());
        let schemas: Vec<String> = schemas.map(|(_, one)| one.schema.clone()).collect();
        let place = match tenants.len() {
            0 => String::new(),
            many => format!(" in {}", count(many, "tenant")),
        };
        let summary = format!(
            "sequence {name} has used {:.0} % of its numbers{place}",
            worst * 100.0
        );
        let what = if example.is_narrow {
            "the column"
        } else {
            "the sequence and its column"
        };
        Some(
            Finding::new(severity, &checks::SEQUENCE_EXHAUSTED, summary)
                .run(format!("make {what} bigint in a migration, or:"))
                .run(format!(
                    "ALTER SEQUENCE {}.{} RESTART; -- where old numbers are free again",
                    QuotedIdent::new(&example.schema),
                    QuotedIdent::new(name)
                ))
                .about(tenants)
                .in_schemas(schemas),
        )
    };
    alike.into_iter().filter_map(finding).collect()
}

/// The ages of the oldest transaction id and multixact, and what is too old.
pub(super) async fn ids(ask: &Ask) -> Result<((i64, i64), Vec<Finding>), HealthError> {
    let rows = ask.rows(include_str!("sql/numbers.sql")).await?;
    let mut found = Vec::new();
    let oldest = |column| {
        rows.iter()
            .map(|row| row.number(column))
            .max()
            .unwrap_or_default()
    };
    for row in &rows {
        let kinds: [(usize, usize, &Check, &str); 2] = [
            (1, 4, &checks::TRANSACTION_IDS, "transaction ids"),
            (2, 5, &checks::MULTIXACTS, "multixacts"),
        ];
        for (age, tables, check, what) in kinds {
            let share = row.number(age) as f64 / WRAPAROUND;
            let Some(severity) = Severity::of(&share, &NEARLY_ROUND.0, &NEARLY_ROUND.1) else {
                continue;
            };
            let database = row.text(0);
            let summary = format!(
                "database {database} has used {:.0} % of its {what}",
                share * 100.0
            );
            let finding = Finding::new(severity, check, summary);
            found.push(if row.flag(3) {
                finding.run_all(
                    row.list(tables)
                        .iter()
                        .map(|name| format!("VACUUM (FREEZE) {name};")),
                )
            } else {
                finding.run(format!("vacuumdb --freeze --dbname={database}"))
            });
        }
    }
    Ok(((oldest(1), oldest(2)), found))
}
