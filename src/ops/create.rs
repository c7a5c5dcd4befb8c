//! Making tenants: a row of the registry and a schema, both or neither.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::log::Entry;
use super::making::{self, MakeError};
use super::original::Original;
use super::outside;
use super::roles::tenant::{self as tenant_role, TenantRoleError};
use crate::blueprint::UnclearText;
use crate::db::{self, Commit, Db, Hold, LockName, QuotedText, SchemaName, Session, Undone};
use crate::fleet::{self, Answer, Observer, Outcome, Plan, Report, Stop, TenantReport};
use crate::tenant::registry::{self, Origin, RegistryError};
use crate::tenant::{NewTenant, Selection, Slug, Tenant, Which};

/// How often the template is read again when it was migrated meanwhile. A run that commits after each migration may
/// have many.
const REREADS: usize = 50;

/// Why a tenant is passed over.
const ALREADY_THERE: &str = "it already exists";

/// What to make, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<NewTenant>,
    /// What they are made from.
    pub source: Source,
    /// The same as it was read.
    pub original: Original,
    /// A tenant that is there already is no failure.
    pub if_not_exists: bool,
    pub lock_timeout: Duration,
    pub plan: Plan,
    pub log: Entry,
}

/// Why a tenant was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Schema(#[from] MakeError),
    #[error("{0}")]
    Role(#[from] TenantRoleError),
    #[error("the template is being migrated again and again")]
    TemplateMoved,
    #[error("{0}")]
    Sql(#[from] db::Error),
}

/// Where tenants come from.
#[derive(Debug, Clone)]
pub struct Source {
    pub template: SchemaName,
    /// Tables whose rows go along.
    pub reference_tables: Vec<String>,
    pub unclear: UnclearText,
}

impl Source {
    /// Reads what tenants are made from.
    pub async fn read(&self, db: &Db) -> anyhow::Result<Original> {
        let mut session = db.direct().await?;
        if !registry::exists(&session).await? {
            return Err(RegistryError::NotInitialised.into());
        }
        // With a pool of one there is nobody to help.
        let second = async || match db.capacity() {
            0 | 1 => None,
            _ => db.direct().await.ok(),
        };
        let Self {
            template,
            reference_tables,
            unclear,
        } = self;
        Ok(Original::template(&mut session, second, template, reference_tables, *unclear).await?)
    }
}

/// What all tenants of a run are made from, read anew when the template has moved on.
struct Current<'a> {
    db: &'a Db,
    source: &'a Source,
    original: Mutex<Arc<Original>>,
}

impl Current<'_> {
    async fn get(&self) -> Arc<Original> {
        Arc::clone(&*self.original.lock().await)
    }

    /// Another one than `old`. Of those who ask at once the first reads it.
    async fn newer_than(&self, old: &Arc<Original>) -> anyhow::Result<Arc<Original>> {
        let mut current = self.original.lock().await;
        if Arc::ptr_eq(&current, old) {
            *current = Arc::new(self.source.read(self.db).await?);
        }
        Ok(Arc::clone(&current))
    }
}

/// Makes every tenant in a transaction of its own.
pub async fn run(db: &Db, request: Request, stop: &Stop, observer: &mut dyn Observer) -> Report<Tenant> {
    let Request {
        tenants,
        source,
        original,
        if_not_exists,
        lock_timeout,
        plan,
        log,
    } = request;
    // Nobody migrates the template while a tenant is made from it.
    let opening = |original: &Original| {
        let mut opening = format!(
            "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; SELECT {}",
            db::optional_limit_in_ms(lock_timeout),
            LockName::Tenant(&source.template).taken(Hold::Shared)
        );
        if original.blueprint().refers_outside() {
            opening.push_str(&format!("; {}", outside::lock_for_making()));
        }
        opening
    };
    let current = Current {
        db,
        source: &source,
        original: Mutex::new(Arc::new(original)),
    };
    let job = async |new: &NewTenant| {
        let mut original = current.get().await;
        let mut session = db.direct().await?;
        let mut made = make(&mut session, &opening(&original), new, &original, &log).await;
        for _ in 0..REREADS {
            if !matches!(made, Err(CreateError::TemplateMoved)) {
                break;
            }
            drop(session);
            original = current.newer_than(&original).await?;
            session = db.direct().await?;
            made = make(&mut session, &opening(&original), new, &original, &log).await;
        }
        match made {
            Ok(tenant) => Ok(Answer::Done(tenant)),
            Err(CreateError::Registry(RegistryError::SlugTaken(_))) if if_not_exists => {
                Ok(Answer::Skip(ALREADY_THERE.to_owned()))
            }
            Err(error) => Err(explain(error, &mut session, &opening(&original), new, &original)
                .await
                .into()),
        }
    };
    let report = fleet::run(tenants, plan, stop, observer, job).await;
    log.record_failures(db, &report).await;
    report
}

