//! The fingerprints of schemas' definitions that the registry keeps.

use std::collections::HashMap;

use uuid::Uuid;

use super::Tenant;
use crate::db::{self, SchemaName, Session, Type};

/// Keeps the fingerprints that were found, as far as the registry has others.
pub async fn keep(
    session: &Session,
    tenants: &[Tenant],
    found: &HashMap<SchemaName, String>,
) -> Result<(), db::Error> {
    let (ids, fingerprints): (Vec<Uuid>, Vec<&str>) = tenants
        .iter()
        .filter_map(|tenant| Some((tenant, found.get(&tenant.schema)?)))
        .filter(|(tenant, found)| tenant.schema_fingerprint.as_ref() != Some(*found))
        .map(|(tenant, found)| (tenant.id, found.as_str()))
        .unzip();
    if !ids.is_empty() {
        let params: [db::Param<'_>; 2] = [(&ids, Type::UUID_ARRAY), (&fingerprints, Type::TEXT_ARRAY)];
        session
            .execute(include_str!("sql/keep_fingerprints.sql"), &params)
            .await?;
    }
    Ok(())
}
