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

/// The fingerprint of a schema that still has the stamp that it had when that was taken.
pub async fn known(session: &Session, schema: &SchemaName, stamp: &str) -> Result<Option<String>, db::Error> {
    const STATEMENT: &str = "SELECT fingerprint FROM public.tenant_known_fingerprints \
                             WHERE schema_name = $1 AND stamp = $2";
    let params: [db::Param<'_>; 2] = [(&schema.as_str(), Type::TEXT), (&stamp, Type::TEXT)];
    match session.query_opt(STATEMENT, &params).await {
        Ok(row) => Ok(row.map(|row| row.get(0))),
        // A registry that an older program has made has no such table yet.
        Err(error) if error.sqlstate() == Some("42P01") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The definition that was kept of a schema, and the fingerprint that goes with it.
pub async fn definition(
    session: &Session,
    schema: &SchemaName,
) -> Result<Option<(String, String)>, db::Error> {
    let params: [db::Param<'_>; 1] = [(&schema.as_str(), Type::TEXT)];
    match session
        .query_opt(include_str!("sql/known_definition.sql"), &params)
        .await
    {
        Ok(row) => Ok(row.map(|row| (row.get(0), row.get(1)))),
        // A registry that an older program has made has no such table or column yet.
        Err(error) if matches!(error.sqlstate(), Some("42P01" | "42703")) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Remembers the fingerprint of a schema that has this stamp, and its definition.
pub async fn remember(
    session: &Session,
    schema: &SchemaName,
    stamp: &str,
    fingerprint: &str,
    definition: Option<&str>,
) -> Result<(), db::Error> {
    let params: [db::Param<'_>; 4] = [
        (&schema.as_str(), Type::TEXT),
        (&stamp, Type::TEXT),
        (&fingerprint, Type::TEXT),
        (&definition, Type::TEXT),
    ];
    session
        .execute(include_str!("sql/remember_fingerprint.sql"), &params)
        .await?;
    Ok(())
}
