use clap::CommandFactory;

use crate::cli::Cli;
use crate::context::Context;
use crate::exit::ExitStatus;

/// Print a completion script for a shell
///
/// For bash: `tenantctl completions bash > ~/.local/share/bash-completion/completions/tenantctl`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    shell: clap_complete::Shell,
}

/// Print the manual page
///
/// Read it with `tenantctl man | man -l -`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {}

pub(crate) fn run(cx: &Context, args: &CompletionsArgs) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tenantctl", &mut script);
    cx.ui.raw(&script)?;
    Ok(ExitStatus::Done)
}

pub(crate) fn run_man(cx: &Context, _args: &ManArgs) -> anyhow::Result<ExitStatus> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    cx.ui.raw(&page)?;
    Ok(ExitStatus::Done)
}
