//! Taking backups: each from one snapshot, written while it is read.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::folder::Head;
use super::format::{Definition, Manifest, Summary, TenantRow};
use super::left_out::leave_out_in_tx;
use super::pack::{FileWriter, Recipients, Written};
use super::shared::{Known, Shared};
use super::{BackupError, READABLE};
use crate::blueprint::{self, Shape, Table, UnclearText, state_of_sequence};
use crate::db::{self, Db, LockHeld, LockName, SchemaName, Transaction, Type, read_rows};
use crate::fleet::{self, Answer, Observer, Plan as FleetPlan, Report, Stop};
use crate::ops::clone::{Contents, Plan, step};
use crate::ops::original::{self, OriginalError};
use crate::ops::unfinished;
use crate::tenant::Tenant;
use crate::tenant::registry::{self, RegistryError};

/// How many pieces of rows wait for the file at most: more than a frame, so that the server goes on while one is
/// compressed.
const WAITING: usize = 48;

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
    let shared = Shared::survey(db, &tenants, plan.jobs, stop).await;
    let job = async |tenant: &Tenant| {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match take(db, tenant, &options, &shared, lock_timeout).await {
                Ok(taken) => return Ok(Answer::Done(taken)),
                Err(error) if error.may_pass() && attempt <= plan.retry.times => {
                    tokio::time::sleep(plan.retry.pause(attempt)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    fleet::run(tenants, plan, stop, observer, job).await
}

async fn take(
    db: &Db,
    tenant: &Tenant,
    options: &Options,
    shared: &Shared,
    lock_timeout: Duration,
) -> Result<Taken, BackupError> {
    let lock = LockName::Tenant(&tenant.schema);
    let opening = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_try_advisory_xact_lock_shared({})",
        db::optional_limit_in_ms(lock_timeout),
        lock.key(),
    );
    let mut session = db.direct().await?;
    let (transaction, answers) = session.begin(&opening).await?;
    let is_locked = answers
        .last()
        .and_then(|answer| answer.rows.first())
        .is_some_and(|row| row[0].as_deref() == Some("t"));
    if !is_locked {
        let holder = lock.holder(&transaction).await?;
        transaction.rollback().await?;
        return Err(LockHeld::new(lock, holder).into());
    }
    match take_in_tx(db, &transaction, tenant, options, shared).await {
        // The server may be in the middle of a table that nobody wants any more: it hears so when the connection ends.
        Err(error @ (BackupError::Write { .. } | BackupError::Abandoned)) => Err(error),
        result => transaction.end(result).await,
    }
}

/// Backs up a tenant as the caller's transaction sees it.
pub(in crate::ops) async fn take_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    options: &Options,
    shared: &Shared,
) -> Result<Taken, BackupError> {
    let (manifest, copies) = prepare_in_tx(db, transaction, tenant, &options.left_out, shared).await?;
    let taken_at = manifest.taken_at;
    let mut notes = manifest.notes.clone();
    let mut head = Head::new(&manifest, None);
    let identifiers: Vec<(String, Vec<String>)> = manifest
        .definition
        .filled()
        .map(|table| (table.name.clone(), table.identifiers().to_vec()))
        .collect();
    let file = Sending::begin(options, manifest, tenant);
    for (name, copy) in copies {
        if !file.send(Piece::Table).await {
            break;
        }
        let sent = read_rows(transaction, &copy, async |piece| {
            file.send(Piece::Rows(piece)).await
        })
        .await;
        sent.map_err(|source| step(&format!("reading the rows of table {name}"), source))?;
        file.send(Piece::EndOfTable).await;
    }
    let Written { file, bytes, sums } = file.finish().await?;
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
    Ok(Taken {
        slug: tenant.slug.to_string(),
        head,
        file,
        bytes,
        taken_at,
        sums,
        notes,
    })
}

/// Everything that comes before the first row, and each table with the statement that tells its rows.
pub(super) async fn prepare_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    tenant: &Tenant,
    left_out: &[String],
    shared: &Shared,
) -> Result<(Manifest, Vec<(String, String)>), BackupError> {
    let schema = &tenant.schema;
    let current = registry::find(transaction, &tenant.slug).await?;
    if current.id != tenant.id || current.schema != *schema {
        return Err(RegistryError::Unknown {
            slug: tenant.slug.clone(),
            nearest: None,
        }
        .into());
    }
    let taken_at = Timestamp::now();
    let unfinished = unfinished::of(transaction, schema).await?;
    let known = match shared.find_in_tx(db, transaction, schema).await? {
        Some(known) => known,
        None => read_in_tx(db, transaction, schema, shared).await?,
    };
    transaction
        .script(&format!("{READABLE}; SET LOCAL synchronize_seqscans = off"))
        .await?;
    let Known {
        mut definition,
        sequences,
        fingerprint,
        notes,
    } = known;
    leave_out_in_tx(transaction, schema, left_out, &mut definition).await?;
    let mut questions: Vec<String> =
        vec!["SELECT current_setting('server_version'), current_database()".to_owned()];
    questions.extend(sequences.iter().map(|name| state_of_sequence(name, schema)));
    let mut answers = transaction
        .text_query(&questions.join(";\n"))
        .await?
        .into_iter()
        .map(|answer| {
            answer
                .rows
                .into_iter()
                .flatten()
                .flatten()
                .collect::<Vec<String>>()
        });
    let server = answers.next().unwrap_or_default();
    definition.sequences = answers.flatten().collect();
    let copies = definition
        .filled()
        .map(|table: &Table| (table.name.clone(), table.copy_out(schema)))
        .collect();
    let [server_version, database] = <[String; 2]>::try_from(server).unwrap_or_default();
    let manifest = Manifest {
        mark: format!("tenantctl{}", uuid::Uuid::new_v4().simple()),
        tenantctl: env!("CARGO_PKG_VERSION").to_owned(),
        server_version,
        database,
        taken_at,
        schema: schema.to_string(),
        tenant: TenantRow::from(&current),
        fingerprint,
        definition,
        unfinished,
        notes,
    };
    Ok((manifest, copies))
}

