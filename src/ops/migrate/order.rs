//! Who comes first. The largest take longest, so that they begin early; canaries are small, so that they tell soon.

use crate::db::Session;
use crate::tenant::{RegistryError, Tenant};

/// The tenants with the largest first, as far as a snapshot of their sizes was ever taken.
pub(super) async fn of(session: &Session, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, RegistryError> {
    const STATEMENT: &str = "SELECT slug, sum(table_bytes + index_bytes + toast_bytes)::bigint \
                             FROM public.tenant_size_snapshots AS size \
                             WHERE taken_at = (SELECT max(taken_at) FROM public.tenant_size_snapshots AS newer \
                                               WHERE newer.slug = size.slug) \
                             GROUP BY slug";
    if tenants.len() < 2 {
        return Ok(tenants);
    }
    let rows = session.query(STATEMENT, &[]).await?;
    let sizes: std::collections::HashMap<String, i64> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    tenants.sort_by_key(|tenant| std::cmp::Reverse(sizes.get(tenant.slug.as_str()).copied().unwrap_or(0)));
    Ok(tenants)
}

/// The canaries, and the others in their order.
pub(super) fn split(mut tenants: Vec<Tenant>, canaries: usize) -> (Vec<Tenant>, Vec<Tenant>) {
    let others = tenants.len().saturating_sub(canaries);
    let canaries = tenants.split_off(others);
    (canaries, tenants)
}
