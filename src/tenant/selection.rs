//! Which tenants a command is about.

use std::collections::HashSet;

use super::Slug;
use super::registry::{self, RegistryError, Tenant};
use crate::db::Session;

/// A choice of tenants, the same for every command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub which: Which,
    /// Only tenants of these plans; empty for any.
    pub plans: Vec<String>,
    /// Only tenants of these regions; empty for any.
    pub regions: Vec<String>,
    pub include_inactive: bool,
    pub exclude: Vec<Slug>,
}

/// Where a selection begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    All,
    Slugs(Vec<Slug>),
}

/// Why a selection cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    #[error("there {} {}", if .0.len() == 1 { "is no tenant" } else { "are no tenants" }, quoted(.0))]
    Unknown(Vec<Slug>, Option<String>),
    #[error("{} suspended: {}", if .0.len() == 1 { "this tenant is" } else { "these tenants are" }, quoted(.0))]
    Suspended(Vec<Slug>),
    #[error("{0}")]
    Registry(#[from] RegistryError),
}

impl SelectionError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_, Some(hint)) => Some(hint.clone()),
            Self::Unknown(_, None) => Some("`tenantctl list --inactive` shows all tenants".to_owned()),
            Self::Suspended(_) => Some("pass `--inactive` to include suspended tenants".to_owned()),
            Self::Registry(_) => None,
        }
    }
}

fn quoted(slugs: &[Slug]) -> String {
    slugs
        .iter()
        .map(|slug| format!("`{slug}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Selection {
    /// The tenants that are meant, sorted by slug. A slug that was named and cannot be served is an error, so that a
    /// misspelt name never makes a run look complete.
    pub async fn resolve(&self, session: &Session) -> Result<Vec<Tenant>, SelectionError> {
        self.warn_of_unused(session).await?;
        self.resolve_again(session).await
    }

    /// The same in a run that has warned already.
    pub async fn resolve_again(&self, session: &Session) -> Result<Vec<Tenant>, SelectionError> {
        let found = self.named(session).await?;
        if self.which == Which::All {
            return Ok(registry::select(session, self).await?);
        }
        let mut suspended = Vec::new();
        let mut chosen = Vec::new();
        for tenant in found.into_iter().filter(|tenant| self.admits(tenant)) {
            if tenant.is_active() || self.include_inactive {
                chosen.push(tenant);
            } else {
                suspended.push(tenant.slug);
            }
        }
        if suspended.is_empty() {
            Ok(chosen)
        } else {
            Err(SelectionError::Suspended(suspended))
        }
    }

    /// Refuses slugs that nobody has, those to leave out among them: who is misspelt there is left in.
    pub async fn check(&self, session: &Session) -> Result<(), SelectionError> {
        self.warn_of_unused(session).await?;
        self.named(session).await.map(drop)
    }

    /// Plans and regions that no tenant has are no mistake, for the last tenant of a plan may have left it; but whoever
    /// misspelt one hears of it.
    async fn warn_of_unused(&self, session: &Session) -> Result<(), SelectionError> {
        if !self.plans.is_empty() || !self.regions.is_empty() {
            let (plans, regions) = registry::unused(session, &self.plans, &self.regions).await?;
            for plan in plans {
                tracing::warn!("no tenant has the plan `{plan}`");
            }
            for region in regions {
                tracing::warn!("no tenant is of the region `{region}`");
            }
        }
        Ok(())
    }

    /// The tenants whose slugs were given, be it to leave them out.
    async fn named(&self, session: &Session) -> Result<Vec<Tenant>, SelectionError> {
        let mut slugs = match &self.which {
            Which::All => Vec::new(),
            Which::Slugs(slugs) => slugs.clone(),
        };
        slugs.extend_from_slice(&self.exclude);
        if slugs.is_empty() {
            return Ok(Vec::new());
        }
        let everyone = Self {
            which: Which::Slugs(slugs.clone()),
            include_inactive: true,
            ..Self::default()
        };
        let found = registry::select(session, &everyone).await?;
        let mut known: HashSet<&Slug> = found.iter().map(|tenant| &tenant.slug).collect();
        let unknown: Vec<Slug> = slugs.iter().filter(|slug| known.insert(slug)).cloned().collect();
        if let Some(first) = unknown.first() {
            let hint = registry::unknown(session, first).await?.hint();
            return Err(SelectionError::Unknown(unknown, hint));
        }
        Ok(found)
    }

    fn admits(&self, tenant: &Tenant) -> bool {
        let region = tenant.region.as_deref().unwrap_or_default();
        (self.plans.is_empty() || self.plans.contains(&tenant.plan))
            && (self.regions.is_empty() || self.regions.iter().any(|wanted| wanted == region))
            && !self.exclude.contains(&tenant.slug)
    }
}
