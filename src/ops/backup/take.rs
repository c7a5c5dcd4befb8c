//! Taking backups: each from one snapshot, written while it is read.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join;
use jiff::Timestamp;
use tokio::time::timeout;

use super::BackupError;
use super::folder::Head;
use super::format::{Manifest, Summary};
use super::pack::{Recipients, Written};
use super::prepare::{prepare_in_tx, prepare_rows_in_tx};
use super::sending::{Begin, Sending};
use super::shared::Shared;
use crate::db::{Access, Db, Hold, LockName, Opening, QuotedText, Session, Snapshot, Transaction, told};
use crate::fleet::{self, Answer, Observer, Plan as FleetPlan, Report, Stop};
use crate::tenant::Tenant;

/// How many sessions it takes to read a definition while rows are sent: one for each, and one that is in no snapshot.
const SESSIONS_AT_ONCE: usize = 3;
/// How long the definition may take then: somebody who waits for a lock of the first may keep the second from it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to back up, and how.
#[derive(Debug)]
pub struct Request {
    pub tenants: Vec<Tenant>,
    pub options: Options,
    pub lock_timeout: Duration,
    pub plan: FleetPlan,
}

/// Where backups go, and what of a tenant goes along.
#[derive(Debug, Clone)]
pub struct Options {
    pub folder: PathBuf,
    pub recipients: Recipients,
    /// Tables whose rows stay.
    pub left_out: Vec<String>,
}

/// A backup that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub slug: String,
    pub head: Head,
    pub file: PathBuf,
    pub bytes: u64,
    pub taken_at: Timestamp,
    pub sums: Summary,
    pub notes: Vec<String>,
}

/// Backs up every tenant, each in a transaction of its own.
pub async fn run(db: &Db, request: Request, stop: &Stop, observer: &mut dyn Observer) -> Report<Taken> {
    let Request {
        tenants,
        options,
        lock_timeout,
        plan,
    } = request;
    // Reading a definition costs more than all else about a small tenant, and most have the same one.
    let work = Work {
        db,
        is_alone: tenants.len() == 1,
        options: &options,
        shared: &Shared::survey(db, &tenants, plan.jobs, stop).await,
        lock_timeout,
    };
    let job = async |tenant: &Tenant| Ok(Answer::Done(work.take(tenant).await?));
    fleet::run(tenants, plan, stop, observer, job).await
}

/// What is the same for all backups of a run.
struct Work<'a> {
    db: &'a Db,
    /// Whether there is one tenant, and nobody else who wants sessions of the pool.
    is_alone: bool,
    options: &'a Options,
    shared: &'a Shared,
    lock_timeout: Duration,
}

