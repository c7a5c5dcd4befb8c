//! Who comes first. The largest take longest, so that they begin early; canaries are small, so that they tell soon.

use std::collections::HashMap;

use crate::db::{self, Session};
use crate::tenant::{RegistryError, Tenant};

/// The tenants with the largest first, as far as a snapshot of their sizes was ever taken.
pub(super) async fn of(session: &Session, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, RegistryError> {
    if tenants.len() < 2 {
        return Ok(tenants);
    }
    let sizes = sizes(session).await?;
    tenants.sort_by_key(|tenant| std::cmp::Reverse(sizes.get(tenant.slug.as_str()).copied().unwrap_or(0)));
    Ok(tenants)
}

/// The sizes in bytes that the last snapshot of each tenant tells, by slug.
pub(in crate::ops) async fn sizes(session: &Session) -> Result<HashMap<String, i64>, db::Error> {
    const STATEMENT: &str = "SELECT slug, sum(table_bytes + index_bytes + toast_bytes)::bigint \
                             FROM public.tenant_size_snapshots AS size \
                             WHERE taken_at = (SELECT max(taken_at) FROM public.tenant_size_snapshots AS newer \
                                               WHERE newer.slug = size.slug) \
                             GROUP BY slug";
    let rows = session.query(STATEMENT, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The canaries, and the others in their order.
pub(super) fn split(mut tenants: Vec<Tenant>, canaries: usize) -> (Vec<Tenant>, Vec<Tenant>) {
    let others = tenants.len().saturating_sub(canaries);
    let canaries = tenants.split_off(others);
    (canaries, tenants)
}
