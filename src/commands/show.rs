use super::tenant_view::OneTenantView;
use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::db::SchemaMissing;
use crate::exit::ExitStatus;
use crate::ops::roles::tenant as tenant_role;
use crate::tenant::{Slug, registry};

/// Show everything known of a tenant
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Slug of the tenant
    #[arg(value_parser = parse_slug)]
    slug: Slug,
}

pub(crate) async fn run(cx: &Context, args: &ShowArgs) -> anyhow::Result<ExitStatus> {
    let session = cx.db().await?.session().await?;
    let tenant = registry::find(&session, &args.slug).await?;
    let tables = registry::count_tables(&session, &tenant.schema).await?;
    let roles = tenant_role::of_schema(&session, &tenant.schema).await?;
    cx.ui.answer(&OneTenantView {
        tables,
        role: roles.first().map(ToString::to_string),
        schema_exists: Some(tables.is_some()),
        ..OneTenantView::new(&tenant)
    })?;
    if tables.is_none() {
        let missing = SchemaMissing(tenant.schema);
        cx.ui.warn(format!("{missing}; {}", missing.hint()));
    }
    Ok(ExitStatus::Done)
}
