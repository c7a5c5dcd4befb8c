//! Making the copy as planned, and counting what came over.

use super::plan::Plan;
use super::{CloneError, Copied, Report, Request, step};
use crate::blueprint::{Statement, continue_sequence};
use crate::db::{self, SchemaName, Transaction};
use crate::fleet::{Event, Observer};
use crate::ops::making::{self, MakeError};
use crate::ops::original;
use crate::ops::outside;
use crate::ops::roles::tenant as tenant_role;
use crate::ops::unfinished;
use crate::tenant::registry::{self, Origin};
use crate::tenant::{NewTenant, Slug, Tenant};

/// Names in our own statements mean PostgreSQL's functions, whatever the original has under the same names.
const OUTSIDE: &str = "SET LOCAL search_path = pg_catalog";

impl Plan {
    /// What would be copied, or what the registry or another schema would refuse it for.
    pub(super) async fn foresee(
        &self,
        transaction: &Transaction<'_>,
        to: &NewTenant,
    ) -> Result<Report, CloneError> {
        transaction
            .script(&format!("{OUTSIDE}; SET LOCAL row_security = off"))
            .await?;
        let rivals = registry::rivals(transaction, std::slice::from_ref(to)).await?;
        if let Some(obstacle) = rivals.into_iter().find_map(|rivals| making::obstacle(rivals, to)) {
            return Err(obstacle);
        }
        let counts = self.count(transaction).await?;
        let tables = self.tables.iter().zip(counts).map(|(table, rows)| Copied {
            table: table.name.clone(),
            rows,
        });
        Ok(self.report(None, tables.collect()))
    }

    /// Makes the copy, registers it and logs it.
    pub(super) async fn carry_out(
        &self,
        transaction: &Transaction<'_>,
        request: &Request,
        observer: &mut dyn Observer,
    ) -> Result<Report, CloneError> {
        let to = &request.to;
        let origin = Origin {
            version: self.version,
            fingerprint: self.fingerprint.as_deref(),
        };
        transaction.script(OUTSIDE).await?;
        let tenant = registry::insert_in_tx(transaction, to, &origin).await?;
        let copied = self.fill(transaction, &to.slug, &to.schema, observer).await?;
        transaction.script(OUTSIDE).await?;
        unfinished::set_in_tx(transaction, &to.schema, &self.unfinished).await?;
        if let Some(role) = &to.role {
            tenant_role::grant_in_tx(transaction, role, &to.schema).await?;
        }
        request.log.record_in_tx(transaction, &to.slug).await?;
        Ok(self.report(Some(tenant), copied))
    }

    /// Makes the schema with what goes along. The observer hears of it under the name `slug`.
    pub(in crate::ops) async fn fill(
        &self,
        transaction: &Transaction<'_>,
        slug: &Slug,
        to: &SchemaName,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Copied>, CloneError> {
        if self.is_made_at_once() {
            self.lock_shared_tables(transaction).await?;
        }
        making::make(transaction, to, &self.script.before_rows).await?;
        let mut steps = Steps {
            slug,
            done: 0,
            of: self.tables.len() + self.script.after_rows.len() + self.refreshes.len(),
            observer,
        };
        let from = self.blueprint.schema();
        let mut copied = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            steps.begin(&format!("rows of table {}", table.name));
            let rows = transaction
                .execute(&table.copy(from), &[])
                .await
                .map_err(|source| step(&format!("copying the rows of table {}", table.name), source))?;
            copied.push(Copied {
                table: table.name.clone(),
                rows,
            });
        }
        if !self.is_made_at_once() {
            self.lock_shared_tables(transaction).await?;
        }
        let sequences: Vec<String> = self
            .sequences
            .iter()
            .map(|name| continue_sequence(name, from))
            .collect();
        self.after_rows(&sequences)
            .make_in_tx(transaction, to, &mut steps)
            .await?;
        let counts = self.count(transaction).await?;
        let differing = differing(&copied, &counts);
        if !differing.is_empty() {
            return Err(CloneError::RowsDiffer(differing));
        }
        Ok(copied)
    }

    /// Whether there are no rows to load first: foreign keys are made with the rest then.
    pub(in crate::ops) fn is_made_at_once(&self) -> bool {
        self.script.after_rows.is_empty()
    }

