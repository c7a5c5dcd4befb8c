//! The table `public.tenants`: reading and writing its rows, and what its constraints mean in words.
//!
//! Functions named `…_in_tx` expect the caller's transaction; what else belongs to the change is the caller's.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/scene.rs"));
//! # fn main() -> anyhow::Result<()> {
//! # with_tenants(async |url| {
//! use tenantctl::client::{Client, Options};
//! use tenantctl::tenant::registry;
//! use tenantctl::tenant::{Changes, Selection, Status};
//!
//! let mut session = Client::connect(url, Options::default())?.session().await?;
//! let acme = registry::find(&session, &"acme".parse()?).await?;
//! assert_eq!(acme.domain.as_deref(), Some("acme.example"));
//!
//! let (transaction, _) = session.begin("BEGIN").await?;
//! let changes = Changes { plan: Some("pro".to_owned()), ..Changes::default() };
//! registry::update_in_tx(&transaction, &acme.slug, &changes).await?;
//! transaction.commit().await?;
//!
//! // All tenants of a plan, the suspended ones left out.
//! let selection = Selection { plans: vec!["pro".to_owned()], ..Selection::default() };
//! let paying = registry::select(&session, &selection).await?;
//! assert!(paying.len() == 1 && paying[0].status == Status::Active);
//! # Ok(())
//! # })
//! # }
//! ```

use std::error::Error as _;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use super::registration::{Origin, Rivals, insert_in_tx, insert_sql, insertion_failed, rivals};
pub use super::registry_error::RegistryError;
use super::{Domain, Selection, Slug, Which};
use crate::db::{FromSql, Param, RoleName, Row, SchemaName, Session, Transaction, Type};
use crate::words;

/// The columns of a tenant, in the order in which [`Tenant::from_row`] reads them.
macro_rules! columns {
    () => {
        "id, slug, name, domain, schema_name, subscription_plan, region, status, metadata, schema_version, \
         schema_fingerprint, created_at, updated_at, deleted_at"
    };
}
pub(super) use columns;

/// A registered tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub id: Uuid,
    pub slug: Slug,
    pub name: String,
    pub domain: Option<String>,
    pub schema: SchemaName,
    pub plan: String,
    pub region: Option<String>,
    pub status: Status,
    pub metadata: Value,
    pub schema_version: Option<i64>,
    pub schema_fingerprint: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the tenant was suspended.
    pub deleted_at: Option<Timestamp>,
}

/// Whether a tenant is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Soft-deleted: hidden from applications, its schema still there.
    Suspended,
}

impl Status {
    /// The word that the registry holds.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// What is known of a tenant before it is registered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTenant {
    pub slug: Slug,
    pub schema: SchemaName,
    /// The role through which an application is to reach the schema and no other.
    pub role: Option<RoleName>,
    pub name: String,
    pub domain: Option<Domain>,
    pub plan: String,
    pub region: Option<String>,
    /// A JSON object.
    pub metadata: Value,
}

/// A change to one column that may be emptied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    #[default]
    Keep,
    Set(T),
    Clear,
}

impl<T: ToString> Change<T> {
    fn parts(&self) -> (bool, Option<String>) {
        match self {
            Self::Keep => (false, None),
            Self::Set(value) => (true, Some(value.to_string())),
            Self::Clear => (true, None),
        }
    }
}

/// Changes to a tenant's row; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub name: Option<String>,
    pub domain: Change<Domain>,
    pub plan: Option<String>,
    pub region: Change<String>,
    /// Laid over the metadata key by key; a key that is `null` here is removed.
    pub metadata: Option<Value>,
}

