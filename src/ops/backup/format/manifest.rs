//! What a backup says of itself before the first row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::blueprint::{Blueprint, Script, Table};
use crate::ops::unfinished::Unfinished;
use crate::tenant::{Status, Tenant};

/// The head of a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// A word that is in no other backup. Lines that are for us begin with it, and no SQL or row has it by chance.
    pub mark: String,
    /// The version of the program that has written it.
    pub tenantctl: String,
    pub server_version: String,
    pub database: String,
    /// The number of the server's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
    pub schema: String,
    pub tenant: TenantRow,
    /// That of the definition, as it was in the snapshot.
    pub fingerprint: String,
    pub definition: Definition,
    /// Migrations without transaction that were interrupted in the schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<Unfinished>,
    /// What a person should know, in words.
    pub notes: Vec<String>,
}

/// The tenant's row of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantRow {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub domain: Option<String>,
    pub plan: String,
    pub region: Option<String>,
    pub is_active: bool,
    pub metadata: Value,
    pub schema_version: Option<i64>,
    pub created_at: Timestamp,
}

/// What makes the schema again, under any name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub script: Script,
    pub tables: Vec<Table>,
    /// The names of those tables whose rows are left out.
    pub left_out: Vec<String>,
    /// Statements that move the sequences to where they were.
    pub sequences: Vec<String>,
    /// Whether there are foreign keys to tables that tenants share.
    pub refers_outside: bool,
    /// Where the schema's own name stands in a way that may mean something else, and stays as it is.
    pub unclear: Vec<String>,
}

impl Definition {
    /// That of a schema that was read, but for where its sequences are. The tables in `left_out` are there.
    pub fn new(blueprint: &Blueprint, script: Script, left_out: Vec<String>) -> Self {
        Self {
            script,
            tables: blueprint.tables().to_vec(),
            left_out,
            sequences: Vec::new(),
            refers_outside: blueprint.refers_outside(),
            unclear: blueprint.unclear().to_vec(),
        }
    }

    /// The tables whose rows go along, in their order.
    pub fn filled(&self) -> impl Iterator<Item = &Table> {
        self.tables
            .iter()
            .filter(|table| !self.left_out.contains(&table.name))
    }
}

impl From<&Tenant> for TenantRow {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id,
            slug: tenant.slug.to_string(),
            name: tenant.name.clone(),
            domain: tenant.domain.clone(),
            plan: tenant.plan.clone(),
            region: tenant.region.clone(),
            is_active: tenant.status == Status::Active,
            metadata: tenant.metadata.clone(),
            schema_version: tenant.schema_version,
            created_at: tenant.created_at,
        }
    }
}
