//! A tenant as commands show it. Its fields are a promise to scripts, so they are apart from the registry's own type.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::tenant::Tenant;
use crate::ui::{Cell, Column, Table, View};

#[derive(Debug, Serialize)]
pub(super) struct TenantView {
    id: String,
    pub(super) slug: String,
    name: String,
    domain: Option<String>,
    pub(super) schema: String,
    pub(super) plan: String,
    region: Option<String>,
    status: &'static str,
    metadata: Value,
    schema_version: Option<i64>,
    created_at: Timestamp,
    updated_at: Timestamp,
    suspended_at: Option<Timestamp>,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.to_string(),
            name: tenant.name.clone(),
            domain: tenant.domain.clone(),
            schema: tenant.schema.to_string(),
            plan: tenant.plan.clone(),
            region: tenant.region.clone(),
            status: tenant.status.as_str(),
            metadata: tenant.metadata.clone(),
            schema_version: tenant.schema_version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            suspended_at: tenant.deleted_at,
        }
    }
}

impl TenantView {
    /// Field by field, for one tenant.
    pub(super) fn fields(&self) -> Vec<(&'static str, Cell)> {
        let metadata = match &self.metadata {
            Value::Object(object) if object.is_empty() => Cell::None,
            metadata => Cell::Text(metadata.to_string()),
        };
        vec![
            ("slug", self.slug.as_str().into()),
            ("name", self.name.as_str().into()),
            ("domain", Cell::optional(self.domain.as_deref())),
            ("schema", self.schema.as_str().into()),
            ("plan", self.plan.as_str().into()),
            ("region", Cell::optional(self.region.as_deref())),
            ("status", self.status.into()),
            ("metadata", metadata),
            (
                "schema_version",
                Cell::optional(self.schema_version.map(|version| version.to_string()).as_deref()),
            ),
            ("created_at", Cell::Time(self.created_at)),
            ("updated_at", Cell::Time(self.updated_at)),
            ("suspended_at", self.suspended_at.map_or(Cell::None, Cell::Time)),
            ("id", self.id.as_str().into()),
        ]
    }
}

/// Several tenants, a line each.
#[derive(Debug, Serialize)]
pub(super) struct TenantsView {
    tenants: Vec<TenantView>,
}

impl TenantsView {
    pub(super) fn new<'a>(tenants: impl IntoIterator<Item = &'a Tenant>) -> Self {
        Self {
            tenants: tenants.into_iter().map(TenantView::from).collect(),
        }
    }
}

impl View for TenantsView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(
            [
                "slug",
                "domain",
                "plan",
                "region",
                "status",
                "schema",
                "created_at",
            ]
            .map(Column::text),
        );
        for tenant in &self.tenants {
            table.push(vec![
                tenant.slug.as_str().into(),
                Cell::optional(tenant.domain.as_deref()),
                tenant.plan.as_str().into(),
                Cell::optional(tenant.region.as_deref()),
                tenant.status.into(),
                tenant.schema.as_str().into(),
                Cell::Time(tenant.created_at),
            ]);
        }
        vec![table]
    }
}

/// One tenant with everything known of it.
#[derive(Debug, Serialize)]
pub(super) struct OneTenantView {
    pub(super) tenant: TenantView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tables: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema_exists: Option<bool>,
    /// The role through which an application reaches the schema and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    /// Of a change: whether it would be made and was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dry_run: Option<bool>,
}

impl OneTenantView {
    pub(super) fn new(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.into(),
            tables: None,
            schema_exists: None,
            role: None,
            dry_run: None,
        }
    }
}

impl View for OneTenantView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["field", "value"].map(Column::text));
        for (field, value) in self.tenant.fields() {
            table.push(vec![field.into(), value]);
        }
        if let Some(tables) = self.tables {
            table.push(vec!["tables".into(), Cell::Count(tables)]);
        }
        if let Some(role) = &self.role {
            table.push(vec!["role".into(), role.as_str().into()]);
        }
        vec![table]
    }
}
