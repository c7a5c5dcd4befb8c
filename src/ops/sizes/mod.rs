//! How much room tenants take, table by table, now and before.
//!
//! The catalogs say which tables there are and what PostgreSQL remembers of their sizes, in one query. Where files are to
//! be asked, `exact` does so without waiting for anybody.

mod exact;
pub mod forecast;
pub mod history;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::db::{self, Db, Row, SchemaMissing, SchemaName, Session, Type};
use crate::fleet::{Outcome, Report, TenantReport};
use crate::tenant::registry::{self, RegistryError};
use crate::tenant::{Selection, Tenant, Which};

/// Whom to measure, and how well.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub precision: Precision,
    /// Connections that ask at once.
    pub jobs: usize,
}

/// How well to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// The sizes of files.
    Exact,
    /// What `VACUUM` and `ANALYZE` last left in the catalogs.
    Estimated,
    /// The sizes of files, unless there are more tables than this.
    ExactUpTo(usize),
}

/// What came of it.
#[derive(Debug)]
pub struct Sizes {
    pub report: Report<Measured>,
    /// Whether the sizes are those of files.
    pub is_exact: bool,
    /// How many tables there were, partitions counted one by one.
    pub tables: usize,
    /// Tables whose rows nobody has counted yet; their estimated size may be far too small.
    pub unknown: usize,
}

/// One tenant's tables.
#[derive(Debug, Clone)]
pub struct Measured {
    pub tenant: Tenant,
    /// Sorted by name.
    pub tables: Vec<Table>,
}

/// One table, with all of its partitions.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub size: Size,
    pub partitions: usize,
    /// Somebody was changing it, so that its size is an estimate among sizes of files.
    pub is_changing: bool,
}

/// The room that something takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub table: u64,
    pub index: u64,
    pub toast: u64,
    /// Estimated; `None` where nobody has counted.
    pub rows: Option<u64>,
}

impl Size {
    pub fn total(&self) -> u64 {
        self.table + self.index + self.toast
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            table: self.table + other.table,
            index: self.index + other.index,
            toast: self.toast + other.toast,
            rows: match (self.rows, other.rows) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            },
        }
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Self::and)
    }
}

impl Measured {
    /// All tables together.
    pub fn size(&self) -> Size {
        self.tables.iter().map(|table| table.size).sum()
    }
}

/// A table with files of its own.
#[derive(Debug)]
struct Listed {
    oid: u32,
    /// Its name, or that of the table whose partition it is.
    name: String,
    is_partition: bool,
    size: Size,
    is_gone: bool,
    is_changing: bool,
}

/// Measures every tenant.
pub async fn run(db: &Db, request: Request) -> anyhow::Result<Sizes> {
    let Request {
        tenants,
        precision,
        jobs,
    } = request;
    let mut session = db.session().await?;
    let mut listed = list(&mut session, &tenants).await?;
    let tables = listed.values().map(Vec::len).sum();
    let is_exact = match precision {
        Precision::Exact => true,
        Precision::Estimated => false,
        Precision::ExactUpTo(most) => tables <= most,
    };
    let unknown = listed
        .values()
        .flatten()
        .filter(|table| table.size.rows.is_none());
    let unknown = unknown.count();
    if is_exact {
        drop(session);
        exact::measure(db, listed.values_mut().flatten().collect(), jobs).await?;
        session = db.session().await?;
    }
    Ok(Sizes {
        report: report(&session, tenants, listed).await?,
        is_exact,
        tables,
        unknown,
    })
}