    /// Those who add foreign keys to tables that tenants share keep those away who remove some.
    pub(in crate::ops) async fn lock_shared_tables(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<(), CloneError> {
        if self.blueprint.refers_outside() {
            transaction.script(&outside::lock_for_making()).await?;
        }
        Ok(())
    }

    /// What comes after the rows, where these statements continue the sequences.
    pub(in crate::ops) fn after_rows<'a>(&'a self, sequences: &'a [String]) -> AfterRows<'a> {
        AfterRows {
            statements: &self.script.after_rows,
            sequences,
            refreshes: &self.refreshes,
        }
    }

    /// How many rows the original's tables hold in the snapshot.
    async fn count(&self, transaction: &Transaction<'_>) -> Result<Vec<u64>, CloneError> {
        let from = self.blueprint.schema();
        let statements: Vec<String> = self.tables.iter().map(|table| table.count(from)).collect();
        let answers = transaction
            .text_query(&statements.join(";\n"))
            .await
            .map_err(|source| step("counting the rows of the original", source))?;
        let count = |answer: &db::TextResult| answer.value(0)?.parse().ok();
        Ok(answers
            .iter()
            .map(|answer| count(answer).unwrap_or_default())
            .collect())
    }

    fn report(&self, tenant: Option<Tenant>, tables: Vec<Copied>) -> Report {
        let mut notes = original::notes(&self.blueprint, "the original", "the copy");
        let identifiers: Vec<&str> = self
            .tables
            .iter()
            .zip(&tables)
            .filter(|(_, copied)| copied.rows > 0)
            .flat_map(|(table, _)| table.identifiers())
            .map(String::as_str)
            .collect();
        if !identifiers.is_empty() {
            notes.push(format!(
                "identifiers of objects are copied as they are, and name in the copy what they name in the original: {}",
                identifiers.join(", ")
            ));
        }
        Report {
            tenant,
            tables,
            notes,
        }
    }
}

/// What comes after the rows.
pub(in crate::ops) struct AfterRows<'a> {
    pub(in crate::ops) statements: &'a [Statement],
    pub(in crate::ops) sequences: &'a [String],
    pub(in crate::ops) refreshes: &'a [Statement],
}

impl AfterRows<'_> {
    pub(in crate::ops) async fn make_in_tx(
        &self,
        transaction: &Transaction<'_>,
        schema: &SchemaName,
        steps: &mut Steps<'_>,
    ) -> Result<(), CloneError> {
        for statement in self.statements {
            steps.begin(&statement.what);
            transaction
                .script(&statement.sql(schema))
                .await
                .map_err(|source| MakeError::new(schema, Some(statement.what.clone()), source))?;
        }
        if !self.sequences.is_empty() {
            transaction
                .script(&self.sequences.join(";\n"))
                .await
                .map_err(|source| step("continuing the sequences", source))?;
        }
        for statement in self.refreshes {
            steps.begin(&statement.what);
            transaction
                .script(&statement.sql(schema))
                .await
                .map_err(|source| step(&format!("filling {}", statement.what), source))?;
        }
        Ok(())
    }
}

/// The tables of which more or fewer rows were copied than there are, in words.
fn differing(copied: &[Copied], counts: &[u64]) -> Vec<String> {
    let mut differing: Vec<String> = copied
        .iter()
        .zip(counts)
        .filter(|(copied, count)| copied.rows != **count)
        .map(|(copied, count)| format!("{} of {count} rows of table {}", copied.rows, copied.table))
        .collect();
    for copied in copied.iter().skip(counts.len()) {
        differing.push(format!("table {} was not counted", copied.table));
    }
    differing
}

/// Tells the observer how far it is.
pub(in crate::ops) struct Steps<'a> {
    pub(in crate::ops) slug: &'a Slug,
    pub(in crate::ops) done: usize,
    pub(in crate::ops) of: usize,
    pub(in crate::ops) observer: &'a mut dyn Observer,
}

impl Steps<'_> {
    pub(in crate::ops) fn begin(&mut self, what: &str) {
        self.observer.observe(&Event::Step {
            slug: self.slug.clone(),
            done: self.done,
            of: self.of,
            what: what.to_owned(),
        });
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(rows: &[u64]) -> Vec<Copied> {
        let names = ["a", "b", "c"];
        rows.iter()
            .zip(names)
            .map(|(rows, table)| Copied {
                table: table.to_owned(),
                rows: *rows,
            })
            .collect()
    }

    #[test]
    fn a_table_of_which_rows_are_missing_or_too_many_is_named() {
        assert_eq!(differing(&copied(&[1, 2, 3]), &[1, 2, 3]), Vec::<String>::new());
        assert_eq!(
            differing(&copied(&[1, 2, 4]), &[1, 3, 3]),
            ["2 of 3 rows of table b", "4 of 3 rows of table c"]
        );
        assert_eq!(
            CloneError::RowsDiffer(differing(&copied(&[0]), &[7])).to_string(),
            "the copy does not hold the rows of the original: 0 of 7 rows of table a"
        );
    }

    #[test]
    fn a_table_that_was_not_counted_does_not_pass_for_equal() {
        assert_eq!(differing(&copied(&[0, 0]), &[0]), ["table b was not counted"]);
    }
}
