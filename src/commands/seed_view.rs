use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;

use super::failed_view::Accounted;
use crate::fleet::{Outcome, Report};
use crate::ops::seed::{Data, Seeded};
use crate::tenant::Slug;
use crate::ui::{Cell, Column, Table, View};
use crate::words;

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
    #[serde(flatten)]
    rest: Accounted,
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
                duration_ms: words::milliseconds(tenant.elapsed),
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
            rest: Accounted::of(report),
        }
    }

    /// The same beside those who could not even be created.
    pub(super) fn beside<T>(mut self, creation: &Report<T>) -> Self {
        let Accounted {
            failed, not_started, ..
        } = Accounted::of(creation);
        self.rest.failed.extend(failed);
        self.rest
            .failed
            .sort_by(|one, other| one.tenant.cmp(&other.tenant));
        self.rest.not_started.extend(not_started);
        self.rest.not_started.sort();
        self
    }

    /// What a run would do.
    pub(super) fn dry(data: &Data, existing: &[Slug], new: &[Slug], skipped: &Report<Seeded>) -> Self {
        let planned = |created| {
            move |slug: &Slug| SeededView {
                tenant: slug.to_string(),
                created,
                rows: 0,
                duration_ms: 0,
                logins: Vec::new(),
            }
        };
        let mut tenants: Vec<SeededView> = existing.iter().map(planned(false)).collect();
        tenants.extend(new.iter().map(planned(true)));
        tenants.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        Self {
            dry_run: true,
            tenants,
            ..Self::new(data, skipped, &HashSet::new())
        }
    }

    /// What CSV says of a tenant's data.
    pub(super) fn columns() -> [Column; 4] {
        [
            Column::number("rows"),
            Column::number("duration_ms"),
            Column::text("login"),
            Column::text("password"),
        ]
    }

    /// The same of one tenant, all of it empty when it was not filled.
    pub(super) fn cells_of(&self, slug: &str) -> [Cell; 4] {
        let place = self
            .tenants
            .binary_search_by(|tenant| tenant.tenant.as_str().cmp(slug));
        place.map_or([const { Cell::None }; 4], |place| {
            self.cells(&self.tenants[place])
        })
    }

    fn cells(&self, tenant: &SeededView) -> [Cell; 4] {
        let password = self.password.as_deref().filter(|_| !tenant.logins.is_empty());
        [
            Cell::Count(tenant.rows),
            Cell::Count(tenant.duration_ms),
            tenant.login(),
            Cell::optional(password),
        ]
    }

    /// Why a tenant was not filled.
    pub(super) fn error_of(&self, slug: &str) -> Option<&str> {
        let failed = &self.rest.failed;
        let place = failed.binary_search_by(|failed| failed.tenant.as_str().cmp(slug));
        place.ok().map(|place| failed[place].error.as_str())
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
                Cell::Text(words::duration(Duration::from_millis(tenant.duration_ms))),
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
        let own = ["tenant", "created"].map(Column::text);
        let mut table = Table::new(own.into_iter().chain(Self::columns()));
        for tenant in &self.tenants {
            let created = if tenant.created { "yes" } else { "no" };
            let mut row = vec![tenant.tenant.as_str().into(), created.into()];
            row.extend(self.cells(tenant));
            table.push(row);
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
