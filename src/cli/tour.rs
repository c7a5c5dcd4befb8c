//! What `tenantctl help` shows: the commands under headings, in the order in which a newcomer meets them.
//!
//! clap lists commands in one row. Their names and what is said of each are clap's; here is only where each belongs.

use std::fmt::Write as _;

use clap::builder::{StyledStr, Styles};

use super::Command;

/// Where to begin.
pub(crate) const BEGINNING: &str = "Begin with `tenantctl demo`, which shows the main job on a private local
server, or with `tenantctl init` on a database of yours. Each command tells more
of itself: `tenantctl help create`.";

/// A heading, and the commands under it.
type Group = (&'static str, &'static [&'static str]);

const GROUPS: [Group; 6] = [
    ("First steps", &["demo", "init", "create", "seed"]),
    (
        "Tenants",
        &[
            "list", "show", "resolve", "update", "suspend", "resume", "drop", "undrop",
        ],
    ),
    (
        "Their schemas",
        &["new", "lint", "migrate", "status", "drift", "template"],
    ),
    (
        "Their data",
        &[
            "shell",
            "exec",
            "backup",
            "list-backups",
            "verify",
            "restore",
            "clone",
            "move",
            "cleanup",
        ],
    ),
    ("Looking on", &["health", "sizes", "history"]),
    ("This program", &["db", "completions", "man"]),
];

/// Help for the program as a whole. Other commands have clap's.
pub(super) fn template() -> StyledStr {
    let commands = <Command as clap::Subcommand>::augment_subcommands(clap::Command::new("tenantctl"));
    let known: Vec<&clap::Command> = commands.get_subcommands().collect();
    let width = known.iter().map(|command| command.get_name().len()).max();
    let width = width.unwrap_or_default();
    let styles = Styles::default();
    let (header, literal) = (styles.get_header(), styles.get_literal());

    let mut text = StyledStr::from("{about-with-newline}\n{usage-heading} {usage}\n\n");
    // Nothing that is written into memory fails.
    let _ = writeln!(text, "{BEGINNING}");
    for (heading, names) in GROUPS {
        let _ = writeln!(text, "\n{header}{heading}:{header:#}");
        for name in names {
            let known = known.iter().find(|command| command.get_name() == *name);
            let about = known.and_then(|command| command.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {about}");
        }
    }
    let _ = write!(text, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        grouped.sort_unstable();
        let command = Cli::command();
        let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        known.sort_unstable();
        assert_eq!(grouped, known, "src/cli/tour.rs has a group for each command");
    }

    #[test]
    fn the_tour_shows_every_command_once_and_fits_80_columns() {
        let command = Cli::command();
        let help = [command.clone().render_help(), command.clone().render_long_help()];
        for help in help.map(|help| help.to_string()) {
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            for command in command.get_subcommands() {
                let (name, about) = (
                    command.get_name(),
                    command.get_about().expect("a line").to_string(),
                );
                let shown = help.lines().filter(|line| {
                    line.strip_prefix("  ")
                        .is_some_and(|line| line.split(' ').next() == Some(name) && line.ends_with(&about))
                });
                assert_eq!(shown.count(), 1, "{name}: {help}");
            }
            assert!(!help.contains("Commands:"), "{help}");
        }
    }
}
