//! A question that is asked in each canary before the others follow.

use crate::db::{self, Access, Db, OpenTenantError, TenantOptions};
use crate::ops::forward::How;
use crate::tenant::{Slug, Tenant};

/// Why the run ends with its canaries.
#[derive(Debug, thiserror::Error)]
pub enum CheckFailed {
    #[error("a canary could not be migrated")]
    Migration,
    #[error("the check of `--check-sql` is false in canary `{slug}`: it answered {answer}")]
    Answer { slug: Slug, answer: String },
    #[error("the check of `--check-sql` failed in canary `{slug}`")]
    Sql { slug: Slug, source: OpenTenantError },
}

/// Asks in each of the tenants. The first value of the first row is the answer.
pub(super) async fn all<'a>(
    db: &Db,
    how: &How,
    question: &str,
    canaries: impl Iterator<Item = &'a Tenant>,
) -> anyhow::Result<()> {
    let options = TenantOptions {
        access: Access::ReadOnly,
        ..how.options.clone()
    };
    for tenant in canaries {
        let slug = &tenant.slug;
        let failed = |source: OpenTenantError| CheckFailed::Sql {
            slug: slug.clone(),
            source,
        };
        let mut session = db.direct().await?;
        let transaction = session
            .open_tenant(&tenant.schema, &options)
            .await
            .map_err(failed)?;
        let answers = transaction.text_query(question).await;
        transaction.rollback().await.ok();
        let answers = answers.map_err(|error: db::Error| failed(error.into()))?;
        let answer = answers
            .last()
            .and_then(|answer| answer.rows.first())
            .and_then(|row| row.first());
        let shown = match answer {
            Some(Some(value)) if is_true(value) => continue,
            Some(Some(value)) => format!("`{value}`"),
            Some(None) => "NULL".to_owned(),
            None => "no row".to_owned(),
        };
        return Err(CheckFailed::Answer {
            slug: slug.clone(),
            answer: shown,
        }
        .into());
    }
    Ok(())
}

/// Whether PostgreSQL meant yes; a number other than zero counts as well.
fn is_true(value: &str) -> bool {
    value == "t" || value.parse::<f64>().is_ok_and(|number| number != 0.0)
}
