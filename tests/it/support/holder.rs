//! Somebody else, who keeps the program waiting.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use super::{Database, client};

/// A transaction of another session, which keeps what it has locked until it is told to end. When it is dropped, nothing
/// of it stays.
pub(crate) struct Holder(Child);

impl Holder {
    /// Does these statements; they are done when this returns.
    pub(crate) fn of(database: &Database, sql: &str) -> Self {
        Self::called("holder", database, sql)
    }

    /// The same under a name of its own.
    pub(crate) fn called(name: &str, database: &Database, sql: &str) -> Self {
        let mut holder = Self(
            client("psql")
                .args([database.url(), "-XAtq", "-v", "ON_ERROR_STOP=1"])
                .env("PGAPPNAME", name)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("psql is installed with the server"),
        );
        holder.says(&format!("BEGIN;\n{sql};\n\\echo :done"));
        let answers = BufReader::new(holder.0.stdout.take().expect("piped"));
        let mut lines = answers.lines().map(|line| line.expect("text"));
        assert!(lines.any(|line| line == ":done"), "it has ended: {sql}");
        holder
    }

    /// Ends the transaction; what it did stays.
    pub(crate) fn commit(mut self) {
        self.says("COMMIT;");
        assert!(self.ends());
    }

    fn says(&mut self, words: &str) {
        let stdin = self.0.stdin.as_mut().expect("piped");
        writeln!(stdin, "{words}").expect("told");
    }

    fn ends(&mut self) -> bool {
        drop(self.0.stdin.take());
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(stdin) = &mut self.0.stdin {
            // One that has ended by itself holds nothing.
            writeln!(stdin, "ROLLBACK;").ok();
            self.ends();
        }
    }
}
