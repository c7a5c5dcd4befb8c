//! A new tenant's row.

use super::registry::{columns, domain_taken};
use super::{Domain, NewTenant, RegistryError, Tenant};
use crate::db::{self, Session, Type, with_constants};

/// What a new tenant's schema was made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    pub version: Option<i64>,
    pub fingerprint: Option<&'a str>,
}

const STATEMENT: &str = concat!(
    "INSERT INTO public.tenants (slug, schema_name, name, domain, subscription_plan, region, metadata, \
     schema_version, schema_fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
    columns!()
);

/// Registers a tenant. Waits for another run that is registering the same slug, domain or schema.
pub async fn insert_in_tx(
    session: &Session,
    new: &NewTenant,
    origin: &Origin<'_>,
) -> Result<Tenant, RegistryError> {
    let rows = session
        .query(
            STATEMENT,
            &[
                (&new.slug.as_str(), Type::TEXT),
                (&new.schema.as_str(), Type::TEXT),
                (&new.name, Type::TEXT),
                (&new.domain.as_ref().map(Domain::as_str), Type::TEXT),
                (&new.plan, Type::TEXT),
                (&new.region, Type::TEXT),
                (&new.metadata, Type::JSONB),
                (&origin.version, Type::INT8),
                (&origin.fingerprint, Type::TEXT),
            ],
        )
        .await
        .map_err(|error| insertion_failed(error, new))?;
    match rows.first() {
        Some(row) => Tenant::from_row(row),
        None => Err(RegistryError::NotTaken(new.slug.clone())),
    }
}

/// The same as SQL for a message that holds more.
pub fn insert_sql(new: &NewTenant, origin: &Origin<'_>) -> String {
    let metadata = new.metadata.to_string();
    let version = origin.version.map(|version| version.to_string());
    with_constants(
        STATEMENT,
        &[
            Some(new.slug.as_str()),
            Some(new.schema.as_str()),
            Some(&new.name),
            new.domain.as_ref().map(Domain::as_str),
            Some(&new.plan),
            new.region.as_deref(),
            Some(&metadata),
            version.as_deref(),
            origin.fingerprint,
        ],
    )
}

/// What it means that a tenant could not be registered.
pub fn insertion_failed(error: db::Error, new: &NewTenant) -> RegistryError {
    match error.constraint() {
        Some("tenants_slug_key") => RegistryError::SlugTaken(new.slug.clone()),
        Some("tenants_schema_name_key") => RegistryError::SchemaTaken(new.schema.clone()),
        Some("tenants_domain_key") => domain_taken(new.domain.as_ref()),
        _ => error.into(),
    }
}

/// What of a new tenant somebody else has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rivals {
    slug: bool,
    schema: bool,
    domain: bool,
    /// Whether there is a schema of that name, whoever made it.
    pub has_schema: bool,
}

impl Rivals {
    /// What registering the tenant would fail with.
    pub fn problem(self, new: &NewTenant) -> Option<RegistryError> {
        match self {
            Self { slug: true, .. } => Some(RegistryError::SlugTaken(new.slug.clone())),
            Self { schema: true, .. } => Some(RegistryError::SchemaTaken(new.schema.clone())),
            Self { domain: true, .. } => Some(domain_taken(new.domain.as_ref())),
            _ => None,
        }
    }
}

/// Looks for what the constraints of the registry would refuse, one answer for each tenant.
pub async fn rivals(session: &Session, tenants: &[NewTenant]) -> Result<Vec<Rivals>, RegistryError> {
    let slugs: Vec<&str> = tenants.iter().map(|new| new.slug.as_str()).collect();
    let schemas: Vec<&str> = tenants.iter().map(|new| new.schema.as_str()).collect();
    let domains: Vec<Option<&str>> = tenants
        .iter()
        .map(|new| new.domain.as_ref().map(Domain::as_str))
        .collect();
    let rows = session
        .query(
            include_str!("sql/rivals.sql"),
            &[
                (&slugs, Type::TEXT_ARRAY),
                (&schemas, Type::TEXT_ARRAY),
                (&domains, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    let rivals = rows.iter().map(|row| Rivals {
        slug: row.get(0),
        schema: row.get(1),
        domain: row.get(2),
        has_schema: row.get(3),
    });
    Ok(rivals.collect())
}
