//! What README and docs show is what happens. Each block of a terminal is typed line by line where its first command has
//! a place, and the answers are held against those that stand there; lines for CI, cron and the shell are run, so are
//! commands within sentences, and what the pages show of configuration, SQL and Rust.
//!
//! Moments, times and sizes are never the same twice. Where the place is not the one in the text, neither are other
//! numbers. Everything else has to be as it is written.

mod pages;
mod place;
mod shown;
mod spoken;
mod typed;

use std::fmt::Write as _;
use std::path::Path;

use self::place::Place;
use self::shown::{Numbers, normal};
use self::typed::{Block, Typed, blocks};

/// All blocks of this language in a text.
fn blocks_of(file: &str, language: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("readable");
    blocks(&text, language)
}

/// Types a block, and says where it is not as it is shown.
fn differences(file: &str, block: &Block) -> String {
    let typed = block.typed();
    let first = typed.first().expect("a command");
    let place =
        Place::of(&first.command).unwrap_or_else(|| panic!("{file}: no place for `{}`", first.command));
    let mut wrong = String::new();
    for Typed { command, shown } in typed {
        let answer = place.answers(&command, &shown);
        // A command whose answer is left out is only run.
        if shown.is_empty() && answer.code == 0 {
            continue;
        }
        let wanted = normal(&shown, place.numbers);
        let found = normal(&answer.lines, place.numbers);
        if wanted != found {
            let _ = writeln!(
                wrong,
                "{file}, line {}: $ {command}\nexit {}\n--- shown\n{}\n--- is\n{}\n",
                block.line,
                answer.code,
                shown.join("\n"),
                answer.lines.join("\n")
            );
        }
    }
    wrong
}

fn all_are_true(file: &str) {
    let blocks = blocks_of(file, "console");
    assert!(!blocks.is_empty(), "{file} shows nothing");
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = blocks
            .iter()
            .map(|block| scope.spawn(move || differences(file, block)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| "a place could not be made".to_owned())
            })
            .filter(|wrong| !wrong.is_empty())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    all_are_true("README.md");
}

#[test]
fn what_the_page_on_backups_shows_is_what_happens() {
    all_are_true("docs/backup.md");
}

#[test]
fn commands_for_ci_cron_and_the_shell_do_what_they_are_there_for() {
    let mut run = 0;
    for file in [
        "README.md",
        "docs/health.md",
        "docs/roles.md",
        "docs/apps/README.md",
    ] {
        for language in ["yaml", "crontab", "sh"] {
            for block in blocks_of(file, language) {
                for command in block.commands() {
                    let place = Place::of_line(&command);
                    let answer = place.answers(&command, &[]);
                    assert_eq!(answer.code, 0, "{file}: {command}\n{}", answer.lines.join("\n"));
                    run += 1;
                }
            }
        }
    }
    assert!(run > 12, "only {run} lines were found");
}

#[test]
fn numbers_are_told_from_words() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let table = lines("SLUG   CREATED AT\nacme   2026-11-21 06:25\nV5__region: 47 ms\n  2 of 14, 126 MB");
    assert_eq!(
        normal(&table, Numbers::Same),
        ["SLUG CREATED AT", "acme #", "V5__region: #", "2 of 14, #"]
    );
    assert_eq!(normal(&table, Numbers::Other)[3], "# of #, #");
}
