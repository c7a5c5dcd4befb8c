//! Bringing a backup back: everything in one transaction, which commits only what is the same as what was backed up.

use std::time::Duration;

use uuid::Uuid;

use super::BackupError;
use super::feed::Rows;
use super::format::{Manifest, RowSum, Summary, TenantRow};
use super::prepare::hold_alone_in_tx;
use crate::blueprint::{self, CannotCopy, Table};
use crate::db::{
    self, Access, Db, Hold, LockName, OWN_ZONE, Opening, RoleName, RowsIn, SchemaName, Snapshot, TOLD_ZONE,
    Transaction, Type, read_rows, writable_in,
};
use crate::fleet::Observer;
use crate::ops::clone::{AfterRows, Steps, step};
use crate::ops::log::Entry;
use crate::ops::making;
use crate::ops::original::OriginalError;
use crate::ops::outside;
use crate::ops::roles::tenant as tenant_role;
use crate::ops::unfinished;
use crate::tenant::registry::{self, Origin};
use crate::tenant::{Domain, Naming, NewTenant, Slug, Tenant};

/// What a backup becomes.
#[derive(Debug, Clone)]
pub struct Target {
    /// Another slug than the one in the backup.
    pub slug: Option<Slug>,
    pub naming: Naming,
    /// A tenant of that slug makes room.
    pub replace: bool,
    /// Texts that name the original's schema in an unclear way are left as they are under another name.
    pub keep_text: bool,
}

/// What was restored, or would be.
#[derive(Debug)]
pub struct Restored {
    pub slug: Slug,
    pub schema: SchemaName,
    /// `None` when nothing was changed.
    pub tenant: Option<Tenant>,
    pub replaced: bool,
    pub manifest: Manifest,
    pub sums: Summary,
}

impl Target {
    /// The tenant that a backup becomes.
    pub(super) fn tenant(&self, manifest: &Manifest) -> Result<NewTenant, BackupError> {
        let unusable = |error: String| BackupError::Manifest(error);
        let row = &manifest.tenant;
        let own: Slug = row
            .slug
            .parse()
            .map_err(|error: crate::tenant::SlugError| unusable(error.to_string()))?;
        let slug = self.slug.clone().unwrap_or_else(|| own.clone());
        let is_other = slug != own;
        let schema = match is_other {
            true => self
                .naming
                .schema_for(&slug)
                .map_err(|error| unusable(error.to_string()))?,
            false => SchemaName::new(&manifest.schema).map_err(|error| unusable(error.to_string()))?,
        };
        let unclear = &manifest.definition.unclear;
        if is_other && !self.keep_text && !unclear.is_empty() {
            return Err(OriginalError::CannotCopy(CannotCopy::Unclear {
                schema,
                places: unclear.clone(),
            })
            .into());
        }
        let mut row = row.clone();
        if is_other {
            row.name = slug.to_string();
            row.domain = None;
        }
        self.named(&row, slug, schema)
    }

    /// The tenant that a row becomes under a slug, in a schema.
    pub(super) fn named(
        &self,
        row: &TenantRow,
        slug: Slug,
        schema: SchemaName,
    ) -> Result<NewTenant, BackupError> {
        let unusable = |error: String| BackupError::Manifest(error);
        let domain = row.domain.as_ref().map(|domain| domain.parse::<Domain>());
        let role = self.naming.role_for(&slug);
        Ok(NewTenant {
            slug,
            schema,
            role: role.map_err(|error| unusable(error.to_string()))?,
            name: row.name.clone(),
            domain: domain.transpose().map_err(|error| unusable(error.to_string()))?,
            plan: row.plan.clone(),
            region: row.region.clone(),
            metadata: row.metadata.clone(),
        })
    }
}

/// What is to be made.
pub(super) struct Work<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) new: &'a NewTenant,
    pub(super) target: &'a Target,
    pub(super) lock_timeout: Duration,
}

