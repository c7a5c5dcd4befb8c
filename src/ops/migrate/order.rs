//! Who comes first. The largest take longest, so that they begin early; canaries are small, so that they tell soon.

use crate::db::Session;
use crate::ops::sizes::history;
use crate::tenant::{RegistryError, Tenant};

/// The tenants with the largest first, as far as a snapshot of their sizes was ever taken.
pub(super) async fn of(session: &Session, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, RegistryError> {
    if tenants.len() < 2 {
        return Ok(tenants);
    }
    let sizes = history::last_totals(session).await?;
    tenants.sort_by_key(|tenant| std::cmp::Reverse(sizes.get(tenant.slug.as_str()).copied().unwrap_or(0)));
    Ok(tenants)
}

/// The canaries, and the others in their order.
pub(super) fn split(mut tenants: Vec<Tenant>, canaries: usize) -> (Vec<Tenant>, Vec<Tenant>) {
    let others = tenants.len().saturating_sub(canaries);
    let canaries = tenants.split_off(others);
    (canaries, tenants)
}