impl Tenant {
    pub(super) fn from_row(row: &Row) -> Result<Self, RegistryError> {
        let slug: String = row.get(1);
        let bad = |problem: String| RegistryError::BadRow {
            slug: slug.clone(),
            problem,
        };
        let status: String = row.get(7);
        Ok(Self {
            id: row.get(0),
            slug: slug
                .parse()
                .map_err(|error: super::SlugError| bad(error.to_string()))?,
            name: row.get(2),
            domain: row.get(3),
            schema: SchemaName::new(row.get::<_, String>(4)).map_err(|error| bad(error.to_string()))?,
            plan: row.get(5),
            region: row.get(6),
            status: match status.as_str() {
                "active" => Status::Active,
                "suspended" => Status::Suspended,
                other => return Err(bad(format!("its status is `{other}`"))),
            },
            metadata: read(row, 8).map_err(bad)?,
            schema_version: row.get(9),
            schema_fingerprint: row.get(10),
            created_at: read(row, 11).map_err(bad)?,
            updated_at: read(row, 12).map_err(bad)?,
            deleted_at: read(row, 13).map_err(bad)?,
        })
    }

    /// Whether applications may use the tenant.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// Reads a value whose PostgreSQL type holds more than ours: times such as `infinity`, and any JSON.
fn read<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, String> {
    row.try_get(column).map_err(|error| {
        let name = row.columns()[column].name();
        let cause = error.source().map(ToString::to_string);
        format!(
            "its `{name}` is out of range: {}",
            cause.unwrap_or_else(|| error.to_string())
        )
    })
}

/// Says whether the registry's table exists.
pub async fn exists(session: &Session) -> Result<bool, RegistryError> {
    const STATEMENT: &str = "SELECT to_regclass('public.tenants') IS NOT NULL";
    Ok(session
        .query_opt(STATEMENT, &[])
        .await?
        .is_some_and(|row| row.get(0)))
}

/// The tenants of a selection, sorted by slug. Slugs that nobody has are not reported here.
pub async fn select(session: &Session, selection: &Selection) -> Result<Vec<Tenant>, RegistryError> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        "\n",
        include_str!("sql/select_tenants.sql"),
        "\nORDER BY slug COLLATE \"C\""
    );
    let rows = ask(session, STATEMENT, selection, &[]).await?;
    rows.iter().map(Tenant::from_row).collect()
}

/// Those of a selection that are not known to be at this version.
pub async fn select_behind(
    session: &Session,
    selection: &Selection,
    version: Option<i64>,
) -> Result<Vec<Tenant>, RegistryError> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        "\n",
        include_str!("sql/select_tenants.sql"),
        "\nAND schema_version IS DISTINCT FROM $6 ORDER BY slug COLLATE \"C\""
    );
    let rows = ask(session, STATEMENT, selection, &[(&version, Type::INT8)]).await?;
    rows.iter().map(Tenant::from_row).collect()
}

/// How many tenants a selection has, and how many of them [`select_behind`] would answer with.
pub async fn count_behind(
    session: &Session,
    selection: &Selection,
    version: Option<i64>,
) -> Result<(usize, usize), RegistryError> {
    const STATEMENT: &str = concat!(
        "SELECT count(*), count(*) FILTER (WHERE schema_version IS DISTINCT FROM $6)\n",
        include_str!("sql/select_tenants.sql")
    );
    let rows = ask(session, STATEMENT, selection, &[(&version, Type::INT8)]).await?;
    let count = |row: &Row, column| usize::try_from(row.get::<_, i64>(column)).unwrap_or_default();
    Ok(rows.first().map_or((0, 0), |row| (count(row, 0), count(row, 1))))
}