impl Work<'_> {
    async fn take(&self, tenant: &Tenant) -> Result<Taken, BackupError> {
        let leaves_nothing_out = self.options.left_out.is_empty();
        if self.is_alone && leaves_nothing_out && self.db.capacity() >= SESSIONS_AT_ONCE {
            if let Some(taken) = self.take_at_once(tenant).await? {
                return Ok(taken);
            }
            tracing::debug!("the definition of {} comes before the rows", tenant.slug);
        }
        self.take_in_turn(tenant).await
    }

    /// Reads the definition first, and then the rows.
    async fn take_in_turn(&self, tenant: &Tenant) -> Result<Taken, BackupError> {
        let mut session = self.db.direct().await?;
        let transaction = self.begin(&mut session, tenant).await?;
        let taken = take_in_tx(self.db, &transaction, tenant, self.options, self.shared).await;
        transaction.end(taken).await
    }

    /// Has a second session read the definition in the same snapshot while the rows are already on their way.
    ///
    /// `None` where that does not work out for whatever reason, but for rows that cannot be read and a file that cannot
    /// be written.
    async fn take_at_once(&self, tenant: &Tenant) -> Result<Option<Taken>, BackupError> {
        let (session, second) = join(self.db.direct(), self.db.direct()).await;
        let (mut session, Ok(mut second)) = (session?, second) else {
            return Ok(None);
        };
        let transaction = self.begin(&mut session, tenant).await?;
        let schema = &tenant.schema;
        let copies = match prepare_rows_in_tx(&transaction, schema).await {
            Ok(copies) => copies,
            // Waiting for the same locks again would not help.
            Err(error @ BackupError::Step { .. }) => return transaction.end(Err(error)).await,
            Err(_) => return Ok(None),
        };
        let Some(reader) = beside(&transaction, &mut second).await else {
            return Ok(None);
        };
        let (manifest, file) = Sending::begin(self.options, schema, Begin::WithRows);
        // Where there is no definition the manifest is dropped, and no more rows are wanted.
        let definition = async {
            let prepared = prepare_in_tx(self.db, &reader, tenant, &[], self.shared);
            let prepared = timeout(PATIENCE, prepared).await.ok()?;
            let (found, expected) = reader.end(prepared).await.ok()?;
            let about = About::of(&found);
            (expected == copies && manifest.send(found).is_ok()).then_some(about)
        };
        let (about, sent) = join(definition, file.tables(&transaction, schema, &copies)).await;
        let Some(about) = about else { return Ok(None) };
        sent?;
        let taken = about.taken(tenant, file.finish().await?);
        transaction.end(Ok::<_, BackupError>(Some(taken))).await
    }

    /// Locks the tenant against changes of ours.
    async fn begin<'s>(
        &self,
        session: &'s mut Session,
        tenant: &Tenant,
    ) -> Result<Transaction<'s>, BackupError> {
        let opening = Opening {
            snapshot: Snapshot::One,
            access: Access::ReadOnly,
            lock_timeout: self.lock_timeout,
            first: "",
            locks: &[(LockName::Tenant(&tenant.schema), Hold::Shared)],
        };
        Ok(session.begin_locked(&opening).await??)
    }
}

/// Begins a transaction in `second` that sees what the first one sees.
async fn beside<'s>(first: &Transaction<'_>, second: &'s mut Session) -> Option<Transaction<'s>> {
    let answers = first.text_query("SELECT pg_export_snapshot()").await.ok()?;
    let snapshot = told(&answers, 0)?;
    let opening = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}; \
         SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0",
        QuotedText::new(snapshot),
        PATIENCE.as_millis(),
    );
    // A pooler may have no second connection to the server before we let go of the first.
    let (transaction, _) = timeout(PATIENCE, second.begin(&opening)).await.ok()?.ok()?;
    Some(transaction)
}

/// Backs up a tenant as the caller's transaction sees it.
pub(in crate::ops) async fn take_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    options: &Options,
    shared: &Shared,
) -> Result<Taken, BackupError> {
    let (found, copies) = prepare_in_tx(db, transaction, tenant, &options.left_out, shared).await?;
    let about = About::of(&found);
    let (manifest, file) = Sending::begin(options, &tenant.schema, Begin::WithManifest);
    manifest.send(found).ok();
    file.tables(transaction, &tenant.schema, &copies).await?;
    Ok(about.taken(tenant, file.finish().await?))
}

/// What is kept of a manifest for the report.
struct About {
    head: Head,
    notes: Vec<String>,
    /// The columns that hold identifiers of objects, by table.
    identifiers: Vec<(String, Vec<String>)>,
}

impl About {
    fn of(manifest: &Manifest) -> Self {
        let identifiers = manifest.definition.filled();
        Self {
            head: Head::new(manifest, None),
            notes: manifest.notes.clone(),
            identifiers: identifiers
                .map(|table| (table.name.clone(), table.identifiers().to_vec()))
                .collect(),
        }
    }

    fn taken(self, tenant: &Tenant, written: Written) -> Taken {
        let Self {
            mut head,
            mut notes,
            identifiers,
        } = self;
        let Written {
            file,
            bytes,
            taken_at,
            sums,
        } = written;
        let named: Vec<String> = identifiers
            .into_iter()
            .filter(|(name, _)| sums.tables.iter().any(|sum| sum.name == *name && sum.rows > 0))
            .flat_map(|(_, columns)| columns)
            .collect();
        if !named.is_empty() {
            notes.push(format!(
                "identifiers of objects are kept as they are, and large objects that they name are in no backup: {}",
                named.join(", ")
            ));
        }
        head.rows = Some(sums.rows());
        Taken {
            slug: tenant.slug.to_string(),
            head,
            file,
            bytes,
            taken_at,
            sums,
            notes,
        }
    }
}
