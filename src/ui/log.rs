//! Log lines on stderr: warnings always, also with `--quiet`, what happens with `-v`, every detail with `-vv`.

use std::fmt;
use std::io;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts the log. Called once, before anything happens.
pub(crate) fn start_log(verbosity: u8) {
    let level = match verbosity {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let filter = tracing_subscriber::filter::Targets::new()
        .with_default(if verbosity > 2 { Level::TRACE } else { Level::WARN })
        .with_target(
            env!("CARGO_PKG_NAME"),
            if verbosity > 2 { Level::TRACE } else { level },
        );
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line)
        .with_writer(io::stderr);
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    // A second call, from a program that embeds the library, leaves the first one's log in place.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// `warning: …`, in the words of every other message of the program.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let label = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG | Level::TRACE => "debug",
        };
        write!(writer, "{label}: ")?;
        let mut line = String::new();
        context
            .field_format()
            .format_fields(Writer::new(&mut line), event)?;
        writeln!(writer, "{}", super::safe::log_line(&line))
    }
}