/// The tables of each schema that is there.
async fn list(
    session: &mut Session,
    tenants: &[Tenant],
) -> Result<HashMap<SchemaName, Vec<Listed>>, db::Error> {
    // Compiling the query would take longer than running it.
    const OPENING: &str = "BEGIN READ ONLY; SET LOCAL jit = off; SET LOCAL statement_timeout = 0";
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let schemas: Vec<&str> = tenants.iter().map(|tenant| tenant.schema.as_str()).collect();
    let (transaction, _) = session.begin(OPENING).await?;
    let rows = transaction
        .query(include_str!("sql/tables.sql"), &[(&schemas, Type::NAME_ARRAY)])
        .await;
    let rows = transaction.end(rows).await?;
    let mut listed: HashMap<&str, Vec<Listed>> = HashMap::new();
    for row in &rows {
        let tables = listed.entry(row.get(0)).or_default();
        tables.extend(Listed::from_row(row));
    }
    let own = tenants.iter().filter_map(|tenant| {
        let tables = listed.remove(tenant.schema.as_str())?;
        Some((tenant.schema.clone(), tables))
    });
    Ok(own.collect())
}

impl Listed {
    fn from_row(row: &Row) -> Option<Self> {
        let bytes = |column: usize| bytes(row.get(column));
        let root: Option<String> = row.get(3);
        let rows: Option<f32> = row.get(7);
        Some(Self {
            oid: row.get::<_, Option<u32>>(1)?,
            is_partition: root.is_some(),
            name: root.unwrap_or_else(|| row.get(2)),
            size: Size {
                table: bytes(4),
                index: bytes(5),
                toast: bytes(6),
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "an estimate, not negative"
                )]
                rows: rows.map(|rows| rows as u64),
            },
            is_gone: false,
            is_changing: false,
        })
    }
}

fn bytes(value: Option<i64>) -> u64 {
    value
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or_default()
}

/// Accounts for every tenant.
async fn report(
    session: &Session,
    tenants: Vec<Tenant>,
    mut listed: HashMap<SchemaName, Vec<Listed>>,
) -> Result<Report<Measured>, RegistryError> {
    let is_suspicious = |tables: Option<&Vec<Listed>>| {
        tables.is_none_or(|tables| !tables.is_empty() && tables.iter().all(|table| table.is_gone))
    };
    let left = match tenants
        .iter()
        .any(|tenant| is_suspicious(listed.get(&tenant.schema)))
    {
        true => Some(registered(session).await?),
        false => None,
    };
    let outcome = |tenant: &Tenant| {
        let tables = listed.remove(&tenant.schema);
        if is_suspicious(tables.as_ref()) && left.as_ref().is_some_and(|left| !left.contains(&tenant.id)) {
            return Outcome::Skipped("it was dropped meanwhile".to_owned());
        }
        match tables {
            Some(tables) => Outcome::Done(Measured {
                tenant: tenant.clone(),
                tables: together(tables),
            }),
            None => Outcome::Failed(SchemaMissing(tenant.schema.clone()).into()),
        }
    };
    let outcomes: Vec<_> = tenants.iter().map(outcome).collect();
    let tenants = tenants.into_iter().zip(outcomes);
    let tenants = tenants.map(|(tenant, outcome)| TenantReport {
        slug: tenant.slug,
        outcome,
        elapsed: Duration::ZERO,
    });
    Ok(Report {
        tenants: tenants.collect(),
        interrupted: false,
    })
}

/// The tenants that the registry knows now.
async fn registered(session: &Session) -> Result<HashSet<uuid::Uuid>, RegistryError> {
    let everyone = Selection {
        which: Which::All,
        include_inactive: true,
        ..Selection::default()
    };
    let tenants = registry::select(session, &everyone).await?;
    Ok(tenants.iter().map(|tenant| tenant.id).collect())
}

/// Partitions become the table that they are partitions of.
fn together(listed: Vec<Listed>) -> Vec<Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for part in listed.into_iter().filter(|part| !part.is_gone) {
        let table = tables.entry(part.name.clone()).or_insert(Table {
            name: part.name,
            size: Size::default(),
            partitions: 0,
            is_changing: false,
        });
        table.size = table.size.and(part.size);
        table.is_changing |= part.is_changing;
        table.partitions += usize::from(part.is_partition);
    }
    tables.into_values().collect()
}
