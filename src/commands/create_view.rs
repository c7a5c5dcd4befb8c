use serde::Serialize;

use super::failed_view::Accounted;
use super::seed_view::SeedView;
use super::tenant_view::TenantView;
use crate::fleet::Report;
use crate::tenant::{NewTenant, Tenant};
use crate::ui::{Cell, Column, Table, View};

/// What `create` answers.
#[derive(Debug, Serialize)]
pub(super) struct CreateView {
    dry_run: bool,
    created: Vec<TenantView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_create: Vec<PlannedView>,
    /// Those who were there already, with `--if-not-exists`.
    existing: Vec<String>,
    #[serde(flatten)]
    rest: Accounted,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<SeedView>,
}

#[derive(Debug, Serialize)]
struct PlannedView {
    slug: String,
    schema: String,
    plan: String,
}

impl CreateView {
    pub(super) fn new(report: &Report<Tenant>, seed: Option<SeedView>) -> Self {
        let mut rest = Accounted::of(report);
        Self {
            dry_run: false,
            created: report.done().map(|(_, tenant)| tenant.into()).collect(),
            would_create: Vec::new(),
            existing: rest.take_skipped(),
            rest,
            seed,
        }
    }

    /// What a run would do.
    pub(super) fn dry(report: &Report<NewTenant>) -> Self {
        let mut rest = Accounted::of(report);
        let planned = report.done().map(|(_, new)| PlannedView {
            slug: new.slug.to_string(),
            schema: new.schema.to_string(),
            plan: new.plan.clone(),
        });
        Self {
            dry_run: true,
            created: Vec::new(),
            would_create: planned.collect(),
            existing: rest.take_skipped(),
            rest,
            seed: None,
        }
    }

    /// Those who are made or would be: slug, schema and plan.
    fn made(&self) -> impl Iterator<Item = [&str; 3]> {
        let planned = self.would_create.iter();
        let planned = planned.map(|new| [&new.slug, &new.schema, &new.plan].map(String::as_str));
        let created = self.created.iter();
        planned.chain(created.map(|tenant| [&tenant.slug, &tenant.schema, &tenant.plan].map(String::as_str)))
    }

    /// Everyone with the outcome, sorted by slug. `error` is what came of the demo data where the tenant was made.
    fn outcomes(&self) -> Vec<Outcome<'_>> {
        let made = if self.dry_run { "would_create" } else { "created" };
        let mut outcomes: Vec<Outcome<'_>> = self
            .made()
            .map(|[slug, schema, plan]| Outcome {
                slug,
                of_schema: Some([schema, plan]),
                outcome: made,
                error: self.seed.as_ref().and_then(|seed| seed.error_of(slug)),
            })
            .collect();
        let mut push = |slug, outcome, error| {
            outcomes.push(Outcome {
                slug,
                of_schema: None,
                outcome,
                error,
            });
        };
        for slug in &self.existing {
            push(slug, "existing", None);
        }
        for failed in &self.rest.failed {
            push(&failed.tenant, "failed", Some(&failed.error));
        }
        for slug in &self.rest.not_started {
            push(slug, "not_started", None);
        }
        outcomes.sort_by_key(|outcome| outcome.slug);
        outcomes
    }
}

/// A tenant's line in CSV.
struct Outcome<'a> {
    slug: &'a str,
    /// Its schema and plan, where there is one.
    of_schema: Option<[&'a str; 2]>,
    outcome: &'static str,
    error: Option<&'a str>,
}

impl View for CreateView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["slug", "schema", "plan"].map(Column::text));
        for made in self.made() {
            table.push(made.map(Cell::from).into());
        }
        let mut tables = vec![table];
        tables.extend(self.seed.iter().flat_map(View::tables));
        tables
    }

    fn csv(&self) -> Option<Table> {
        let columns = ["slug", "schema", "plan", "outcome", "error"].map(Column::text);
        let of_seed = self.seed.iter().flat_map(|_| SeedView::columns());
        let mut table = Table::new(columns.into_iter().chain(of_seed));
        for line in self.outcomes() {
            let [schema, plan] = line
                .of_schema
                .map_or([Cell::None, Cell::None], |texts| texts.map(Cell::from));
            let mut row = vec![
                line.slug.into(),
                schema,
                plan,
                line.outcome.into(),
                Cell::optional(line.error),
            ];
            row.extend(self.seed.iter().flat_map(|seed| seed.cells_of(line.slug)));
            table.push(row);
        }
        Some(table)
    }
}
