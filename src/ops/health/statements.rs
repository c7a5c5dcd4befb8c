//! Slow statements, from `pg_stat_statements` where it is installed, by the tenants that they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ask::Ask;
use super::checks;
use super::finding::{Finding, Severity};
use super::registry::Tenant;
use super::words::excerpt;
use super::{Asking, HealthError};
use crate::db::QuotedIdent;
use crate::words::{count, grouped};

/// What a role sees of others' statements.
const HIDDEN: &str = "<insufficient privilege>";
/// How many kinds of statement are worth showing.
const SHOWN: usize = 5;

/// All statements that differ in nothing but the tenant.
#[derive(Default)]
struct Alike {
    calls: i64,
    milliseconds: f64,
    slowest: f64,
    tenants: BTreeSet<String>,
}

/// Statements whose mean time is too long.
pub(super) async fn slow(
    ask: &Ask,
    asking: &Asking<'_>,
    tenants: &[Tenant],
) -> Result<Vec<Finding>, HealthError> {
    let limit = asking.request.limits.slow_statement;
    let Some(view) = &asking.readable.statements else {
        return Ok(Vec::new());
    };
    if limit.is_zero() {
        return Ok(Vec::new());
    }
    let question = include_str!("sql/statements.sql")
        .replace("{statements}", view)
        .replace("{milliseconds}", &limit.as_millis().to_string());
    let rows = ask.rows(&question).await?;
    let schemas: HashMap<&str, &str> = tenants
        .iter()
        .map(|tenant| (tenant.schema.as_str(), tenant.slug.as_str()))
        .collect();
    let mut alike: BTreeMap<String, Alike> = BTreeMap::new();
    let mut hidden = 0;
    for row in &rows {
        if row.text(0) == HIDDEN {
            hidden += 1;
            continue;
        }
        let (text, mut named) = without_schemas(row.text(0), &schemas);
        // A role of its own tells the tenant as well.
        named.extend(schemas.get(row.text(4)).map(ToString::to_string));
        let those = alike.entry(text).or_default();
        those.calls += row.number(1);
        those.milliseconds += row.real(3);
        those.slowest = those.slowest.max(row.real(2));
        those.tenants.extend(named);
    }
    let mut alike: Vec<(String, Alike)> = alike.into_iter().collect();
    alike.sort_by(|a, b| b.1.milliseconds.total_cmp(&a.1.milliseconds));
    let mut found: Vec<Finding> = alike.into_iter().take(SHOWN).map(finding).collect();
    found.extend((hidden > 0).then(|| hidden_statements(hidden, asking)));
    Ok(found)
}

fn finding((text, those): (String, Alike)) -> Finding {
    let calls = usize::try_from(those.calls).unwrap_or_default();
    let mean = those.milliseconds / (those.calls.max(1) as f64);
    let summary = format!(
        "{} took {} ms on average: {}",
        count(calls, "call"),
        grouped(mean as i64),
        excerpt(&text)
    );
    let tenants: Vec<String> = those.tenants.into_iter().collect();
    let example = tenants.first().map_or("SLUG", String::as_str);
    Finding::new(Severity::Note, &checks::SLOW_STATEMENT, summary)
        .run(format!("tenantctl exec {example} --sql 'EXPLAIN …'"))
        .about(tenants)
}

fn hidden_statements(hidden: usize, asking: &Asking<'_>) -> Finding {
    let summary = format!(
        "{}: {} of other roles are hidden from this one",
        checks::SLOW_STATEMENT.name,
        count(hidden, "statement")
    );
    Finding::new(Severity::Note, &checks::NOT_CHECKED, summary).run(format!(
        "GRANT pg_read_all_stats TO {};",
        QuotedIdent::new(&asking.readable.role)
    ))
}

/// The statement with `…` for every tenant's schema, and the tenants that it names.
fn without_schemas(text: &str, schemas: &HashMap<&str, &str>) -> (String, BTreeSet<String>) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (mut plain, mut named, mut rest) = (String::new(), BTreeSet::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match is_part(first) {
            true => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        match schemas.get(word) {
            Some(slug) => {
                named.insert((*slug).to_owned());
                plain.push('…');
            }
            None => plain.push_str(word),
        }
        rest = after;
    }
    (plain, named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_differ_in_the_tenant_alone_are_one() {
        let schemas: HashMap<&str, &str> = [("tenant_acme", "acme"), ("tenant_acme_eu", "acme-eu")].into();
        let (one, named) = without_schemas("SELECT * FROM \"tenant_acme\".users", &schemas);
        assert_eq!(named.into_iter().collect::<Vec<_>>(), ["acme"]);
        let (other, named) = without_schemas("SELECT * FROM \"tenant_acme_eu\".users", &schemas);
        assert_eq!(named.into_iter().collect::<Vec<_>>(), ["acme-eu"]);
        assert_eq!((one.as_str(), one == other), ("SELECT * FROM \"…\".users", true));
        assert!(without_schemas("SELECT 'é'", &schemas).1.is_empty());
    }
}
