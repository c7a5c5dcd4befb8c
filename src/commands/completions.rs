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

pub(crate) fn run(cx: &Context, args: &CompletionsArgs) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tenantctl", &mut script);
    cx.ui.raw(&script)?;
    Ok(ExitStatus::Done)
}
