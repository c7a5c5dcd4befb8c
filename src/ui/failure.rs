//! Errors, and tenants that failed: what happened, to whom, and what to do next.

use super::{Ui, safe};
use crate::error::{Diagnosis, diagnose};
use crate::fleet::Report;
use crate::tenant::Slug;
use crate::words;

/// So many tenants that were not started are named.
const NAMED: usize = 10;

impl Ui {
    /// Shows an error with its causes and what to do next.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.diagnosis(&diagnose(error));
    }

    fn diagnosis(&self, diagnosis: &Diagnosis) {
        let mut text = format!(
            "{}: {}\n",
            self.painted("error", "31;1"),
            safe::message(&diagnosis.message).trim_end()
        );
        for cause in &diagnosis.causes {
            text.push_str(&format!("  caused by: {}\n", safe::message(cause).trim_end()));
        }
        text.push_str(&self.hint(self.next_step(diagnosis)));
        self.to_stderr(&text);
    }

    fn next_step<'a>(&'a self, diagnosis: &'a Diagnosis) -> Option<&'a str> {
        let hint = diagnosis.hint.as_deref();
        hint.or(diagnosis.wants_role.then_some(self.role_hint.as_str()))
    }

    fn hint(&self, hint: Option<&str>) -> String {
        hint.map_or_else(String::new, |hint| {
            format!(
                "\n{}: {}\n",
                self.painted("hint", "36;1"),
                safe::message(hint).trim_end()
            )
        })
    }

    /// Shows who failed, who was skipped and who was not reached. `to_do` is the verb: `failed to {to_do}`.
    pub(crate) fn failures<T>(&self, report: &Report<T>, to_do: &str) {
        for (slug, reason) in report.skipped() {
            self.note(format!("skipped `{slug}`: {reason}"));
        }
        let failures: Vec<_> = report
            .failures()
            .map(|(slug, error)| (slug, diagnose(error)))
            .collect();
        if let ([(slug, diagnosis)], 1) = (failures.as_slice(), report.tenants.len()) {
            return self.diagnosis(&of_tenant(slug, diagnosis));
        }
        let not_started: Vec<String> = report.not_started().map(ToString::to_string).collect();
        if failures.is_empty() && not_started.is_empty() {
            return;
        }
        let total = words::count(report.tenants.len(), "tenant");
        let mut text = if failures.is_empty() {
            format!("{}: stopped before the end\n", self.painted("error", "31;1"))
        } else {
            let label = self.painted("error", "31;1");
            format!("{label}: {} of {total} failed to {to_do}\n", failures.len())
        };
        let width = failures
            .iter()
            .map(|(slug, _)| slug.as_str().len())
            .max()
            .unwrap_or(0);
        for (slug, diagnosis) in &failures {
            let words: Vec<&str> = std::iter::once(&diagnosis.message)
                .chain(&diagnosis.causes)
                .map(String::as_str)
                .collect();
            text.push_str(&format!(
                "  {:width$}  {}\n",
                slug.as_str(),
                safe::printable(&words.join(": "))
            ));
        }
        if !not_started.is_empty() {
            let count = words::count(not_started.len(), "tenant");
            text.push_str(&format!(
                "not started: {count}: {}\n",
                words::few(&not_started, NAMED)
            ));
        }
        text.push_str(
            &self.hint(
                failures
                    .iter()
                    .find_map(|(_, diagnosis)| self.next_step(diagnosis)),
            ),
        );
        self.to_stderr(&text);
    }
}

/// The same with the tenant's name, which many a message has already.
fn of_tenant(slug: &Slug, diagnosis: &Diagnosis) -> Diagnosis {
    let name = format!("`{slug}`");
    let message = match diagnosis.message.contains(&name) {
        true => diagnosis.message.clone(),
        false => format!("tenant {name}: {}", diagnosis.message),
    };
    Diagnosis {
        message,
        ..diagnosis.clone()
    }
}
