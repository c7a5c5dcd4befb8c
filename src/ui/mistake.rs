//! What clap says of a command line.

use std::io::{self, Write as _};

use super::safe::message;

/// Shows help on stdout and mistakes on stderr. What was typed is part of those: it is shown and not obeyed.
pub(crate) fn show(error: &clap::Error) {
    let plain = error.render().to_string();
    let safe = message(&plain);
    // A closed pipe is nobody's fault.
    let _ = match error.use_stderr() && safe.trim_end() != plain.trim_end() {
        true => io::stderr().write_all(safe.as_bytes()),
        false => error.print(),
    };
}
