//! What can be wrong with the registry, in words.

use super::Slug;
use crate::db::{self, SchemaName};

/// Why the registry could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("this database has no registry of tenants")]
    NotInitialised,
    #[error("table `public.tenants` of this database is no registry that this version knows")]
    Unfamiliar,
    #[error("tenant `{0}` already exists")]
    SlugTaken(Slug),
    #[error("domain `{0}` already belongs to another tenant")]
    DomainTaken(String),
    #[error("schema `{0}` already belongs to another tenant")]
    SchemaTaken(SchemaName),
    #[error("there is no tenant `{slug}`")]
    Unknown { slug: Slug, nearest: Option<String> },
    #[error("`public.tenants` took no row for `{0}`")]
    NotTaken(Slug),
    #[error("row `{slug}` of the registry cannot be used: {problem}")]
    BadRow { slug: String, problem: String },
    #[error("{0}")]
    Sql(#[source] db::Error),
}

impl From<db::Error> for RegistryError {
    fn from(error: db::Error) -> Self {
        match error.sqlstate() {
            // The same code out of somebody's trigger says nothing of the registry.
            _ if error.arose_within() => Self::Sql(error),
            Some("42P01") => Self::NotInitialised,
            Some("42703") => Self::Unfamiliar,
            _ => Self::Sql(error),
        }
    }
}

impl RegistryError {
    /// What it means where a table could not be used that the registry has had only since a later version.
    pub fn of_later_table(error: db::Error) -> Self {
        match Self::from(error) {
            Self::NotInitialised => Self::Unfamiliar,
            error => error,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotInitialised | Self::Unfamiliar => {
                Some("run `tenantctl init`, or check which database is meant".to_owned())
            }
            Self::SlugTaken(slug) => Some(format!(
                "see it with `tenantctl show {slug}`, or pass `--if-not-exists`"
            )),
            Self::DomainTaken(domain) => Some(format!("see whose it is with `tenantctl resolve {domain}`")),
            Self::SchemaTaken(_) => {
                Some("`-` and `_` in a slug name the same schema; choose another slug".to_owned())
            }
            Self::Unknown {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { nearest: None, .. } => {
                Some("`tenantctl list --inactive` shows all tenants".to_owned())
            }
            Self::NotTaken(_) => Some(
                "a trigger or a rule of that table keeps rows away; look with `\\d public.tenants` in psql"
                    .to_owned(),
            ),
            Self::BadRow { .. } => Some("correct it in `public.tenants`".to_owned()),
            Self::Sql(_) => None,
        }
    }
}