/// Those of these plans and regions that no tenant has, active or not.
pub async fn unused(
    session: &Session,
    plans: &[String],
    regions: &[String],
) -> Result<(Vec<String>, Vec<String>), RegistryError> {
    const STATEMENT: &str = "SELECT ARRAY(SELECT unnest($1) EXCEPT SELECT subscription_plan FROM public.tenants ORDER BY 1), \
                             ARRAY(SELECT unnest($2) EXCEPT SELECT region FROM public.tenants ORDER BY 1)";
    let params: [Param<'_>; 2] = [(&plans, Type::TEXT_ARRAY), (&regions, Type::TEXT_ARRAY)];
    let row = session.query_opt(STATEMENT, &params).await?;
    Ok(row.map_or_else(Default::default, |row| (row.get(0), row.get(1))))
}

/// Runs a statement over the tenants of a selection.
async fn ask(
    session: &Session,
    statement: &str,
    selection: &Selection,
    more: &[Param<'_>],
) -> Result<Vec<Row>, RegistryError> {
    let texts = |slugs: &[Slug]| slugs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let slugs = match &selection.which {
        Which::All => None,
        Which::Slugs(slugs) => Some(texts(slugs)),
    };
    let excluded = texts(&selection.exclude);
    let mut params: Vec<Param<'_>> = vec![
        (&slugs, Type::TEXT_ARRAY),
        (&selection.include_inactive, Type::BOOL),
        (&selection.plans, Type::TEXT_ARRAY),
        (&selection.regions, Type::TEXT_ARRAY),
        (&excluded, Type::TEXT_ARRAY),
    ];
    params.extend(more.iter().cloned());
    Ok(session.query(statement, &params).await?)
}

/// The tenant of that slug, active or not.
pub async fn find(session: &Session, slug: &Slug) -> Result<Tenant, RegistryError> {
    match look_up(session, slug).await? {
        Some(tenant) => Ok(tenant),
        None => Err(unknown(session, slug).await?),
    }
}

/// The same where nobody may have that slug.
pub async fn look_up(session: &Session, slug: &Slug) -> Result<Option<Tenant>, RegistryError> {
    const STATEMENT: &str = concat!("SELECT ", columns!(), " FROM public.tenants WHERE slug = $1");
    let row = session
        .query_opt(STATEMENT, &[(&slug.as_str(), Type::TEXT)])
        .await?;
    row.as_ref().map(Tenant::from_row).transpose()
}

/// The tenant that was chosen before, as it is now; an error when another one has its slug, or nobody.
pub async fn find_again(session: &Session, tenant: &Tenant) -> Result<Tenant, RegistryError> {
    still(tenant, find(session, &tenant.slug).await?)
}

/// The same with its row locked until the transaction ends.
pub async fn lock_again_in_tx(
    transaction: &Transaction<'_>,
    tenant: &Tenant,
) -> Result<Tenant, RegistryError> {
    still(tenant, lock_in_tx(transaction, &tenant.slug).await?)
}

fn still(tenant: &Tenant, current: Tenant) -> Result<Tenant, RegistryError> {
    match current.id == tenant.id && current.schema == tenant.schema {
        true => Ok(current),
        false => Err(RegistryError::Unknown {
            slug: tenant.slug.clone(),
            nearest: None,
        }),
    }
}

/// Whether the tenant that was chosen is no longer there.
pub async fn is_gone(session: &Session, tenant: &Tenant) -> Result<bool, RegistryError> {
    let current = look_up(session, &tenant.slug).await?;
    Ok(current.is_none_or(|current| current.id != tenant.id))
}

/// The tenant of that slug, its row locked until the transaction ends.
pub async fn lock_in_tx(transaction: &Transaction<'_>, slug: &Slug) -> Result<Tenant, RegistryError> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM public.tenants WHERE slug = $1 FOR UPDATE"
    );
    match transaction
        .query_opt(STATEMENT, &[(&slug.as_str(), Type::TEXT)])
        .await?
    {
        Some(row) => Tenant::from_row(&row),
        None => Err(unknown(transaction, slug).await?),
    }
}

/// The tenant that a host name belongs to, active or not.
pub async fn find_by_domain(session: &Session, domain: &Domain) -> Result<Option<Tenant>, RegistryError> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM public.tenants WHERE lower(domain) = lower($1)"
    );
    let row = session
        .query_opt(STATEMENT, &[(&domain.as_str(), Type::TEXT)])
        .await?;
    row.as_ref().map(Tenant::from_row).transpose()
}

/// The tenant of that id, active or not.
pub async fn find_by_id(session: &Session, id: Uuid) -> Result<Option<Tenant>, RegistryError> {
    const STATEMENT: &str = concat!("SELECT ", columns!(), " FROM public.tenants WHERE id = $1");
    let row = session.query_opt(STATEMENT, &[(&id, Type::UUID)]).await?;
    row.as_ref().map(Tenant::from_row).transpose()
}

