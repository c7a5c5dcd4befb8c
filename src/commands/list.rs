use super::tenant_view::TenantsView;
use crate::cli::args::TenantFilter;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::tenant::{Selection, Which};
use crate::words;

/// List the tenants of the registry
///
/// Suspended tenants are left out unless `--inactive` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: TenantFilter,
}

pub(crate) async fn run(cx: &Context, args: &ListArgs) -> anyhow::Result<ExitStatus> {
    let wide = Selection {
        include_inactive: true,
        ..args.filter.selection(Which::All)
    };
    let session = cx.db().await?.session().await?;
    let tenants = wide.resolve(&session).await?;
    let (active, suspended): (Vec<_>, Vec<_>) = tenants.iter().partition(|tenant| tenant.is_active());

    if args.filter.inactive {
        cx.ui.answer(&TenantsView::new(&tenants))?;
    } else {
        cx.ui.answer(&TenantsView::new(active.iter().copied()))?;
    }
    match (active.len(), suspended.len()) {
        (0, 0) => cx.ui.note("no tenants"),
        (active, 0) => cx.ui.note(words::count(active, "tenant")),
        (active, hidden) if !args.filter.inactive => {
            cx.ui.note(format!(
                "{}, {hidden} suspended not shown (--inactive)",
                words::count(active, "tenant")
            ));
        }
        (active, suspended) => {
            cx.ui.note(format!(
                "{}, {suspended} of them suspended",
                words::count(active + suspended, "tenant")
            ));
        }
    }
    Ok(ExitStatus::Done)
}
