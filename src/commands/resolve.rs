use serde::Serialize;

use crate::config::OutputFormat;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::tenant::{Domain, registry};
use crate::ui::{Column, Table, View};

/// Find the tenant that a domain belongs to
///
/// Prints the tenant's schema and nothing else, so that scripts can use it. Exits with 4 when no active tenant has
/// the domain.
#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// Host name, in any case, with or without a port or a dot at the end
    domain: String,
}

#[derive(Debug, Serialize)]
struct ResolveView {
    domain: String,
    found: bool,
    slug: Option<String>,
    schema: Option<String>,
    status: Option<&'static str>,
}

impl View for ResolveView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["domain", "slug", "schema", "status"].map(Column::text));
        if let (Some(slug), Some(schema), Some(status)) = (&self.slug, &self.schema, self.status) {
            table.push(vec![
                self.domain.as_str().into(),
                slug.as_str().into(),
                schema.as_str().into(),
                status.into(),
            ]);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        self.found.then(|| self.schema.clone()).flatten()
    }
}

pub(crate) async fn run(cx: &Context, args: &ResolveArgs) -> anyhow::Result<ExitStatus> {
    let domain = Domain::of_host(&args.domain)?;
    let session = cx.db().await?.session().await?;
    let tenant = registry::find_by_domain(&session, &domain).await?;
    let found = tenant.as_ref().is_some_and(registry::Tenant::is_active);
    let view = ResolveView {
        domain: domain.to_string(),
        found,
        slug: tenant.as_ref().map(|tenant| tenant.slug.to_string()),
        schema: tenant.as_ref().map(|tenant| tenant.schema.to_string()),
        status: tenant.as_ref().map(|tenant| tenant.status.as_str()),
    };
    match &tenant {
        None => cx.ui.warn(format!("no tenant has the domain `{domain}`")),
        Some(tenant) if !found => cx.ui.warn(format!("tenant `{}` is suspended", tenant.slug)),
        Some(_) => {}
    }
    if found || cx.ui.format() != OutputFormat::Human {
        cx.ui.answer(&view)?;
    }
    Ok(if found { ExitStatus::Done } else { ExitStatus::No })
}