/// Reads a definition, and keeps it for others that have the same.
async fn read_in_tx(
    db: &Db,
    transaction: &Transaction<'_>,
    schema: &SchemaName,
    shared: &Shared,
) -> Result<Known, BackupError> {
    let plan = Plan::read_in_tx(transaction, schema, &Contents::All, UnclearText::Keep).await?;
    let script = plan
        .blueprint
        .script_with_owners(Shape::WithRows, UnclearText::Keep)
        .map_err(OriginalError::from)?;
    plan.keep_original(db, transaction).await?;
    let fingerprint = blueprint::fingerprints_in_tx(transaction, std::slice::from_ref(schema))
        .await?
        .remove(schema)
        .unwrap_or_default();
    let known = Known {
        definition: Definition::new(&plan.blueprint, script, Vec::new()),
        sequences: plan.sequences.clone(),
        fingerprint,
        notes: original::notes(
            &plan.blueprint,
            "the tenant",
            "what is restored under another name",
        ),
    };
    shared.keep_in_tx(transaction, &plan.blueprint, &known).await?;
    Ok(known)
}

/// Keeps everybody from writing to the tables of a schema until the caller's transaction ends.
pub(in crate::ops) async fn hold_still_in_tx(
    transaction: &Transaction<'_>,
    schema: &SchemaName,
) -> Result<(), BackupError> {
    const TABLES: &str = "SELECT pg_catalog.format('ONLY %I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c \
                          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                          WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.oid";
    let rows = transaction
        .query(TABLES, &[(&schema.as_str(), Type::TEXT)])
        .await?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if !tables.is_empty() {
        transaction
            .script(&format!("LOCK TABLE {} IN SHARE MODE", tables.join(", ")))
            .await
            .map_err(|source| step("keeping the tables still", source))?;
    }
    Ok(())
}

/// A piece of a backup on its way to the thread that writes the file.
enum Piece {
    Table,
    Rows(Vec<u8>),
    EndOfTable,
    End,
}

/// A backup on its way into its file: one thread compresses and writes while the next rows are read.
struct Sending {
    pieces: mpsc::Sender<Piece>,
    written: JoinHandle<Result<Written, BackupError>>,
}

impl Sending {
    fn begin(options: &Options, manifest: Manifest, tenant: &Tenant) -> Self {
        let (pieces, heard) = mpsc::channel(WAITING);
        let (options, schema) = (options.clone(), tenant.schema.clone());
        let written = tokio::task::spawn_blocking(move || write(heard, &options, manifest, schema));
        Self { pieces, written }
    }

    /// Says whether more is wanted.
    async fn send(&self, piece: Piece) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    async fn finish(self) -> Result<Written, BackupError> {
        self.send(Piece::End).await;
        drop(self.pieces);
        self.written.await.unwrap_or(Err(BackupError::Abandoned))
    }
}

fn write(
    mut pieces: mpsc::Receiver<Piece>,
    options: &Options,
    manifest: Manifest,
    schema: SchemaName,
) -> Result<Written, BackupError> {
    let failed = |source| BackupError::Write {
        file: options.folder.clone(),
        source,
    };
    let mut file =
        FileWriter::begin(&options.folder, manifest, schema, &options.recipients).map_err(failed)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Table => file.begin_table().map_err(failed)?,
            Piece::Rows(rows) => file.rows(&rows).map_err(failed)?,
            Piece::EndOfTable => file.end_table().map_err(failed)?,
            Piece::End => return file.finish().map_err(failed),
        }
    }
    // Whoever sends has gone away, and the file with it.
    Err(BackupError::Abandoned)
}
