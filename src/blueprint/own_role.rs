//! A schema's own role: the one through which an application reaches this schema and no other.
//!
//! What it is granted is no part of the schema's definition, for every schema has another: a copy gets none of it, and it
//! is no difference. So the catalogs have to say which role that is. Its comment does, which names the schema; a role
//! cannot write its own comment, and nobody hides the grants of a role for another schema behind it.

use crate::db::SchemaName;

/// What the comment of a schema's own role begins with; the schema's name follows.
pub(super) const REMARK: &str = "tenantctl: application role of schema ";

/// The comment of the role that belongs to this schema.
pub fn own_role_remark(schema: &SchemaName) -> String {
    format!("{REMARK}{schema}")
}

/// A condition in SQL: the role with this oid belongs to the schema with that one.
pub(super) fn is_own_role(role: &str, schema: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_shdescription rd JOIN pg_namespace rn ON rn.oid = {schema} \
         WHERE rd.classoid = 'pg_authid'::regclass AND rd.objoid = {role} \
         AND rd.description = '{REMARK}' || rn.nspname)"
    )
}
