//! Groups of flags that several commands have, and what a single value may be.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::{FleetSettings, parse_duration};
use crate::context::Context;
use crate::error::UsageError;
use crate::fleet::{OnError, Plan, Retry};
use crate::tenant::{Selection, Slug, Which};
use crate::ui::Reply;
use crate::words;

/// Which tenants are meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenants")]
pub(crate) struct TenantSelection {
    /// Tenants by slug
    #[arg(value_name = "SLUG", value_parser = parse_slug)]
    slugs: Vec<Slug>,
    /// All active tenants
    #[arg(long, conflicts_with_all = ["slugs", "from_file"])]
    all: bool,
    /// Tenants listed in this file, one slug a line; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "slugs")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    filter: TenantFilter,
}

/// What narrows a selection down, or widens it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenants")]
pub(crate) struct TenantFilter {
    /// Only tenants of this plan; may be repeated
    #[arg(long = "plan", value_name = "PLAN")]
    plans: Vec<String>,
    /// Only tenants of this region; may be repeated
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
    /// Suspended tenants too
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Leave this tenant out; may be repeated
    #[arg(long, value_name = "SLUG", value_parser = parse_slug)]
    exclude: Vec<Slug>,
}

impl TenantFilter {
    /// Whether it narrows or widens nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            plans,
            regions,
            inactive,
            exclude,
        } = self;
        plans.is_empty() && regions.is_empty() && !inactive && exclude.is_empty()
    }

    /// All tenants that pass.
    pub(crate) fn selection(&self, which: Which) -> Selection {
        Selection {
            which,
            plans: self.plans.clone(),
            regions: self.regions.clone(),
            include_inactive: self.inactive,
            exclude: self.exclude.clone(),
        }
    }
}

impl TenantSelection {
    /// The selection, or a usage error when no tenant was named at all: nothing ever means "all" by accident.
    pub(crate) async fn selection(&self, cx: &Context) -> anyhow::Result<Selection> {
        if self.from_file.is_none() && !self.all && self.slugs.is_empty() {
            return Err(UsageError::new("no tenants were named")
                .with_hint("name slugs, or pass `--all`")
                .into());
        }
        self.selection_or_all(cx).await
    }

    /// The same for what chooses among all tenants when none was named.
    pub(crate) async fn selection_or_all(&self, cx: &Context) -> anyhow::Result<Selection> {
        let which = match &self.from_file {
            Some(file) => Which::Slugs(slugs_in(&file.display().to_string(), &cx.read_text(file).await?)?),
            None if self.slugs.is_empty() => Which::All,
            None => Which::Slugs(self.slugs.clone()),
        };
        Ok(self.filter.selection(which))
    }
}

/// Which tenants are looked at: all of them, unless some are named.
#[derive(Debug, Args)]
pub(crate) struct OptionalSelection {
    #[command(flatten)]
    named: TenantSelection,
}

impl OptionalSelection {
    /// Whether tenants were named.
    pub(crate) fn names_some(&self) -> bool {
        !self.named.slugs.is_empty() || self.named.from_file.is_some()
    }

    pub(crate) async fn selection(&self, cx: &Context) -> anyhow::Result<Selection> {
        self.named.selection_or_all(cx).await
    }
}

/// Reads slugs, one a line. Blank lines and lines that begin with `#` are passed over.
pub(crate) fn slugs_in(file: &str, text: &str) -> anyhow::Result<Vec<Slug>> {
    let mut slugs = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let slug = line.parse::<Slug>();
        slugs.push(
            slug.map_err(|error| anyhow::Error::new(error).context(format!("file `{file}`, line {number}")))?,
        );
    }
    if slugs.is_empty() {
        return Err(UsageError::new(format!("file `{file}` names no tenant")).into());
    }
    Ok(slugs)
}

/// What `--on-error` is for; what it is when it is not given differs by command.
pub(super) const ON_ERROR: &str = "When a tenant fails: start no more, or go on with the others";

/// How many tenants at once, and what happens when one fails.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct JobArgs {
    /// Tenants worked on at once [default: the configuration's `fleet.jobs`, or 4]
    #[arg(long, short, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[arg(long, value_enum, value_name = "WHAT", help = format!("{ON_ERROR} [default: stop]"))]
    on_error: Option<OnErrorChoice>,
    /// Attempts after the first for a tenant that met a lock timeout, a deadlock or a serialization failure, or that was
    /// changed while it was being read [default: the configuration's `fleet.retries`, or 3]
    #[arg(long, value_name = "NUMBER")]
    retries: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnErrorChoice {
    Stop,
    Continue,
}

impl JobArgs {
    /// The plan for a run that never has more tenants under way than `capacity` connections.
    pub(crate) fn plan(&self, settings: &FleetSettings, capacity: usize, on_error: OnError) -> Plan {
        Plan {
            jobs: self.jobs.map_or(settings.jobs, usize::from).min(capacity),
            on_error: match self.on_error {
                None => on_error,
                Some(OnErrorChoice::Stop) => OnError::Stop,
                Some(OnErrorChoice::Continue) => OnError::Continue,
            },
            retry: Retry {
                times: self.retries.unwrap_or(settings.retries),
            },
        }
    }
}

/// Agreement to what cannot be undone.
#[derive(Debug, Args)]
pub(crate) struct Confirmation {
    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    pub(crate) yes: bool,
}

impl Confirmation {
    /// Asks, unless agreement was given already. Without a terminal silence is no agreement.
    pub(crate) async fn obtain(
        &self,
        cx: &Context,
        question: String,
        expected: String,
    ) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        let ui = cx.ui.clone();
        match cx
            .attended(move || ui.ask_to_type(&question, &expected))
            .await??
        {
            Reply::Agreed => Ok(()),
            Reply::Declined => Err(UsageError::new("not confirmed, nothing was changed").into()),
            Reply::NobodyThere => Err(UsageError::new(
                "this needs confirmation, and there is no terminal to ask on",
            )
            .with_hint("pass `--yes` if you are sure")
            .into()),
        }
    }
}

/// A question's wording for one tenant or several, and the word that answers it.
pub(crate) fn name_them(slugs: &[&Slug], verb: &str) -> (String, String) {
    match slugs {
        [slug] => (format!("`{slug}`"), slug.to_string()),
        _ => {
            let counted = words::count(slugs.len(), "tenant");
            (counted.clone(), format!("{verb} {counted}"))
        }
    }
}

/// A slug with the reason and the nearest right one when it is none.
pub(crate) fn parse_slug(text: &str) -> Result<Slug, String> {
    text.parse::<Slug>().map_err(|error| error.with_suggestion())
}

/// A duration flag.
pub(crate) fn parse_duration_flag(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}
