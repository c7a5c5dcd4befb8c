//! The command line is well formed, and every command that a text of ours shows is one that the program takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use regex::Regex;

use super::Cli;

/// The files below a folder that end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found
}

/// The commands in a text: in code spans, after a prompt, in CI's steps and in lines of a crontab.
fn commands(text: &str) -> Vec<String> {
    let span = Regex::new("`tenantctl ([^`|]+)").expect("a pattern");
    let line = Regex::new(r"(?m)^(?:\$ |\s*(?:- )?run: +|[\d*/ ,-]+(?:[A-Z_]+=\S+ )+)tenantctl (.+)$")
        .expect("a pattern");
    let found = |pattern: &Regex| -> Vec<String> {
        let captures = pattern.captures_iter(text);
        captures.map(|captures| captures[1].to_owned()).collect()
    };
    [found(&span), found(&line)].concat()
}

/// The words as a shell would pass them on, up to what is not for the program.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | '>' | '#' | ';' | ',' | '&' | '(' | '\\') => break,
            (None, ' ' | '\n') => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word that stands for something, as something that it may stand for.
fn filled_in(word: &str) -> String {
    match word.trim_end_matches('…') {
        "VERSION" | "N" | "NUMBER" => "3".to_owned(),
        "DURATION" => "5m".to_owned(),
        "SLUG" | "FROM" | "TO" => "acme".to_owned(),
        "{app}" => "inbox".to_owned(),
        word if word.starts_with('{') && !word.contains('"') => "acme".to_owned(),
        word => word.to_owned(),
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_in_our_texts_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![
        root.join("README.md"),
        root.join("CHANGELOG.md"),
        root.join("config.example.toml"),
    ];
    for (folder, ending) in [("docs", "md"), ("fixtures", "md"), ("src", "rs")] {
        texts.extend(files(&root.join(folder), ending));
    }
    let mut checked = 0;
    let mut wrong = Vec::new();
    for path in texts {
        let text = fs::read_to_string(&path).expect("readable");
        for command in commands(&text) {
            let words = words(&command);
            let arguments = words.iter().map(|word| filled_in(word));
            checked += 1;
            let Err(error) = Cli::try_parse_from(std::iter::once("tenantctl".to_owned()).chain(arguments))
            else {
                continue;
            };
            let is_only_mentioned = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelp
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::DisplayVersion
            );
            if !is_only_mentioned {
                let place = path.strip_prefix(root).unwrap_or(&path).display();
                wrong.push(format!("{place}: tenantctl {command}\n{error}"));
            }
        }
    }
    assert!(checked > 150, "only {checked} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_are_found_where_they_stand() {
    let text = "Run `tenantctl list`.\n$ tenantctl show acme # its row\n      - run: tenantctl lint --all > x\n\
                15 3 * * *  URL=x tenantctl cleanup --days 30\nfrom tenantctl on a socket\n";
    let found: Vec<Vec<String>> = commands(text).iter().map(|command| words(command)).collect();
    let expected: [&[&str]; 4] = [
        &["list"],
        &["show", "acme"],
        &["lint", "--all"],
        &["cleanup", "--days", "30"],
    ];
    assert_eq!(found, expected);
}