/// The row comes first: its unique constraints make runs for one slug wait for each other before any of them
/// touches a schema.
async fn make(
    session: &mut Session,
    opening: &str,
    new: &NewTenant,
    original: &Original,
    log: &Entry,
) -> Result<Tenant, CreateError> {
    const GUARD: usize = 1;
    const ROW: usize = 2;
    const SCHEMA: usize = 3;
    const ROLE: usize = 4;
    let origin = Origin {
        version: original.version,
        fingerprint: original.fingerprint.as_deref(),
    };
    // A trigger of somebody else's may have kept the row out without a word.
    let row = format!(
        "{}; SELECT 1 / count(*) FROM public.tenants WHERE slug = {}",
        registry::insert_sql(new, &origin),
        QuotedText::new(new.slug.as_str())
    );
    let role = new.role.as_ref();
    let granted = role.map_or_else(String::new, |role| tenant_role::grant_sql(role, &new.schema));
    let parts = [
        opening,
        &original.guard(),
        &row,
        &original.sql(&new.schema),
        &granted,
        // The template's own functions come before PostgreSQL's as long as its schema is in the path.
        &format!(
            "SET LOCAL search_path = pg_catalog; {}{}",
            original.unfinished(&new.schema),
            log.record_sql(&new.slug)
        ),
    ];
    let look_up = async |session: &Session| registry::look_up(session, &new.slug).await;
    let (made, found) = session.in_one_trip(&parts, Commit::Now, look_up).await;
    made.map_err(|Undone { part, error }| match (part, error.sqlstate()) {
        (GUARD, Some("22012" | "42P01" | "3F000")) => CreateError::TemplateMoved,
        (ROW, Some("22012")) => RegistryError::NotTaken(new.slug.clone()).into(),
        (ROW, _) => registry::insertion_failed(error, new).into(),
        (SCHEMA, _) => MakeError::new(&new.schema, None, error).into(),
        (ROLE, _) => match role {
            Some(role) => TenantRoleError {
                role: role.clone(),
                schema: new.schema.clone(),
                source: error,
            }
            .into(),
            None => CreateError::Sql(error),
        },
        _ => CreateError::Sql(error),
    })?;
    // The tenant is there. What a cancellation hit may have been the question.
    let tenant = match found {
        Ok(tenant) => tenant,
        Err(_) => registry::look_up(session, &new.slug).await?,
    };
    tenant.ok_or_else(|| {
        CreateError::Registry(RegistryError::Unknown {
            slug: new.slug.clone(),
            nearest: None,
        })
    })
}

/// Says which object could not be made. The message in which all of them were sent does not.
async fn explain(
    error: CreateError,
    session: &mut Session,
    opening: &str,
    new: &NewTenant,
    original: &Original,
) -> CreateError {
    match error {
        CreateError::Schema(MakeError::Failed { schema, source, .. }) if source.lies_in_the_statement() => {
            let object = original
                .failing_statement(session, opening, &new.schema)
                .await
                .ok()
                .flatten();
            MakeError::Failed {
                schema,
                object,
                source,
            }
            .into()
        }
        error => error,
    }
}

/// How it would go, as far as that can be seen without trying: whether there is a template, and slug, schema and domain
/// are free.
pub async fn foresee(
    db: &Db,
    source: &Source,
    tenants: Vec<NewTenant>,
    if_not_exists: bool,
) -> anyhow::Result<Report<NewTenant>> {
    let session = db.session().await?;
    Original::is_there(&session, &source.template, &source.reference_tables).await?;
    let found = registry::rivals(&session, &tenants).await?;
    let foreseen = tenants.into_iter().zip(found).map(|(new, rivals)| TenantReport {
        slug: new.slug.clone(),
        elapsed: Duration::ZERO,
        outcome: match making::obstacle::<CreateError>(rivals, &new) {
            Some(CreateError::Registry(RegistryError::SlugTaken(_))) if if_not_exists => {
                Outcome::Skipped(ALREADY_THERE.to_owned())
            }
            Some(obstacle) => Outcome::Failed(obstacle.into()),
            None => Outcome::Done(new),
        },
    });
    let foreseen = Report {
        tenants: foreseen.collect(),
        interrupted: false,
    };
    Ok(foreseen.and(Report::of_not_started([])))
}

/// Those of these tenants who are there, suspended ones too.
pub async fn registered(db: &Db, slugs: &[Slug]) -> anyhow::Result<Vec<Tenant>> {
    let selection = Selection {
        which: Which::Slugs(slugs.to_vec()),
        include_inactive: true,
        ..Selection::default()
    };
    Ok(registry::select(&db.session().await?, &selection).await?)
}
