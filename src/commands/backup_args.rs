//! What several commands that take or read backups have in common: where they are, and the keys.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::db::Db;
use crate::error::UsageError;
use crate::ops::backup::{Identities, Recipients};

/// Where backups are.
#[derive(Debug, clap::Args)]
pub(crate) struct DirArgs {
    /// Folder of the backups [default: the configuration's `backup.dir`]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl DirArgs {
    pub(super) fn folder<'a>(&'a self, cx: &'a Context) -> anyhow::Result<&'a Path> {
        let folder = self.dir.as_deref().or(cx.settings.backup.dir.as_deref());
        folder.ok_or_else(|| {
            UsageError::new("no folder for backups was named")
                .with_hint("pass `--dir FOLDER`, or set `backup.dir` in the configuration")
                .into()
        })
    }
}

/// The keys for encrypted backups.
#[derive(Debug, clap::Args)]
pub(crate) struct IdentityArgs {
    /// File with the key of an encrypted backup, as `age-keygen` writes it; may be repeated
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

impl IdentityArgs {
    pub(super) fn load(&self) -> anyhow::Result<Identities> {
        Ok(Identities::load(&self.identity)?)
    }
}

/// Whom backups are encrypted to.
pub(super) fn recipients(cx: &Context, flags: &[String]) -> anyhow::Result<Recipients> {
    let written = if flags.is_empty() {
        &cx.settings.backup.recipients
    } else {
        flags
    };
    Ok(Recipients::new(written)?)
}

/// How many tenants can be backed up at once: each needs two connections, one that reads and one that sees what is
/// changed meanwhile.
pub(super) fn halved(db: &Db) -> anyhow::Result<usize> {
    match db.capacity() / 2 {
        0 => Err(
            UsageError::new("this needs two connections at once, and the pool has one")
                .with_hint("raise `database.pool_max`")
                .into(),
        ),
        half => Ok(half),
    }
}