/// Changes a tenant's row.
pub async fn update_in_tx(
    transaction: &Transaction<'_>,
    slug: &Slug,
    changes: &Changes,
) -> Result<Tenant, RegistryError> {
    const STATEMENT: &str = concat!(include_str!("sql/update_tenant.sql"), "\nRETURNING ", columns!());
    let (domain_changes, domain) = changes.domain.parts();
    let (region_changes, region) = changes.region.parts();
    let row = transaction
        .query_opt(
            STATEMENT,
            &[
                (&slug.as_str(), Type::TEXT),
                (&changes.name, Type::TEXT),
                (&changes.plan, Type::TEXT),
                (&domain_changes, Type::BOOL),
                (&domain, Type::TEXT),
                (&region_changes, Type::BOOL),
                (&region, Type::TEXT),
                (&changes.metadata, Type::JSONB),
            ],
        )
        .await
        .map_err(|error| match (error.constraint(), &changes.domain) {
            (Some("tenants_domain_key"), Change::Set(domain)) => domain_taken(Some(domain)),
            _ => error.into(),
        })?;
    match row {
        Some(row) => Tenant::from_row(&row),
        None => Err(unknown(transaction, slug).await?),
    }
}

/// Suspends or resumes a tenant.
pub async fn set_status_in_tx(
    transaction: &Transaction<'_>,
    slug: &Slug,
    status: Status,
) -> Result<Tenant, RegistryError> {
    const STATEMENT: &str = concat!(
        "UPDATE public.tenants SET is_active = $2 WHERE slug = $1 RETURNING ",
        columns!()
    );
    let params: [Param<'_>; 2] = [
        (&slug.as_str(), Type::TEXT),
        (&(status == Status::Active), Type::BOOL),
    ];
    match transaction.query_opt(STATEMENT, &params).await? {
        Some(row) => Tenant::from_row(&row),
        None => Err(unknown(transaction, slug).await?),
    }
}

/// Removes a tenant's row.
pub async fn delete_in_tx(transaction: &Transaction<'_>, tenant: &Tenant) -> Result<(), RegistryError> {
    transaction
        .execute(
            "DELETE FROM public.tenants WHERE id = $1",
            &[(&tenant.id, Type::UUID)],
        )
        .await?;
    Ok(())
}

/// How many tables a tenant's schema has; `None` when there is no such schema.
pub async fn count_tables(session: &Session, schema: &SchemaName) -> Result<Option<u64>, RegistryError> {
    const STATEMENT: &str = "SELECT count(c.oid) FROM pg_namespace n \
                             LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') \
                             WHERE n.nspname = $1 GROUP BY n.oid";
    let row = session
        .query_opt(STATEMENT, &[(&schema.as_str(), Type::TEXT)])
        .await?;
    Ok(row.map(|row| row.get::<_, i64>(0).unsigned_abs()))
}

/// The error for a slug that nobody has, with the one that was probably meant.
pub(super) async fn unknown(session: &Session, slug: &Slug) -> Result<RegistryError, RegistryError> {
    const STATEMENT: &str = "SELECT slug FROM public.tenants WHERE slug LIKE $1 OR $2 LIKE slug || '%' \
                             OR length(slug) BETWEEN length($2) - 2 AND length($2) + 2 LIMIT 20000";
    let pattern = format!("{}%", slug.as_str().replace('_', "\\_"));
    let rows = session
        .query(STATEMENT, &[(&pattern, Type::TEXT), (&slug.as_str(), Type::TEXT)])
        .await?;
    let known: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let longer = known.iter().find(|other| other.starts_with(slug.as_str()));
    let nearest = words::nearest(slug.as_str(), &known).or(longer.copied());
    Ok(RegistryError::Unknown {
        slug: slug.clone(),
        nearest: nearest.map(str::to_owned),
    })
}

pub(super) fn domain_taken(domain: Option<&Domain>) -> RegistryError {
    RegistryError::DomainTaken(domain.map(ToString::to_string).unwrap_or_default())
}
