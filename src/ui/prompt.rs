//! Asking before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Ui;

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
        write!(stderr, "{question}\nType `{expected}` to go on: ")?;
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
