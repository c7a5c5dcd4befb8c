//! The registry beside what is there: schemas, leftovers, versions.

use std::collections::HashSet;

use super::ask::Ask;
use super::checks;
use super::finding::{Finding, Severity};
use super::words::{chosen, first, verb};
use super::{Asking, HealthError};
use crate::blueprint;
use crate::db::migrator::Migrations;
use crate::db::{self, LockName, SchemaName};
use crate::ops::migration_histories;
use crate::ops::rehearse;
use crate::tenant::registry::count_tables;
use crate::words::count;

/// A tenant, as far as anything here needs to know it.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) slug: String,
    pub(super) schema: String,
    pub(super) version: Option<i64>,
    pub(super) fingerprint: Option<String>,
    is_there: bool,
    has_tables: bool,
    is_active: bool,
}

/// Every tenant in the registry.
pub(super) async fn tenants(ask: &Ask) -> Result<Vec<Tenant>, db::Error> {
    let rows = ask.rows(include_str!("sql/tenants.sql")).await?;
    let tenant = |row: &super::ask::Row| Tenant {
        slug: row.text(0).to_owned(),
        schema: row.text(1).to_owned(),
        version: row.optional(2).and_then(|version| version.parse().ok()),
        fingerprint: row
            .optional(3)
            .filter(|kept| blueprint::is_comparable(kept))
            .map(str::to_owned),
        is_there: row.flag(4),
        has_tables: row.flag(5),
        is_active: row.flag(6),
    };
    Ok(rows.iter().map(tenant).collect())
}

/// The slugs of those tenants of which something is so.
pub(super) fn slugs(tenants: &[Tenant], is_so: impl Fn(&Tenant) -> bool) -> Vec<String> {
    let those = tenants.iter().filter(|tenant| is_so(tenant));
    those.map(|tenant| tenant.slug.clone()).collect()
}

/// What a command needs that is to reach all of those.
pub(super) fn flag(tenants: &[Tenant], is_so: impl Fn(&Tenant) -> bool) -> &'static str {
    match tenants.iter().any(|tenant| !tenant.is_active && is_so(tenant)) {
        true => " --inactive",
        false => "",
    }
}

/// Rows without schemas, schemas without rows, and what was interrupted.
pub(super) async fn reality(
    ask: &mut Ask,
    asking: &Asking<'_>,
    tenants: &[Tenant],
) -> Result<Vec<Finding>, HealthError> {
    let mut found = Vec::new();
    let missing = slugs(tenants, |tenant| !tenant.is_there);
    if !missing.is_empty() {
        let summary = format!(
            "{} {} in the registry, and the database has no schema for {}",
            count(missing.len(), "tenant"),
            verb(missing.len(), "is", "are"),
            verb(missing.len(), "it", "them")
        );
        found.push(
            Finding::new(Severity::Critical, &checks::SCHEMA_MISSING, summary)
                .run(format!("tenantctl list-backups {}", first(&missing)))
                .run("tenantctl restore FILE --replace; or, if it was meant to go:")
                .run(format!("tenantctl drop {} --no-backup", first(&missing)))
                .about(missing),
        );
    }
    let strangers = ask.rows(include_str!("sql/strangers.sql")).await?;
    let template = asking.request.template.schema.as_str();
    let template_has_tables = strangers.iter().any(|row| row.text(0) == template && row.flag(1));
    let is_empty = |tenant: &Tenant| tenant.is_there && !tenant.has_tables;
    let empty = slugs(tenants, is_empty);
    if !empty.is_empty() && template_has_tables {
        let summary = format!(
            "the {} of {} {} no table",
            verb(empty.len(), "schema", "schemas"),
            count(empty.len(), "tenant"),
            verb(empty.len(), "has", "have")
        );
        found.push(
            Finding::new(Severity::Critical, &checks::SCHEMA_EMPTY, summary)
                .run(format!(
                    "tenantctl drift {} --sql{}",
                    chosen(&empty),
                    flag(tenants, is_empty)
                ))
                .about(empty),
        );
    }
    if asking.readable.tenants.is_clear() {
        let is_tenants = |name: &str| name != template && asking.request.naming.covers(name);
        let unregistered: Vec<String> = strangers
            .iter()
            .map(|row| row.text(0).to_owned())
            .filter(|name| is_tenants(name))
            .collect();
        found.extend(without_a_row(unregistered));
    }
    found.extend(leftovers(ask).await?);
    if asking.readable.unfinished.is_clear() {
        found.extend(unfinished_migrations(ask, template, tenants).await?);
    }
    if asking.readable.operations.is_clear() {
        found.extend(lost_runs(ask).await?);
    }
    Ok(found)
}

