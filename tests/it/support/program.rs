//! The real binary in an environment of the test's making.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A call of the program that is being put together.
pub(crate) struct Program {
    command: Command,
    input: Option<Vec<u8>>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// The binary with an environment that holds nothing of the developer's, in an empty folder.
    pub(crate) fn new() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantctl"));
        command.env_clear().current_dir(std::env::temp_dir());
        command.env("PATH", super::variable("PATH").unwrap_or_default());
        command
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("TENANTCTL_CONNECT_WAIT", "0")
            // How slow a machine is at the moment is nothing that a test expects.
            .env("SLOW_QUERY_THRESHOLD_MS", "0");
        Self { command, input: None }
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn input(mut self, input: &str) -> Self {
        self.input = Some(input.as_bytes().to_vec());
        self
    }

    /// Starts the program and does not wait for it.
    pub(crate) fn spawn(self, arguments: &[&str]) -> Child {
        self.spawn_reading(Stdio::null(), arguments)
    }

    /// Starts the program with this standard input.
    pub(crate) fn spawn_reading(mut self, input: impl Into<Stdio>, arguments: &[&str]) -> Child {
        self.command
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.command.spawn().expect("the binary runs")
    }

    /// Runs the program to its end.
    pub(crate) fn run(mut self, arguments: &[&str]) -> Run {
        let input = self.input.take();
        self.command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.command.stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = self.command.spawn().expect("the binary runs");
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(&input).ok();
        }
        Run::of(child)
    }
}

impl Run {
    /// Waits for a program that was started.
    pub(crate) fn of(child: Child) -> Self {
        Self::watched(child, || {})
    }

    /// The same, with something done when the program has nothing more to say and its process is still its own: nobody
    /// else can have the number yet.
    pub(crate) fn watched(mut child: Child, before_it_is_gone: impl FnOnce()) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = std::thread::scope(|scope| {
            let stderr = scope.spawn(|| all_of(stderr));
            (all_of(stdout), stderr.join().expect("no panic"))
        });
        before_it_is_gone();
        let status = child.wait().expect("the binary ends");
        Self {
            code: status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)),
            stdout,
            stderr,
        }
    }

    /// Expects the program to have done what it was told.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.exits(0)
    }

    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "wrong exit code\nstdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    /// Expects words on stderr.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(
            self.stderr.contains(words),
            "stderr does not say {words:?}\n{}",
            self.stderr
        );
        self
    }

    /// The answer as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// Exit code and both streams, with what differs from run to run taken out.
    pub(crate) fn shown(&self) -> String {
        let text = format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        );
        redacted(&text)
    }
}

/// What a stream has to say until its end.
fn all_of(stream: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(mut stream) = stream {
        stream.read_to_string(&mut text).expect("UTF-8");
    }
    text
}

/// Times become `[time]`, identifiers `[id]`.
fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    'outer: while let Some(first) = rest.chars().next() {
        for (shape, name) in [
            ("dddddddd-dddd-dddd-dddd-dddddddddddd", "[id]"),
            ("####-##-##T##:##:##", "[time]"),
            ("####-##-## ##:##", "0000-00-00 00:00"),
        ] {
            if matches_shape(rest, shape) {
                shown.push_str(name);
                rest = &rest[shape.len()..];
                if shape.contains('T') {
                    rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == 'Z');
                }
                continue 'outer;
            }
        }
        shown.push(first);
        rest = &rest[first.len_utf8()..];
    }
    shown
}

fn matches_shape(text: &str, shape: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= shape.len()
        && shape.bytes().zip(bytes).all(|(wanted, &found)| match wanted {
            b'#' => found.is_ascii_digit(),
            b'd' => found.is_ascii_hexdigit(),
            other => other == found,
        })
}
