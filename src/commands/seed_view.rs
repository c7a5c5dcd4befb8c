use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;

use super::failed_view::FailedView;
use crate::fleet::{Outcome, Report};
use crate::ops::seed::{Data, Seeded};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View, format};

/// What `seed` answers, and `create --seed` beside its own.
#[derive(Debug, Serialize)]
pub(super) struct SeedView {
    dry_run: bool,
    seed: i64,
    days: u16,
    users: u16,
    until: String,
    /// Of all logins, when it was made up: it is stored nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip)]
    is_chosen: bool,
    pub(super) rows: u64,
    pub(super) tenants: Vec<SeededView>,
    failed: Vec<FailedView>,
    skipped: Vec<String>,
    not_started: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SeededView {
    pub(super) tenant: String,
    /// Whether it was created by this call.
    created: bool,
    rows: u64,
    duration_ms: u64,
    logins: Vec<String>,
}

impl SeedView {
    pub(super) fn new(data: &Data, report: &Report<Seeded>, created: &HashSet<Slug>) -> Self {
        let seeded = report.tenants.iter().filter_map(|tenant| match &tenant.outcome {
            Outcome::Done(seeded) => Some(SeededView {
                tenant: tenant.slug.to_string(),
                created: created.contains(&tenant.slug),
                rows: seeded.rows,
                duration_ms: format::milliseconds(tenant.elapsed),
                logins: seeded.logins.clone(),
            }),
            _ => None,
        });
        let tenants: Vec<SeededView> = seeded.collect();
        let has_login = tenants.iter().any(|tenant| !tenant.logins.is_empty());
        let password = data.password.generated().filter(|_| has_login);
        Self {
            dry_run: false,
            seed: data.seed,
            days: data.days,
            users: data.users,
            until: data.until.to_string(),
            password: password.map(str::to_owned),
            is_chosen: data.password.generated().is_none(),
            rows: tenants.iter().map(|tenant| tenant.rows).sum(),
            tenants,
            failed: FailedView::all(report),
            skipped: report.skipped().map(|(slug, _)| slug.to_string()).collect(),
            not_started: report.not_started().map(ToString::to_string).collect(),
        }
    }

    /// What a run would do.
    pub(super) fn dry(data: &Data, existing: &[Slug], new: &[Slug]) -> Self {
        let planned = |created| {
            move |slug: &Slug| SeededView {
                tenant: slug.to_string(),
                created,
                rows: 0,
                duration_ms: 0,
                logins: Vec::new(),
            }
        };
        let nothing = Report {
            tenants: Vec::new(),
            interrupted: false,
        };
        let mut tenants: Vec<SeededView> = existing.iter().map(planned(false)).collect();
        tenants.extend(new.iter().map(planned(true)));
        tenants.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        Self {
            dry_run: true,
            tenants,
            ..Self::new(data, &nothing, &HashSet::new())
        }
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether a password was chosen that nobody got.
    pub(super) fn has_unused_password(&self) -> bool {
        let is_used = |tenant: &SeededView| !tenant.logins.is_empty();
        self.is_chosen && !self.tenants.is_empty() && !self.tenants.iter().any(is_used)
    }
}

impl View for SeedView {
    fn tables(&self) -> Vec<Table> {
        if self.dry_run {
            let mut table = Table::new(["tenant", "is_there"].map(Column::text));
            for tenant in &self.tenants {
                let is_there = if tenant.created { "no" } else { "yes" };
                table.push(vec![tenant.tenant.as_str().into(), is_there.into()]);
            }
            return vec![table];
        }
        let mut table = Table::new([
            Column::text("tenant"),
            Column::number("rows"),
            Column::number("time"),
            Column::text("login"),
        ]);
        for tenant in &self.tenants {
            table.push(vec![
                tenant.tenant.as_str().into(),
                Cell::Count(tenant.rows),
                Cell::Text(format::duration(Duration::from_millis(tenant.duration_ms))),
                tenant.login(),
            ]);
        }
        let mut tables = vec![table];
        if let Some(password) = &self.password {
            let mut table = Table::new([Column::text("password")]);
            table.push(vec![password.as_str().into()]);
            tables.push(table);
        }
        tables
    }

    fn csv(&self) -> Option<Table> {
        let mut table = Table::new([
            Column::text("tenant"),
            Column::text("created"),
            Column::number("rows"),
            Column::number("duration_ms"),
            Column::text("login"),
            Column::text("password"),
        ]);
        for tenant in &self.tenants {
            let password = self.password.as_deref().filter(|_| !tenant.logins.is_empty());
            table.push(vec![
                tenant.tenant.as_str().into(),
                if tenant.created { "yes" } else { "no" }.into(),
                Cell::Count(tenant.rows),
                Cell::Count(tenant.duration_ms),
                tenant.login(),
                Cell::optional(password),
            ]);
        }
        Some(table)
    }
}

impl SeededView {
    fn login(&self) -> Cell {
        match self.logins.as_slice() {
            [] => Cell::None,
            logins => Cell::Text(logins.join(" ")),
        }
    }
}