fn without_a_row(schemas: Vec<String>) -> Option<Finding> {
    let example = SchemaName::new(schemas.first()?.clone()).ok()?;
    let summary = format!(
        "{} {} named like a tenant's, and no tenant has {}",
        count(schemas.len(), "schema"),
        verb(schemas.len(), "is", "are"),
        verb(schemas.len(), "it", "them")
    );
    Some(
        Finding::new(Severity::Warning, &checks::SCHEMA_UNREGISTERED, summary)
            .run(format!(
                "DROP SCHEMA {} CASCADE; -- if nobody needs it",
                example.quoted()
            ))
            .in_schemas(schemas),
    )
}

async fn leftovers(ask: &mut Ask) -> Result<Option<Finding>, db::Error> {
    let transaction = ask.begin().await?;
    let left = rehearse::leftovers(&transaction).await;
    let left = transaction.end(left).await?;
    if left.is_empty() {
        return Ok(None);
    }
    let summary = format!(
        "{} {} left of {} that did not come to an end",
        count(left.len(), "clone"),
        verb(left.len(), "is", "are"),
        verb(left.len(), "a rehearsal", "rehearsals")
    );
    Ok(Some(
        Finding::new(Severity::Warning, &checks::LEFTOVER, summary)
            .run("tenantctl migrate --all --rehearse --tenants 1")
            .in_schemas(left.iter().map(ToString::to_string).collect()),
    ))
}

/// The template's and tenants' own; what else has a mark is found elsewhere.
async fn unfinished_migrations(
    ask: &Ask,
    template: &str,
    tenants: &[Tenant],
) -> Result<Option<Finding>, db::Error> {
    let mut rows = ask.rows(include_str!("sql/unfinished.sql")).await?;
    rows.retain(|row| row.optional(0).is_some() || row.text(1) == template);
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let is_template = rows.iter().any(|row| row.optional(0).is_none());
    let marked: HashSet<&str> = rows.iter().filter_map(|row| row.optional(0)).collect();
    let is_marked = |tenant: &Tenant| marked.contains(tenant.slug.as_str());
    let slugs = slugs(tenants, is_marked);
    let place = match (is_template, slugs.len()) {
        (true, 0) => "the template".to_owned(),
        (true, many) => format!("the template and {}", count(many, "tenant")),
        (false, many) => count(many, "tenant"),
    };
    let summary = format!(
        "V{} and perhaps others were begun without a transaction and not finished in {place}",
        first.number(2),
    );
    // The template goes along with whoever is migrated.
    let run = format!("tenantctl migrate {}{}", chosen(&slugs), flag(tenants, is_marked));
    let finding = Finding::new(Severity::Warning, &checks::MIGRATION_UNFINISHED, summary)
        .run(run)
        .about(slugs)
        .in_schemas(is_template.then(|| template.to_owned()).into_iter().collect());
    Ok(Some(finding))
}

async fn lost_runs(ask: &Ask) -> Result<Vec<Finding>, db::Error> {
    let question = include_str!("sql/lost_runs.sql")
        .replace("{migrations}", &LockName::Migrations.key())
        .replace("{cleanup}", &LockName::Cleanup.key());
    let rows = ask.rows(&question).await?;
    let Some(newest) = rows.last() else {
        return Ok(Vec::new());
    };
    let summary = format!(
        "{} never said how {} ended, the last a `{}` by {} at {}",
        count(rows.len(), "run"),
        verb(rows.len(), "it", "they"),
        newest.text(1),
        newest.text(2),
        newest.text(3)
    );
    let finding = Finding::new(Severity::Note, &checks::RUN_UNFINISHED, summary)
        .run(format!("tenantctl history --run {}", newest.number(0)));
    Ok(vec![finding])
}

