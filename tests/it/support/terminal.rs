//! A terminal of eighty columns.

use std::process::Command;

/// A command of the shell at a terminal. Its standard input is the keyboard, its standard output the screen.
pub(crate) fn terminal(command: &str) -> Command {
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &format!("stty cols 80; {command}"), "/dev/null"])
        .env("TERM", "xterm");
    terminal
}

/// What a person sees of a line.
pub(crate) fn visible(line: &str) -> String {
    let mut visible = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            visible.push(c);
        }
    }
    visible
}
