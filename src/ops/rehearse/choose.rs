//! With which tenants to rehearse: the largest are those with whom a migration takes longest.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{RehearseError, Request};
use crate::db::{self, Db, Session, Type};
use crate::ops::sizes::history;
use crate::tenant::{Tenant, Which};

/// The chosen ones, the largest first.
pub(super) async fn among(
    db: &Db,
    request: &Request,
    mut tenants: Vec<Tenant>,
) -> Result<Vec<Tenant>, RehearseError> {
    let wanted = match request.largest {
        Some(number) => number,
        None if matches!(request.migrate.selection.which, Which::Slugs(_)) => tenants.len(),
        None => 1,
    };
    if tenants.len() < 2 {
        tenants.truncate(wanted);
        return Ok(tenants);
    }
    let mut sizes = history::last_totals(&db.direct().await?).await?;
    if tenants
        .iter()
        .any(|tenant| !sizes.contains_key(tenant.slug.as_str()))
    {
        match measure(&mut db.direct().await?, request, &tenants).await {
            Ok(measured) => sizes = measured,
            // Somebody changes a table: then what is known must do.
            Err(error) if error.is_transient() => tracing::debug!("measuring the tenants: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    let size = |tenant: &Tenant| sizes.get(tenant.slug.as_str()).copied().unwrap_or(0);
    tenants.sort_by_key(|tenant| (Reverse(size(tenant)), tenant.slug.clone()));
    tenants.truncate(wanted);
    Ok(tenants)
}

/// How many bytes each tenant has now, by slug.
async fn measure(
    session: &mut Session,
    request: &Request,
    tenants: &[Tenant],
) -> Result<HashMap<String, i64>, db::Error> {
    const STATEMENT: &str = "SELECT n.nspname::text, sum(pg_total_relation_size(c.oid))::bigint \
                             FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid \
                             WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'm') GROUP BY 1";
    let opening = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}",
        db::optional_limit_in_ms(request.migrate.how.options.lock_timeout)
    );
    let schemas: Vec<&str> = tenants.iter().map(|tenant| tenant.schema.as_str()).collect();
    let (transaction, _) = session.begin(&opening).await?;
    let result = transaction
        .query(STATEMENT, &[(&schemas, Type::NAME_ARRAY)])
        .await;
    let rows = transaction.end(result).await?;
    let bytes: HashMap<String, Option<i64>> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let size = |tenant: &Tenant| {
        let bytes = bytes.get(tenant.schema.as_str()).copied().flatten();
        (tenant.slug.to_string(), bytes.unwrap_or(0))
    };
    Ok(tenants.iter().map(size).collect())
}
