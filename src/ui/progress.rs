//! How work over many tenants gets on: a bar on a terminal, a line every few seconds elsewhere, nothing when quiet.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::fleet::{Ending, Event, Observer};
use crate::tenant::Slug;
use crate::words;

/// Without a terminal there is a line this often.
const INTERVAL: Duration = Duration::from_secs(5);
/// A tenant that has been under way for this long is named.
const WORTH_A_WORD: Duration = Duration::from_secs(2);
/// Fewer tenants than this need no bar.
const WORTH_A_BAR: usize = 2;

/// Shows what a fleet does.
#[derive(Debug)]
pub(crate) struct Progress {
    doing: &'static str,
    thing: &'static str,
    total: usize,
    finished: usize,
    failed: usize,
    running: Running,
    mode: Mode,
}

/// Who is under way, and since when.
type Running = Arc<Mutex<BTreeMap<Slug, Instant>>>;

#[derive(Debug)]
enum Mode {
    Silent,
    Bar(ProgressBar),
    Lines { started: Instant, last: Instant },
}

impl Progress {
    pub(super) fn new(doing: &'static str, total: usize, quiet: bool, color: bool) -> Self {
        let running = Running::default();
        let mode = if quiet || total < WORTH_A_BAR {
            Mode::Silent
        } else {
            Mode::of_stderr(|| bar(doing, total, color, Arc::clone(&running)))
        };
        Self {
            doing,
            thing: "tenant",
            total,
            finished: 0,
            failed: 0,
            running,
            mode,
        }
    }

    /// Progress within one tenant. How many steps there are shows with the first.
    pub(super) fn of_steps(doing: &'static str, quiet: bool, color: bool) -> Self {
        let mode = if quiet {
            Mode::Silent
        } else {
            Mode::of_stderr(|| bar_of_steps(doing, color))
        };
        Self {
            doing,
            thing: "step",
            total: 0,
            finished: 0,
            failed: 0,
            running: Running::default(),
            mode,
        }
    }

    /// Takes the bar away, so that what follows begins on a line of its own.
    pub(crate) fn finish(self) {
        if let Mode::Bar(bar) = self.mode {
            bar.finish_and_clear();
        }
    }

    /// Says something without tearing the bar.
    fn say(&self, text: &str) {
        let text = super::safe::printable(text);
        match &self.mode {
            Mode::Silent => {}
            Mode::Bar(bar) => bar.println(text),
            Mode::Lines { .. } => {
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
    }

    fn count_one(&mut self, ending: &Ending) {
        self.finished += 1;
        if let Ending::Failed(_) = ending {
            self.failed += 1;
        }
        let failed = if self.failed == 0 {
            String::new()
        } else {
            format!(", {} failed", self.failed)
        };
        self.show(&failed);
    }

    fn step(&mut self, done: usize, of: usize, what: &str) {
        (self.finished, self.total) = (done, of);
        if let Mode::Bar(bar) = &self.mode {
            bar.set_length(of as u64);
        }
        self.show(&format!(", {what}"));
    }

    /// Shows the counts and what else there is to say.
    fn show(&mut self, more: &str) {
        match &mut self.mode {
            Mode::Silent => {}
            Mode::Bar(bar) => {
                bar.set_position(self.finished as u64);
                bar.set_message(super::safe::printable(more));
            }
            Mode::Lines { started, last } => {
                if last.elapsed() >= INTERVAL {
                    *last = Instant::now();
                    let elapsed = started.elapsed();
                    let line = format!(
                        "{}: {} of {}{more}, {}{}{}",
                        self.doing.to_lowercase(),
                        self.finished,
                        words::count(self.total, self.thing),
                        words::duration(elapsed),
                        remaining(self.finished, self.total, elapsed),
                        longest(&self.running),
                    );
                    self.say(&line);
                }
            }
        }
    }
}

impl Mode {
    fn of_stderr(bar: impl FnOnce() -> ProgressBar) -> Self {
        if io::stderr().is_terminal() {
            Self::Bar(bar())
        } else {
            Self::Lines {
                started: Instant::now(),
                last: Instant::now(),
            }
        }
    }
}

/// The rate so far, and how long the others take at that.
fn remaining(finished: usize, total: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if finished == 0 || seconds <= 0.0 {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (rate, left) = (finished as f64 / seconds, total.saturating_sub(finished) as f64);
    let left = words::duration(Duration::from_secs_f64((left / rate).min(1e6)));
    format!(", {rate:.1}/s, {left} left")
}

/// Who has been under way longest, once that is long.
fn longest(running: &Running) -> String {
    let running = running.lock().unwrap_or_else(PoisonError::into_inner);
    let first = running.iter().min_by_key(|(_, since)| **since);
    match first.map(|(slug, since)| (slug, since.elapsed())) {
        Some((slug, elapsed)) if elapsed >= WORTH_A_WORD => {
            format!("; {slug} for {}", words::duration(elapsed))
        }
        _ => String::new(),
    }
}

fn bar_of_steps(doing: &'static str, color: bool) -> ProgressBar {
    let template = if color {
        "{prefix} {bar:30.cyan/dim} {pos}/{len}{msg}  {elapsed}"
    } else {
        "{prefix} {bar:30} {pos}/{len}{msg}  {elapsed}"
    };
    drawn(ProgressBar::new(0), doing, style(template))
}

fn bar(doing: &'static str, total: usize, color: bool, running: Running) -> ProgressBar {
    let template = if color {
        "{prefix} {bar:20.cyan/dim} {pos}/{len}{msg}  {rate}, {eta} left{now}"
    } else {
        "{prefix} {bar:20} {pos}/{len}{msg}  {rate}, {eta} left{now}"
    };
    let now = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", longest(&running));
    };
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A bar that cannot be drawn is no reason to stop the work.
        let _ = write!(out, "{:.1}/s", state.per_sec());
    };
    let style = style(template).with_key("rate", rate).with_key("now", now);
    drawn(ProgressBar::new(total as u64), doing, style)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn drawn(bar: ProgressBar, doing: &'static str, style: ProgressStyle) -> ProgressBar {
    let bar = bar.with_style(style.progress_chars("━━─")).with_prefix(doing);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Planned { tenants } => {
                self.total = *tenants;
                if let Mode::Bar(bar) = &self.mode {
                    bar.set_length(*tenants as u64);
                }
            }
            Event::Started { slug } => {
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                running.insert(slug.clone(), Instant::now());
            }
            Event::Step { done, of, what, .. } => self.step(*done, *of, what),
            Event::Retrying {
                slug,
                attempt,
                pause,
                reason,
            } => {
                let pause = words::duration(*pause);
                self.say(&format!(
                    "{slug}: attempt {attempt} failed, again in {pause}: {reason}"
                ));
            }
            Event::Blocked {
                slug,
                waiting,
                blocker,
            } => {
                let waiting = words::duration(*waiting);
                let age = words::duration(blocker.age);
                self.say(&format!(
                    "{slug}: waiting {waiting} for a lock of pid {} ({}), in a transaction since {age}: {}",
                    blocker.pid, blocker.who, blocker.query
                ));
            }
            Event::Finished { slug, ending, .. } => {
                self.running
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(slug);
                self.count_one(ending);
            }
            Event::Draining { running: 0, .. } => {}
            Event::Draining { running, not_started } => {
                let running = words::count(*running, "tenant");
                self.say(&format!(
                    "stopping: {running} still running, {not_started} not started"
                ));
            }
        }
    }
}
