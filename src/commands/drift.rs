use std::fmt::Write as _;

use serde::Serialize;

use super::failed_view::Accounted;
use crate::blueprint::DataLoss;
use crate::cli::args::{JobArgs, TenantSelection, parse_slug};
use crate::config::OutputFormat;
use crate::context::Context;
use crate::error::{UsageError, fleet_status};
use crate::exit::ExitStatus;
use crate::fleet::{OnError, Report};
use crate::ops::drift::{self, Against, Checked};
use crate::tenant::{Slug, registry};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// Say who differs from the template, and how
///
/// Compares the definitions of tenants' schemas with the template's: what is missing, what is there and should not be,
/// and what is different. Exits with 4 when a tenant differs. The order of columns and the rows of tables are no part
/// of it. `--verbose` shows both definitions.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    tenants: TenantSelection,
    /// Compare with this tenant instead of the template
    #[arg(long, value_name = "SLUG", value_parser = parse_slug)]
    against: Option<Slug>,
    /// Print the statements that bring the tenants back, ready for psql
    ///
    /// Each tenant's are one transaction. What holds data is not dropped: such statements are comments.
    #[arg(long)]
    sql: bool,
    /// Let the statements drop tables and columns that should not be there, with their data
    #[arg(long, requires = "sql")]
    allow_data_loss: bool,
    #[command(flatten)]
    jobs: JobArgs,
}

impl DriftArgs {
    fn mend(&self) -> Option<DataLoss> {
        self.sql.then_some(match self.allow_data_loss {
            true => DataLoss::Allow,
            false => DataLoss::Refuse,
        })
    }
}

#[derive(Debug, Serialize)]
struct DriftView {
    /// The schema that tells what is right.
    against: String,
    tenants: Vec<TenantDriftView>,
    #[serde(flatten)]
    rest: Accounted,
    #[serde(skip)]
    verbose: bool,
}

#[derive(Debug, Serialize)]
struct TenantDriftView {
    tenant: String,
    schema: String,
    fingerprint: String,
    differences: Vec<DifferenceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

#[derive(Debug, Serialize)]
struct DifferenceView {
    change: &'static str,
    kind: &'static str,
    name: String,
    expected: Option<String>,
    found: Option<String>,
}

impl DriftView {
    fn new(against: &Against, report: &Report<Checked>, verbose: bool) -> Self {
        Self {
            against: against.schema().to_string(),
            tenants: report
                .done()
                .map(|(slug, checked)| TenantDriftView::new(slug, checked))
                .collect(),
            rest: Accounted::of(report),
            verbose,
        }
    }

    /// All tenants' statements as one script.
    fn sql(&self) -> String {
        let with_sql = |tenant: &TenantDriftView| {
            let sql = tenant.sql.as_deref()?;
            Some(format!("-- tenant {}\n{sql}", tenant.tenant))
        };
        let scripts: Vec<String> = self.tenants.iter().filter_map(with_sql).collect();
        scripts.join("\n")
    }

    fn differences(&self) -> impl Iterator<Item = (&str, &DifferenceView)> {
        self.tenants.iter().flat_map(|tenant| {
            let differences = tenant.differences.iter();
            differences.map(|difference| (tenant.tenant.as_str(), difference))
        })
    }
}

impl TenantDriftView {
    fn new(slug: &Slug, checked: &Checked) -> Self {
        let schema = &checked.schema;
        let differences = checked.differences().iter().map(|difference| DifferenceView {
            change: difference.change.word(),
            kind: difference.kind.word(),
            name: difference.name(schema),
            expected: difference.expected(schema),
            found: difference.found(schema),
        });
        Self {
            tenant: slug.to_string(),
            schema: schema.to_string(),
            fingerprint: checked.fingerprint.clone(),
            differences: differences.collect(),
            sql: checked.sql(),
        }
    }
}

impl DifferenceView {
    /// Kind and name; a grant's name says what it is.
    fn object(&self) -> String {
        match self.kind {
            "grant" => self.name.clone(),
            kind => format!("{kind} {}", self.name),
        }
    }
}

impl View for DriftView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["tenant", "change", "object"].map(Column::text));
        for (tenant, difference) in self.differences() {
            let object = difference.object();
            table.push(vec![
                tenant.into(),
                difference.change.into(),
                object.as_str().into(),
            ]);
        }
        vec![table]
    }

    fn csv(&self) -> Option<Table> {
        let mut table =
            Table::new(["tenant", "change", "kind", "name", "expected", "found"].map(Column::text));
        for (tenant, difference) in self.differences() {
            table.push(vec![
                tenant.into(),
                difference.change.into(),
                difference.kind.into(),
                difference.name.as_str().into(),
                Cell::optional(difference.expected.as_deref()),
                Cell::optional(difference.found.as_deref()),
            ]);
        }
        Some(table)
    }

    /// Both definitions below each other.
    fn plain(&self) -> Option<String> {
        let mut text = String::new();
        for (tenant, difference) in self.differences() {
            let _ = writeln!(text, "{tenant}: {} {}", difference.change, difference.object());
            for (word, definition) in [("expected", &difference.expected), ("found", &difference.found)] {
                for line in definition.iter().flat_map(|definition| definition.lines()) {
                    let _ = writeln!(text, "  {word:8}  {}", line.replace('\t', "    "));
                }
            }
        }
        (self.verbose && !text.is_empty()).then_some(text)
    }
}

pub(crate) async fn run(cx: &Context, args: &DriftArgs) -> anyhow::Result<ExitStatus> {
    if args.sql && cx.ui.format() == OutputFormat::Csv {
        return Err(UsageError::new("statements are no CSV")
            .with_hint("use `--output json`, or leave `--output` out")
            .into());
    }
    let selection = args.tenants.selection(cx).await?;
    let db = cx.db().await?;
    let session = db.session().await?;
    let against = match &args.against {
        None => Against::Template(cx.settings.tenants.naming.template().clone()),
        Some(slug) => Against::Tenant(registry::find(&session, slug).await?.schema),
    };
    let tenants = selection.resolve(&session).await?;
    drop(session);
    let total = tenants.len();
    let request = drift::Request {
        tenants,
        against: against.clone(),
        mend: args.mend(),
        lock_timeout: cx.settings.tenants.lock_timeout,
        plan: args
            .jobs
            .plan(&cx.settings.fleet, db.capacity(), OnError::Continue),
    };

    let mut progress = cx.ui.progress("Comparing", total);
    let report = drift::run(db, request, &cx.stop, &mut progress).await;
    progress.finish();
    let report = report?;

    let view = DriftView::new(&against, &report, cx.ui.is_verbose());
    match cx.ui.format() {
        // As it stands, for psql: nothing in it may be shown otherwise than it is.
        OutputFormat::Human if args.sql => cx.ui.raw(view.sql().as_bytes())?,
        _ => cx.ui.answer(&view)?,
    }
    let drifted = report.done().filter(|(_, checked)| checked.has_drifted()).count();
    cx.ui.note(summary(
        report.counts().done,
        drifted,
        total,
        against.schema().as_str(),
    ));
    cx.ui.failures(&report, "be compared");
    Ok(match fleet_status(&report) {
        ExitStatus::Done if drifted > 0 => ExitStatus::No,
        status => status,
    })
}

fn summary(checked: usize, drifted: usize, total: usize, against: &str) -> String {
    let counted = words::count(checked, "tenant");
    match (total, drifted) {
        (0, _) => "no tenants match".to_owned(),
        (_, 0) => format!("no drift: compared {counted} with schema `{against}`"),
        (_, drifted) => format!("drift in {drifted} of {counted}, compared with schema `{against}`"),
    }
}
