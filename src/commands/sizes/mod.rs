mod page;
mod rows;
mod treemap;
mod view;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use self::rows::{Row, Summary};
use self::view::SizesView;
use crate::cli::args::{OptionalSelection, parse_slug};
use crate::config::parse_age;
use crate::context::Context;
use crate::error::{UsageError, fleet_status};
use crate::exit::ExitStatus;
use crate::ops::sizes::history::{self, Past};
use crate::ops::sizes::{self, Measured, Precision, Sizes};
use crate::ops::whole_file;
use crate::tenant::{Selection, Slug, Which};
use crate::words;

/// How far back a forecast and a page look when nobody says.
const USUAL_AGE: Duration = Duration::from_hours(30 * 24);
/// The most names that a remark gives.
const NAMED: usize = 5;

/// Show how much room tenants take, and how they grow
///
/// Tables count with their indexes, their TOAST and their partitions; sequences do not count. Sizes are those of files,
/// unless there are more tables than the configuration's `sizes.exact_up_to`: then they are what VACUUM and ANALYZE last
/// left in the catalogs. Nobody is waited for: a table that is being changed is estimated. Bytes are in units of 1024.
///
/// `--snapshot` keeps the sizes, and `--since` compares with what was kept.
#[derive(Debug, clap::Args)]
pub(crate) struct SizesArgs {
    /// The tables of this tenant, one by one
    #[arg(long, value_name = "SLUG", value_parser = parse_slug,
          conflicts_with_all = ["slugs", "all", "from_file", "by", "plans", "regions", "exclude"])]
    tenant: Option<Slug>,
    /// One line for each tenant, or for each table over all tenants
    #[arg(long, value_enum, value_name = "WHAT", default_value = "tenant")]
    by: By,
    /// Only so many lines, after sorting
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// What comes first
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "total")]
    sort: Sort,
    /// Only lines of at least this size in total, such as `100MB`
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    min: Option<u64>,
    /// Measure files, however many tables there are
    #[arg(long, conflicts_with = "estimate")]
    exact: bool,
    /// Take the catalogs' estimates, however few tables there are
    #[arg(long)]
    estimate: bool,
    /// Keep the sizes in the registry, to compare with later
    #[arg(long)]
    snapshot: bool,
    /// Compare with the last snapshot that is at least so old, or the oldest there is: `24h`, `7d`, `4w`
    ///
    /// What was made since then has grown from nothing.
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    since: Option<Duration>,
    /// Say when each line reaches this size, by the snapshots of `--since` [default: 30d]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    limit: Option<u64>,
    /// Say when all of it together reaches this size, such as that of the disk
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    total_limit: Option<u64>,
    /// Write a page for a browser too: a map of sizes, lines of growth and the table, all in one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    tenants: OptionalSelection,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Tenant,
    Table,
}

/// What lines are sorted by: the largest first, names from A to Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    Total,
    Table,
    Index,
    Toast,
    Rows,
    Growth,
    Name,
}

impl SizesArgs {
    /// How far back to look, if at all.
    fn age(&self) -> Option<Duration> {
        let looks_back = self.limit.is_some() || self.total_limit.is_some() || self.html.is_some();
        self.since.or(looks_back.then_some(USUAL_AGE))
    }

    fn check(&self) -> Result<(), UsageError> {
        if self.sort == Sort::Growth && self.age().is_none() {
            return Err(UsageError::new("there is no growth to sort by")
                .with_hint("say how far back to look: `--since 7d`"));
        }
        if let Some(file) = &self.html {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let is_possible = !file.is_dir() && folder.is_none_or(Path::is_dir) && file.file_name().is_some();
            if !is_possible {
                let shown = file.display();
                return Err(UsageError::new(format!("file `{shown}` cannot be written"))
                    .with_hint("name a file in a folder that is there"));
            }
        }
        Ok(())
    }

    async fn selection(&self, cx: &Context) -> anyhow::Result<Selection> {
        match &self.tenant {
            // Who names a tenant means it, suspended or not.
            Some(slug) => Ok(Selection {
                which: Which::Slugs(vec![slug.clone()]),
                include_inactive: true,
                ..Selection::default()
            }),
            None => self.tenants.selection(cx).await,
        }
    }

    fn precision(&self, cx: &Context) -> Precision {
        match (self.exact, self.estimate) {
            (true, _) => Precision::Exact,
            (_, true) => Precision::Estimated,
            _ => Precision::ExactUpTo(cx.settings.sizes.exact_up_to),
        }
    }
}