impl Work<'_> {
    /// Begins a transaction with the tenant's lock.
    async fn begin<'s>(&self, session: &'s mut db::Session) -> Result<Transaction<'s>, BackupError> {
        let opening = Opening {
            snapshot: Snapshot::Each,
            access: Access::ReadWrite,
            lock_timeout: self.lock_timeout,
            first: "",
            locks: &[(LockName::Tenant(&self.new.schema), Hold::Alone)],
        };
        Ok(session.begin_locked(&opening).await??)
    }

    /// Says whether a tenant would be replaced.
    pub(super) async fn foresee(&self, db: &Db) -> Result<bool, BackupError> {
        let session = db.session().await?;
        if self.target.replace && registry::look_up(&session, &self.new.slug).await?.is_some() {
            return Ok(true);
        }
        let rivals = registry::rivals(&session, std::slice::from_ref(self.new)).await?;
        match rivals
            .into_iter()
            .find_map(|rivals| making::obstacle(rivals, self.new))
        {
            Some(obstacle) => Err(obstacle),
            None => Ok(false),
        }
    }

    pub(super) async fn attempt(
        &self,
        db: &Db,
        mut rows: impl Rows,
        log: &Entry,
        observer: &mut dyn Observer,
    ) -> Result<(Tenant, bool), BackupError> {
        let mut session = db.direct().await?;
        let transaction = self.begin(&mut session).await?;
        let made = async {
            // A tenant that is replaced keeps the role that it has.
            let roles = tenant_role::of_schema(&transaction, &self.new.schema).await?;
            let (registered, old) = self.register_in_tx(&transaction).await?;
            let fingerprint = self
                .fill_in_tx(&transaction, &mut rows, old.as_ref(), observer)
                .await?;
            let is_replaced = registered.is_none();
            let tenant = self
                .settle_in_tx(&transaction, registered, old, &fingerprint)
                .await?;
            self.give_roles_in_tx(&transaction, roles).await?;
            transaction.script("SET LOCAL search_path = pg_catalog").await?;
            unfinished::set_in_tx(&transaction, &self.new.schema, &self.manifest.unfinished).await?;
            log.record_in_tx(&transaction, &self.new.slug).await?;
            rows.confirm().await?;
            Ok((tenant, is_replaced))
        };
        let made = made.await;
        transaction.end(made).await
    }

    /// Takes the slug, the domain and the schema's name. What bears them is put aside; it is there for everybody else
    /// until the transaction ends.
    async fn register_in_tx(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<(Option<Tenant>, Option<SchemaName>), BackupError> {
        let new = self.new;
        let schema = &new.schema;
        if self.target.replace && registry::look_up(transaction, &new.slug).await?.is_some() {
            let current = registry::lock_in_tx(transaction, &new.slug).await?;
            if current.schema != *schema {
                return Err(BackupError::OtherSchema {
                    slug: current.slug,
                    schema: current.schema,
                    named: schema.clone(),
                });
            }
            if registry::count_tables(transaction, schema).await?.is_none() {
                return Ok((None, None));
            }
            if let Some(needed) = outside::needed_in_tx(transaction, schema).await? {
                return Err(needed.into());
            }
            let aside = SchemaName::new(format!("tenantctl_replaced_{}", Uuid::new_v4().simple()))
                .expect("a short name with our prefix is a name");
            let rename = format!("ALTER SCHEMA {} RENAME TO {}", schema.quoted(), aside.quoted());
            transaction.script(&rename).await?;
            return Ok((None, Some(aside)));
        }
        let origin = Origin {
            version: self.manifest.tenant.schema_version,
            fingerprint: Some(&self.manifest.fingerprint),
        };
        Ok((
            Some(registry::insert_in_tx(transaction, new, &origin).await?),
            None,
        ))
    }

    /// Ends what the registry knows of the tenant, and drops what was replaced.
    async fn settle_in_tx(
        &self,
        transaction: &Transaction<'_>,
        registered: Option<Tenant>,
        old: Option<SchemaName>,
        fingerprint: &str,
    ) -> Result<Tenant, BackupError> {
        const SAME: &str = "UPDATE public.tenants AS t SET is_active = $3, created_at = $4, \
             id = CASE WHEN EXISTS (SELECT FROM public.tenants AS o WHERE o.id = $2) THEN t.id ELSE $2 END \
             WHERE t.slug = $1";
        const STATE: &str =
            "UPDATE public.tenants SET schema_version = $2, schema_fingerprint = $3 WHERE slug = $1";
        let (row, slug) = (&self.manifest.tenant, self.new.slug.as_str());
        transaction.script("SET LOCAL search_path = pg_catalog").await?;
        let params: [db::Param<'_>; 3] = [
            (&slug, Type::TEXT),
            (&row.schema_version, Type::INT8),
            (&fingerprint, Type::TEXT),
        ];
        transaction.execute(STATE, &params).await?;
        if registered.is_some() && row.slug == slug {
            // The same tenant again, as applications know it.
            let params: [db::Param<'_>; 4] = [
                (&slug, Type::TEXT),
                (&row.id, Type::UUID),
                (&row.is_active, Type::BOOL),
                (&row.created_at, Type::TIMESTAMPTZ),
            ];
            transaction.execute(SAME, &params).await?;
        }
        if let Some(old) = old {
            // Somebody may have made something of its tables while the rows were written.
            if let Some(needed) = outside::needed_in_tx(transaction, &old).await? {
                return Err(needed.of(&self.new.schema).into());
            }
            transaction
                .script(&format!("DROP SCHEMA {} CASCADE", old.quoted()))
                .await
                .map_err(|source| step("dropping what was replaced", source))?;
        }
        Ok(registry::find(transaction, &self.new.slug).await?)
    }

    /// Gives the schema its role, which is no part of a backup, and those that it had.
    async fn give_roles_in_tx(
        &self,
        transaction: &Transaction<'_>,
        had: Vec<RoleName>,
    ) -> Result<(), BackupError> {
        let NewTenant { role, schema, .. } = self.new;
        let more = had.iter().filter(|had| Some(*had) != role.as_ref());
        for role in role.iter().chain(more) {
            tenant_role::grant_in_tx(transaction, role, schema).await?;
        }
        Ok(())
    }

    /// Makes the schema with its rows, and compares it with what the backup says. Answers with its fingerprint. The
    /// schema `old` is going to be dropped.
    pub(super) async fn fill_in_tx(
        &self,
        transaction: &Transaction<'_>,
        rows: &mut impl Rows,
        old: Option<&SchemaName>,
        observer: &mut dyn Observer,
    ) -> Result<String, BackupError> {
        let definition = &self.manifest.definition;
        let schema = &self.new.schema;
        let script = &definition.script;
        let tables: Vec<&Table> = definition.filled().collect();
        let mut steps = Steps {
            slug: &self.new.slug,
            done: 0,
            of: tables.len() + script.after_rows.len() + script.refreshes.len(),
            observer,
        };
        making::make(transaction, &self.new.schema, &script.before_rows).await?;
        transaction.script(&writable_in(schema)).await?;
        for table in tables {
            steps.begin(&format!("rows of table {}", table.name));
            self.load(transaction, table, rows).await?;
        }
        rows.finish().await?;
        self.lock_shared_tables(transaction, old).await?;
        let after = AfterRows {
            statements: &script.after_rows,
            sequences: &definition.sequences,
            refreshes: &script.refreshes,
        };
        after.make_in_tx(transaction, schema, &mut steps).await?;
        self.compare(transaction).await
    }

    /// What comes after the rows adds foreign keys to tables that tenants share, and the drop of the old schema removes
    /// some. Nobody else who makes or drops tenants has to wait for the rows, nor for those who read the old ones. The
    /// lock that keeps all others away comes first: two who hold the shared one could not both get it.
    async fn lock_shared_tables(
        &self,
        transaction: &Transaction<'_>,
        old: Option<&SchemaName>,
    ) -> Result<(), BackupError> {
        if let Some(old) = old {
            transaction.script("SET LOCAL search_path = pg_catalog").await?;
            hold_alone_in_tx(transaction, old).await?;
            transaction
                .script(&format!(
                    "{};\n{}",
                    outside::lock_for_dropping(old),
                    writable_in(&self.new.schema)
                ))
                .await?;
        }
        if self.manifest.definition.refers_outside {
            transaction.script(&outside::lock_for_making()).await?;
        }
        Ok(())
    }

    /// Holds the definition against the one in the backup. Says what its fingerprint is.
    async fn compare(&self, transaction: &Transaction<'_>) -> Result<String, BackupError> {
        let schema = &self.new.schema;
        let found = blueprint::fingerprints_in_tx(transaction, std::slice::from_ref(schema))
            .await?
            .remove(schema)
            .unwrap_or_default();
        if found == self.manifest.fingerprint {
            return Ok(found);
        }
        // What PostgreSQL makes of its own words may have another fingerprint, and so has what an older program took.
        let made = blueprint::read_in_tx(transaction, schema)
            .await
            .map_err(|source| OriginalError::reading(schema, source))?;
        let made = made.script_with_owners().map_err(OriginalError::from)?;
        let differing = made.differing(&self.manifest.definition.script);
        match differing.is_empty() {
            true => Ok(found),
            false => Err(BackupError::Differs(differing.join(", "))),
        }
    }

    /// Loads a table, reads it again and compares.
    async fn load(
        &self,
        transaction: &Transaction<'_>,
        table: &Table,
        rows: &mut impl Rows,
    ) -> Result<(), BackupError> {
        let writing = |source| step(&format!("writing the rows of table {}", table.name), source);
        // Nobody sees the table before the transaction ends, so its rows may be old from the beginning: neither those
        // who read them next nor vacuum have to write that down.
        let mut into = RowsIn::begin(transaction, &format!("{} WITH (FREEZE)", table.copy_in()))
            .await
            .map_err(writing)?;
        let sent = rows.send(table, &mut into).await?;
        let arrived = into.finish().await.map_err(writing)?;
        let mut found = RowSum::default();
        transaction.script(TOLD_ZONE).await?;
        read_rows(transaction, &table.copy_out(&self.new.schema), async |piece| {
            found.add(&piece);
            true
        })
        .await
        .map_err(|source| step(&format!("reading the rows of table {} again", table.name), source))?;
        transaction.script(OWN_ZONE).await?;
        let found = found.of(&table.name);
        if found.rows != sent.rows || arrived != sent.rows {
            return Err(BackupError::Differs(format!(
                "table {} has {} rows, and had {}",
                table.name, found.rows, sent.rows
            )));
        }
        if found != sent {
            return Err(BackupError::Differs(format!(
                "the rows of table {} read otherwise",
                table.name
            )));
        }
        Ok(())
    }
}
