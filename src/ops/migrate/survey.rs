//! What is to be done, found without changing anything and, when that is nothing, in next to no time.

use super::{How, Request, RolloutError};
use crate::db::migrator::{History, Standing};
use crate::db::{Db, SchemaMissing, Session};
use crate::ops::forward::{ForwardError, has_tables};
use crate::ops::migration_histories::{self, Found};
use crate::tenant::registry;
use crate::tenant::{Tenant, Which};

/// How far everything is, beside what it should be.
#[derive(Debug)]
pub struct Survey {
    pub registry: Standing,
    /// `None` where the template keeps no history.
    pub template: Option<Standing>,
    /// Tenants of the selection that are at the version already.
    pub current: usize,
    /// Those that are not, with what each lacks as far as the registry knows.
    pub behind: Vec<(Tenant, Standing)>,
}

impl Survey {
    /// Whether a run would change nothing.
    pub fn is_current(&self) -> bool {
        self.registry.is_current()
            && self.template.as_ref().is_some_and(Standing::is_current)
            && self.behind.is_empty()
    }
}

/// Looks at everything that the request is about.
pub async fn survey(db: &Db, request: &Request) -> Result<Survey, RolloutError> {
    let session = db.session().await?;
    let files = &request.template.migrations;
    let (registry, template) =
        migration_histories::of_registry_and_template(&session, &request.template.schema).await?;
    request.selection.check(&session).await?;
    let (behind, current) = behind(&session, request).await?;
    let unknown = History::default();
    let behind = behind.into_iter().map(|tenant| {
        let history = tenant
            .schema_version
            .and_then(|version| files.history_at(version));
        let standing = files.standing(history.as_ref().unwrap_or(&unknown));
        (tenant, standing.up_to(request.how.to, files))
    });
    Ok(Survey {
        registry: request.registry.standing(&registry),
        template: template.map(|history| files.standing(&history).up_to(request.how.to, files)),
        current,
        behind: behind.collect(),
    })
}

/// Tenants as they are, where the registry does not tell.
#[derive(Debug)]
pub struct Closer {
    pub current: usize,
    pub behind: Vec<(Tenant, Standing)>,
    /// Those with whom a run would fail before it begins with them, and why.
    pub unfit: Vec<(Tenant, ForwardError)>,
}

/// Reads the history of each tenant that is behind and whose version in the registry promises none of the files'.
pub async fn look_closer(db: &Db, request: &Request, survey: &Survey) -> Result<Closer, RolloutError> {
    let How { to, deep, .. } = request.how;
    let files = &request.template.migrations;
    let promises_history = |tenant: &Tenant| {
        !deep
            && files.are_told_by_version()
            && tenant.schema_version.is_some_and(|version| files.has(version))
    };
    let session = db.session().await?;
    let unclear: Vec<&Tenant> = survey
        .behind
        .iter()
        .map(|(tenant, _)| tenant)
        .filter(|tenant| !promises_history(tenant))
        .collect();
    let found = migration_histories::of_tenants(&session, &unclear).await?;
    let mut closer = Closer {
        current: survey.current,
        behind: Vec::new(),
        unfit: Vec::new(),
    };
    for (tenant, standing) in &survey.behind {
        let standing = if promises_history(tenant) {
            Ok(standing.clone())
        } else {
            let history = own_history(&session, request, tenant, found.get(&tenant.schema)).await?;
            history.map(|history| files.standing(&history).up_to(to, files))
        };
        match standing.and_then(|standing| standing.check().map(|()| standing).map_err(ForwardError::from)) {
            Ok(standing) if standing.pending.is_empty() => closer.current += 1,
            Ok(standing) => closer.behind.push((tenant.clone(), standing)),
            Err(error) => closer.unfit.push((tenant.clone(), error)),
        }
    }
    Ok(closer)
}

/// The template beside the files, as a run would find it; or why the run would fail there.
pub async fn look_at_template(
    db: &Db,
    request: &Request,
    survey: &Survey,
) -> Result<Result<Standing, ForwardError>, RolloutError> {
    let How {
        to, fake, baseline, ..
    } = request.how;
    let (files, schema) = (&request.template.migrations, &request.template.schema);
    if let Some(standing) = &survey.template {
        let fits = standing.check().map_err(ForwardError::from);
        return Ok(fits.map(|()| standing.clone()));
    }
    let session = db.session().await?;
    let history = match has_tables(&session, schema).await? {
        // There is nothing in it that could be taken for a version.
        false => None,
        true => match baseline {
            None if !fake => return Ok(Err(ForwardError::NoHistory(schema.clone()))),
            version => version.and_then(|version| files.history_at(version)),
        },
    };
    let standing = files.standing(&history.unwrap_or_default());
    Ok(Ok(standing.up_to(to, files)))
}

/// The history that a run would begin with.
async fn own_history(
    session: &Session,
    request: &Request,
    tenant: &Tenant,
    found: Option<&Found>,
) -> Result<Result<History, ForwardError>, RolloutError> {
    let How { fake, baseline, .. } = request.how;
    let schema = &tenant.schema;
    Ok(match found {
        None => Err(SchemaMissing(schema.clone()).into()),
        Some(Found::History(history)) if !history.is_empty() => Ok(history.clone()),
        Some(_) if baseline.is_some() => {
            let files = &request.template.migrations;
            Ok(baseline
                .and_then(|version| files.history_at(version))
                .unwrap_or_default())
        }
        Some(Found::NoHistory) if !fake && has_tables(session, schema).await? => {
            Err(ForwardError::NoHistory(schema.clone()))
        }
        Some(_) => Ok(History::default()),
    })
}

/// The tenants that may have something to do, and how many have not.
pub(super) async fn behind(
    session: &Session,
    request: &Request,
) -> Result<(Vec<Tenant>, usize), RolloutError> {
    let Request { selection, how, .. } = request;
    let target = request.target();
    let is_ahead = |tenant: &Tenant| how.to.is_some() && tenant.schema_version > target;
    // A slug that nobody has must be said.
    let named = match selection.which {
        Which::Slugs(_) => Some(selection.resolve_again(session).await?),
        Which::All => None,
    };
    let distrusts = how.deep || !request.template.migrations.are_told_by_version();
    if let Some(named) = named {
        let total = named.len();
        let is_wanted = |tenant: &Tenant| distrusts || (tenant.schema_version != target && !is_ahead(tenant));
        let behind: Vec<Tenant> = named.into_iter().filter(is_wanted).collect();
        return Ok((behind.clone(), total - behind.len()));
    }
    if distrusts {
        return Ok((registry::select(session, selection).await?, 0));
    }
    let (total, behind) = registry::count_behind(session, selection, target).await?;
    if behind == 0 {
        return Ok((Vec::new(), total));
    }
    let mut tenants = registry::select_behind(session, selection, target).await?;
    tenants.retain(|tenant| !is_ahead(tenant));
    let current = total.saturating_sub(tenants.len());
    Ok((tenants, current))
}