/// How far everybody is beside the template, and the template beside its files.
pub(super) async fn versions(
    ask: &mut Ask,
    asking: &Asking<'_>,
    tenants: &[Tenant],
) -> Result<(Option<i64>, Vec<Finding>), HealthError> {
    let request = asking.request;
    if !asking.readable.tenants.is_clear() || !asking.readable.history.is_clear() {
        return Ok((None, Vec::new()));
    }
    let transaction = ask.begin().await?;
    let schema = &request.template.schema;
    let asked = async {
        let is_there = count_tables(&transaction, schema).await?.is_some();
        Ok::<_, HealthError>((
            migration_histories::of_registry_and_template(&transaction, schema).await?,
            is_there,
        ))
    };
    let asked = asked.await;
    let ((registry, template), is_there) = transaction.end(asked).await?;
    let mut found = Vec::new();
    found.extend(behind_files(
        &request.registry,
        &registry,
        (Severity::Warning, &checks::REGISTRY_BEHIND, "the registry"),
        "tenantctl init",
    ));
    if !is_there {
        let summary = format!("the template, schema `{schema}`, does not exist");
        found.push(Finding::new(Severity::Critical, &checks::TEMPLATE_BEHIND, summary).run("tenantctl init"));
    }
    let Some(template) = template else {
        return Ok((None, found));
    };
    found.extend(behind_files(
        &request.template.migrations,
        &template,
        (Severity::Warning, &checks::TEMPLATE_BEHIND, "the template"),
        "tenantctl migrate --all",
    ));
    let version = template.version();
    found.extend(beside_template(version, tenants));
    Ok((version, found))
}

fn behind_files(
    files: &Migrations,
    history: &crate::db::migrator::History,
    (severity, check, what): (Severity, &checks::Check, &str),
    run: &str,
) -> Option<Finding> {
    let standing = files.standing(history);
    let summary = match standing.check() {
        // The program's own files may have nothing to do with this database.
        Err(_) if files.is_embedded() => return None,
        Err(error) => format!("{what} does not fit its files: {error}"),
        Ok(()) if standing.pending.is_empty() => return None,
        Ok(()) => format!(
            "{what} lacks {}: {}",
            count(standing.pending.len(), "migration"),
            standing.pending.join(" ")
        ),
    };
    Some(Finding::new(severity, check, summary).run(run))
}

fn beside_template(version: Option<i64>, tenants: &[Tenant]) -> Vec<Finding> {
    let Some(version) = version else {
        return Vec::new();
    };
    let is_behind = |tenant: &Tenant| tenant.version.is_some_and(|own| own < version);
    let is_ahead = |tenant: &Tenant| tenant.version.is_some_and(|own| own > version);
    let is_unknown = |tenant: &Tenant| tenant.version.is_none();
    let [behind, ahead, unknown] = [
        slugs(tenants, is_behind),
        slugs(tenants, is_ahead),
        slugs(tenants, is_unknown),
    ];
    let mut found = Vec::new();
    let mut push = |severity, check, those: Vec<String>, words: String, run: String| {
        if !those.is_empty() {
            let summary = format!("{} {words}", count(those.len(), "tenant"));
            found.push(Finding::new(severity, check, summary).run(run).about(those));
        }
    };
    let words = format!(
        "{} behind the template, which is at V{version}",
        verb(behind.len(), "is", "are")
    );
    push(
        Severity::Warning,
        &checks::VERSION_BEHIND,
        behind,
        words,
        format!("tenantctl migrate --all{}", flag(tenants, is_behind)),
    );
    let words = format!(
        "{} ahead of the template, which is at V{version}",
        verb(ahead.len(), "is", "are")
    );
    push(
        Severity::Warning,
        &checks::VERSION_AHEAD,
        ahead,
        words,
        format!("tenantctl status --deep{}", flag(tenants, is_ahead)),
    );
    let words = format!(
        "{} no version in the registry",
        verb(unknown.len(), "has", "have")
    );
    push(
        Severity::Note,
        &checks::VERSION_UNKNOWN,
        unknown,
        words,
        format!("tenantctl migrate --all --deep{}", flag(tenants, is_unknown)),
    );
    found
}
