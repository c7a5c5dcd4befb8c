//! Metrics in the text format of Prometheus, as node_exporter's textfile collector reads it.

use std::fmt::Write as _;

/// Metrics whose names begin alike.
#[derive(Debug)]
pub(crate) struct Metrics {
    prefix: &'static str,
    text: String,
}

impl Metrics {
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            text: String::new(),
        }
    }

    /// Adds a metric that has one value.
    pub(crate) fn one(&mut self, name: &str, help: &str, value: f64) {
        self.each(name, help, &[(String::new(), value)]);
    }

    /// Adds a metric with a value for each of these labels.
    pub(crate) fn each(&mut self, name: &str, help: &str, samples: &[(String, f64)]) {
        let Self { prefix, text } = self;
        let _ = writeln!(
            text,
            "# HELP {prefix}_{name} {help}\n# TYPE {prefix}_{name} gauge"
        );
        for (labels, value) in samples {
            let _ = writeln!(text, "{prefix}_{name}{labels} {value}");
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
