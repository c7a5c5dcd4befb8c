use super::backup_args::{DirArgs, IdentityArgs};
use super::restore;
use crate::cli::args::parse_slug;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::backup::{Folder, Home, Target};
use crate::tenant::Slug;

/// Bring a dropped tenant back from its latest backup
#[derive(Debug, clap::Args)]
pub(crate) struct UndropArgs {
    /// Slug of the tenant
    #[arg(value_parser = parse_slug)]
    slug: Slug,
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    identities: IdentityArgs,
    /// Check the file and report what would be restored without changing anything
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(cx: &Context, args: &UndropArgs) -> anyhow::Result<ExitStatus> {
    let folder = Folder::new(args.dir.folder(cx)?);
    let identities = args.identities.load()?;
    let home = Home::of(&cx.db().await?.session().await?).await?;
    let latest = folder.latest(&args.slug, &home, &identities)?;
    let target = Target {
        slug: None,
        naming: cx.settings.tenants.naming.clone(),
        replace: false,
        keep_text: false,
    };
    cx.ui.note(format!("from `{}`", latest.file));
    let request = restore::request(cx, &folder.path(&latest), identities, target, args.dry_run);
    restore::bring_back(cx, request, None).await
}
