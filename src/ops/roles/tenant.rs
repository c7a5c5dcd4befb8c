//! A tenant's own role, through which an application reaches the tenant's schema and nothing else: how it gets its
//! privileges, and what becomes of it when the tenant goes.
//!
//! Each role is granted what is in its schema by name. One role for the tables of all tenants, held back by the schemas
//! alone, would not do: `pg_stats` shows values of every table that a role may read, and `nextval` takes a sequence by
//! its number, whether or not the role may use the schema.

use super::fill;
use crate::blueprint::own_role_remark;
use crate::db::{self, QuotedText, RoleName, SchemaName, Session, Transaction, Type};

/// Why a tenant's role has not got its privileges.
#[derive(Debug, thiserror::Error)]
#[error("giving role `{role}` to schema `{schema}`")]
pub struct TenantRoleError {
    pub role: RoleName,
    pub schema: SchemaName,
    pub source: db::Error,
}

impl TenantRoleError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let Self { role, schema, source } = self;
        let remark = own_role_remark(schema);
        let comment = format!(
            "COMMENT ON ROLE {} IS {};",
            role.quoted(),
            QuotedText::new(&remark)
        );
        match source.sqlstate()? {
            // There is no such role yet, and the connecting one may make none.
            "42501" => Some(format!(
                "have it made by a role that may: CREATE ROLE {}; {comment}",
                role.quoted()
            )),
            "42710" => Some(format!(
                "choose another `tenants.role_prefix`, or, where it is the tenant's: {comment}"
            )),
            "2BP01" => Some(
                "roles belong to the whole server: choose another `tenants.role_prefix` for this database"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// What became of a role whose tenant is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    pub role: RoleName,
    /// Why it is still there.
    pub kept: Option<String>,
}

/// What gives a schema its role, which is made where it is not there, as SQL for a message that holds more.
pub fn grant_sql(role: &RoleName, schema: &SchemaName) -> String {
    let tenants = format!(
        "SELECT {}::text AS role_name, {}::text AS schema_name",
        QuotedText::new(role.as_str()),
        QuotedText::new(schema.as_str())
    );
    format!(
        "SET LOCAL search_path = pg_catalog; DO {}",
        QuotedText::new(&grants(&tenants, "", Each::InTransaction))
    )
}

/// Whether the block ends a transaction after each tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    InTransaction,
    /// There may be no registry at all.
    Committed,
}

/// The block that gives the tenants of a query their roles.
pub(super) fn grants(tenants: &str, settings: &str, each: Each) -> String {
    const GUARD: &str = "IF to_regclass('public.tenants') IS NULL THEN RETURN; END IF;";
    let (guard, commit) = match each {
        Each::InTransaction => ("", ""),
        Each::Committed => (GUARD, "COMMIT;"),
    };
    let block = include_str!("sql/tenants.sql");
    let body = block.find("DECLARE").map_or(block, |at| &block[at..]);
    let values = [
        ("guard", guard),
        ("settings", settings),
        ("commit", commit),
        ("tenants", tenants),
    ];
    fill(body.trim_end(), &values)
}

/// The same within the caller's transaction, whose search path it leaves changed.
pub async fn grant_in_tx(
    transaction: &Transaction<'_>,
    role: &RoleName,
    schema: &SchemaName,
) -> Result<(), TenantRoleError> {
    transaction
        .script(&grant_sql(role, schema))
        .await
        .map_err(|source| TenantRoleError {
            role: role.clone(),
            schema: schema.clone(),
            source,
        })
}

/// The roles that belong to a schema: one, where tenants have roles. Another database of the server may have a schema of
/// that name, whose role has no privilege here.
pub async fn of_schema(session: &Session, schema: &SchemaName) -> Result<Vec<RoleName>, db::Error> {
    const STATEMENT: &str = "SELECT DISTINCT r.rolname::text FROM pg_catalog.pg_namespace n \
                             CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a \
                             JOIN pg_catalog.pg_roles r ON r.oid = a.grantee \
                             WHERE n.nspname = $1 \
                               AND pg_catalog.shobj_description(r.oid, 'pg_authid') = $2 ORDER BY 1";
    let remark = own_role_remark(schema);
    let params: [db::Param<'_>; 2] = [(&schema.as_str(), Type::NAME), (&remark, Type::TEXT)];
    let rows = session.query(STATEMENT, &params).await?;
    Ok(rows
        .iter()
        .filter_map(|row| RoleName::new(row.get::<_, String>(0)).ok())
        .collect())
}

/// Drops the roles of a schema that is gone. One that may not be dropped, or has privileges elsewhere, stays.
pub async fn drop_in_tx(
    transaction: &Transaction<'_>,
    roles: Vec<RoleName>,
) -> Result<Vec<Former>, db::Error> {
    let mut former = Vec::new();
    for role in roles {
        let quoted = role.quoted();
        transaction.script("SAVEPOINT tenant_role").await?;
        let kept = match transaction.script(&format!("DROP ROLE {quoted}")).await {
            Ok(()) => None,
            Err(error) if error.lies_in_the_statement() => {
                transaction.script("ROLLBACK TO tenant_role").await?;
                Some(error.to_string())
            }
            Err(error) => return Err(error),
        };
        former.push(Former { role, kept });
    }
    Ok(former)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_block_end_where_they_should() {
        let role = RoleName::new("ro'le").expect("a name");
        let schema = SchemaName::new("sche$$ma'\\").expect("a name");
        let sql = grant_sql(&role, &schema);
        let statements = db::statements(&sql).expect("complete");
        assert_eq!(statements.len(), 2, "{sql}");
        assert!(sql.contains("ro''''le"), "{sql}");
    }

    #[test]
    fn the_comment_that_the_block_writes_is_the_one_that_definitions_look_for() {
        let schema = SchemaName::new("%s").expect("a name");
        let remark = own_role_remark(&schema);
        assert!(include_str!("sql/tenants.sql").contains(&format!("'{remark}'")));
    }
}
