use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::failed_view::FailedView;
use crate::ops::retention::{Amount, Cleanup, Taken};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// With more tenants people get one line a policy, unless they ask for all.
const SHOWN_TENANTS: usize = 20;

#[derive(Debug, Serialize)]
pub(super) struct CleanupView {
    dry_run: bool,
    /// The server's clock, from which windows are counted.
    now: Timestamp,
    elapsed_ms: u64,
    longest_transaction_ms: u64,
    rows: u64,
    bytes: u64,
    policies: Vec<PolicyView>,
    tenants: Vec<TenantView>,
    skipped: Vec<SkippedView>,
    not_reached: Vec<String>,
    failed: Vec<FailedView>,
    not_started: Vec<String>,
    #[serde(skip)]
    verbose: bool,
}

/// What a policy has taken from all tenants.
#[derive(Debug, Serialize)]
pub(super) struct PolicyView {
    pub(super) policy: String,
    pub(super) table: String,
    pub(super) action: &'static str,
    /// The windows in use, which may differ by plan.
    days: BTreeSet<u32>,
    pub(super) tenants: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

#[derive(Debug, Serialize)]
struct TenantView {
    tenant: String,
    rows: u64,
    bytes: u64,
    /// Those that found something.
    policies: Vec<TakenView>,
}

#[derive(Debug, Serialize)]
struct TakenView {
    policy: String,
    table: String,
    action: &'static str,
    cut_off: Timestamp,
    /// With those that went along.
    rows: u64,
    bytes: u64,
    /// Rows of other tables among them.
    along: Vec<AlongView>,
    /// Rows that others refer to, rows that were held by somebody, and rows whose turn did not come.
    kept: u64,
    locked: u64,
    left: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    needs_yes: bool,
    partitions: Vec<String>,
    batches: u64,
    elapsed_ms: u64,
}

#[derive(Debug, Serialize)]
struct AlongView {
    table: String,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct SkippedView {
    tenant: String,
    reason: String,
}

impl CleanupView {
    pub(super) fn new(cleanup: &Cleanup, suspended: &[String], dry_run: bool, verbose: bool) -> Self {
        let report = &cleanup.report;
        let mut total = Amount::default();
        let mut policies: BTreeMap<&str, PolicyView> = BTreeMap::new();
        for taken in cleanup.taken.values().flatten() {
            let all = taken.all();
            total += all;
            let policy = policies.entry(&taken.policy).or_insert_with(|| PolicyView {
                policy: taken.policy.clone(),
                table: taken.table.clone(),
                action: taken.action,
                days: BTreeSet::new(),
                tenants: 0,
                rows: 0,
                bytes: 0,
            });
            policy.days.insert(taken.days);
            policy.tenants += u64::from(all.rows > 0);
            policy.rows += all.rows;
            policy.bytes += all.bytes;
        }
        let skipped = report
            .skipped()
            .filter(|(slug, _)| !cleanup.not_reached.contains(*slug));
        let skipped = skipped.map(|(slug, reason)| SkippedView {
            tenant: slug.to_string(),
            reason: reason.to_owned(),
        });
        let suspended = suspended.iter().map(|slug| SkippedView {
            tenant: slug.clone(),
            reason: "suspended".to_owned(),
        });
        let mut skipped: Vec<SkippedView> = skipped.chain(suspended).collect();
        skipped.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        Self {
            dry_run,
            now: cleanup.now,
            elapsed_ms: words::milliseconds(cleanup.elapsed),
            longest_transaction_ms: words::milliseconds(cleanup.longest),
            rows: total.rows,
            bytes: total.bytes,
            policies: policies.into_values().collect(),
            tenants: cleanup
                .taken
                .iter()
                .map(|(slug, taken)| TenantView::new(slug.to_string(), taken))
                .collect(),
            skipped,
            not_reached: cleanup.not_reached.iter().map(ToString::to_string).collect(),
            failed: FailedView::all(report),
            not_started: report.not_started().map(ToString::to_string).collect(),
            verbose,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn policies(&self) -> &[PolicyView] {
        &self.policies
    }
}

impl TenantView {
    fn new(tenant: String, taken: &[Taken]) -> Self {
        let mut total = Amount::default();
        for taken in taken {
            total += taken.all();
        }
        Self {
            tenant,
            rows: total.rows,
            bytes: total.bytes,
            policies: taken
                .iter()
                .filter(|taken| taken.has_found_something())
                .map(TakenView::new)
                .collect(),
        }
    }
}

impl TakenView {
    fn new(taken: &Taken) -> Self {
        let all = taken.all();
        Self {
            policy: taken.policy.clone(),
            table: taken.table.clone(),
            action: taken.action,
            cut_off: taken.cut_off,
            rows: all.rows,
            bytes: all.bytes,
            along: taken
                .along
                .iter()
                .map(|(table, amount)| AlongView {
                    table: table.clone(),
                    rows: amount.rows,
                    bytes: amount.bytes,
                })
                .collect(),
            kept: taken.kept,
            locked: taken.locked,
            left: taken.left,
            needs_yes: taken.needs_yes,
            partitions: taken.partitions.clone(),
            batches: taken.batches,
            elapsed_ms: words::milliseconds(taken.elapsed),
        }
    }
}

impl View for CleanupView {
    fn tables(&self) -> Vec<Table> {
        if self.tenants.len() > SHOWN_TENANTS && !self.verbose {
            let mut table = Table::new([
                Column::text("policy"),
                Column::text("table"),
                Column::number("tenants"),
                Column::number("rows"),
                Column::number("bytes"),
            ]);
            for policy in self.policies.iter().filter(|policy| policy.rows > 0) {
                table.push(vec![
                    policy.policy.as_str().into(),
                    policy.table.as_str().into(),
                    Cell::Count(policy.tenants),
                    Cell::Count(policy.rows),
                    Cell::Bytes(policy.bytes),
                ]);
            }
            return vec![table];
        }
        let mut table = Table::new([
            Column::text("tenant"),
            Column::text("policy"),
            Column::text("older_than"),
            Column::number("rows"),
            Column::number("bytes"),
        ]);
        for tenant in &self.tenants {
            for taken in tenant.policies.iter().filter(|taken| taken.rows > 0) {
                table.push(vec![
                    tenant.tenant.as_str().into(),
                    taken.policy.as_str().into(),
                    Cell::Time(taken.cut_off),
                    Cell::Count(taken.rows),
                    Cell::Bytes(taken.bytes),
                ]);
            }
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let text = ["tenant", "policy", "table", "action", "cut_off"].map(Column::text);
        let numbers = ["rows", "bytes", "kept", "locked", "left", "elapsed_ms"].map(Column::number);
        let mut table = Table::new(text.into_iter().chain(numbers));
        for tenant in &self.tenants {
            for taken in &tenant.policies {
                table.push(vec![
                    tenant.tenant.as_str().into(),
                    taken.policy.as_str().into(),
                    taken.table.as_str().into(),
                    taken.action.into(),
                    Cell::Time(taken.cut_off),
                    Cell::Count(taken.rows),
                    Cell::Count(taken.bytes),
                    Cell::Count(taken.kept),
                    Cell::Count(taken.locked),
                    Cell::Count(taken.left),
                    Cell::Count(taken.elapsed_ms),
                ]);
            }
        }
        Some(table)
    }
}