pub(crate) async fn run(cx: &Context, args: &SizesArgs) -> anyhow::Result<ExitStatus> {
    args.check()?;
    let selection = args.selection(cx).await?;
    let db = cx.db().await?;
    let request = sizes::Request {
        tenants: selection.resolve(&db.session().await?).await?,
        precision: args.precision(cx),
        jobs: cx.settings.fleet.jobs.min(db.everyday_capacity()),
    };
    let sizes = sizes::run(db, request).await?;
    let by_table = args.tenant.is_some() || args.by == By::Table;
    let past = match args.age() {
        Some(age) => {
            let session = db.session().await?.unlimited();
            Some(history::read(&session, &sizes, age, by_table).await?)
        }
        None => None,
    };
    let kept = match args.snapshot {
        true => {
            let session = db.session().await?.unlimited();
            Some(history::store(&session, &sizes, cx.settings.sizes.keep).await?)
        }
        false => None,
    };

    let measured: Vec<&Measured> = sizes.report.done().map(|(_, measured)| measured).collect();
    let past_of_rows = past.as_ref();
    let mut rows = match by_table {
        true => rows::by_table(&measured, past_of_rows, args.limit),
        false => rows::by_tenant(&measured, past_of_rows, args.limit),
    };
    let summary = Summary::new(&measured, &rows, past_of_rows, args.total_limit);
    let all = rows.len();
    rows.sort_by(|one, other| sorted(args.sort, one, other));
    rows.retain(|row| args.min.is_none_or(|least| row.size.total() >= least));
    rows.truncate(
        args.top
            .map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX)),
    );

    let view = SizesView::new(args, &sizes, &summary, &rows, cx.ui.is_terminal());
    cx.ui.answer(&view)?;
    if let Some(file) = &args.html {
        let text = page::text(&page::Page {
            database: db.describe(),
            tenant: args.tenant.as_ref(),
            by_table,
            sizes: &sizes,
            summary: &summary,
            rows: &rows,
            past: past.as_ref(),
        });
        whole_file::write(file, text.as_bytes()).with_context(|| format!("writing `{}`", file.display()))?;
        cx.ui.note(format!("wrote `{}`", file.display()));
    }
    remarks(cx, args, &sizes, past.as_ref(), kept);
    if rows.len() < all {
        cx.ui.note(format!("{} of {all} lines shown", rows.len()));
    }
    cx.ui.failures(&sizes.report, "be measured");
    Ok(fleet_status(&sizes.report))
}

fn sorted(sort: Sort, one: &Row, other: &Row) -> std::cmp::Ordering {
    let largest_first = match sort {
        Sort::Total => other.size.total().cmp(&one.size.total()),
        Sort::Table => other.size.table.cmp(&one.size.table),
        Sort::Index => other.size.index.cmp(&one.size.index),
        Sort::Toast => other.size.toast.cmp(&one.size.toast),
        Sort::Rows => other.size.rows.cmp(&one.size.rows),
        Sort::Growth => {
            let bytes = |row: &Row| row.growth.map(|growth| growth.bytes);
            bytes(other).cmp(&bytes(one))
        }
        Sort::Name => std::cmp::Ordering::Equal,
    };
    largest_first.then_with(|| one.name.cmp(&other.name))
}

/// What the table does not say.
fn remarks(cx: &Context, args: &SizesArgs, sizes: &Sizes, past: Option<&Past>, kept: Option<usize>) {
    if sizes.report.tenants.is_empty() {
        cx.ui.note("no tenants match");
        return;
    }
    if !sizes.is_exact {
        let why = match args.estimate {
            true => String::new(),
            false => format!(
                ": {} are more than {} (`--exact` measures them all the same)",
                words::count(sizes.tables, "table"),
                cx.settings.sizes.exact_up_to
            ),
        };
        cx.ui.note(format!("sizes are the catalogs' estimates{why}"));
        if sizes.unknown > 0 {
            cx.ui.note(format!(
                "{} never analyzed, which estimates make little of: `--exact`, or ANALYZE",
                match sizes.unknown {
                    1 => "1 table was".to_owned(),
                    many => format!("{many} tables were"),
                }
            ));
        }
    }
    let changing = changing(sizes);
    if !changing.is_empty() {
        let named = words::few(&changing, NAMED);
        let (is, that) = if changing.len() == 1 {
            ("is", "it")
        } else {
            ("are", "them")
        };
        cx.ui.warn(format!(
            "{named} {is} being changed by another session; the size of {that} is an estimate"
        ));
    }
    match past {
        Some(past) if past.is_empty() && args.since.is_some() => {
            let kind = if sizes.is_exact { "exact" } else { "estimated" };
            cx.ui.note(format!(
                "there are no {kind} snapshots to compare with; `--snapshot` takes one"
            ));
        }
        _ => {}
    }
    if let Some(kept) = kept {
        cx.ui
            .note(format!("kept a snapshot of {}", words::count(kept, "table")));
    }
}

/// The tables among exact sizes that are estimates.
fn changing(sizes: &Sizes) -> Vec<String> {
    let of_tenant = |(slug, measured): (&Slug, &Measured)| {
        let tables = measured.tables.iter().filter(|table| table.is_changing);
        let names: Vec<String> = tables.map(|table| format!("`{slug}`.{}", table.name)).collect();
        names
    };
    sizes.report.done().flat_map(of_tenant).collect()
}

/// A size such as `100MB`, in units of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write it as `8192`, `100MB` or `1.5GB`");
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let number: f64 = trimmed[..end].parse().map_err(|_| wrong())?;
    let unit = trimmed[end..].trim().to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" if unit != "i" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(wrong()),
    };
    let bytes = number * 1024_f64.powi(power);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    match bytes < 1e18 {
        true => Ok(bytes as u64),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_units_of_1024_in_any_case() {
        for (text, bytes) in [
            ("0", 0),
            ("8192", 8192),
            ("8192B", 8192),
            ("1k", 1024),
            ("100MB", 104_857_600),
            ("1.5 gb", 1_610_612_736),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "big", "-1MB", "1XB", "1.2.3MB", "MB", "5i", "9999999PB"] {
            assert!(parse_size(text).is_err(), "{text:?} was accepted");
        }
    }
}
