//! Asking before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Ui;
use super::safe::{printable, printable_lines};

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Agreed,
    Declined,
    /// There is no terminal to ask on.
    NobodyThere,
}

impl Ui {
    /// Asks for `expected` to be typed, so that nobody agrees by habit.
    pub(crate) fn ask_to_type(&self, question: &str, expected: &str) -> io::Result<Reply> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(Reply::NobodyThere);
        }
        // Not locked: whoever is told to stop meanwhile must be able to say so.
        let mut stderr = io::stderr();
        stderr.write_all(request(question, expected).as_bytes())?;
        stderr.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(if line.trim() == expected {
            Reply::Agreed
        } else {
            Reply::Declined
        })
    }
}

/// What is asked. Names of folders and databases in it may hold anything.
fn request(question: &str, expected: &str) -> String {
    let question = printable_lines(question);
    format!("{question}Type `{}` to go on: ", printable(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_a_question() {
        assert_eq!(
            request("This removes\n/tmp/\u{1b}[2Jx.", "\u{7}"),
            "This removes\n/tmp/\\u{1b}[2Jx.\nType `\\u{7}` to go on: "
        );
    }
}
