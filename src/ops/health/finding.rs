//! What was found, and how bad it is.

use super::checks::Check;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It will hurt.
    Warning,
    /// It hurts now, or very soon.
    Critical,
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Note];

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of a figure: at least `critical`, at least `warning`, or neither.
    pub(super) fn of<T: PartialOrd>(figure: &T, warning: &T, critical: &T) -> Option<Self> {
        if figure >= critical {
            Some(Self::Critical)
        } else {
            (figure >= warning).then_some(Self::Warning)
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub check: &'static str,
    /// What is so, in a line.
    pub summary: String,
    /// Why it matters, in a line.
    pub why: &'static str,
    /// What to do: commands or SQL, one a line.
    pub run: Vec<String>,
    /// The tenants it is about, by slug. Empty where it is about the server.
    pub tenants: Vec<String>,
    /// Schemas that no tenant has, such as `public`.
    pub schemas: Vec<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, check: &Check, summary: impl Into<String>) -> Self {
        Self {
            severity,
            check: check.name,
            summary: summary.into(),
            why: check.why,
            run: Vec::new(),
            tenants: Vec::new(),
            schemas: Vec::new(),
        }
    }

    pub(super) fn run(mut self, line: impl Into<String>) -> Self {
        self.run.push(line.into());
        self
    }

    pub(super) fn run_all(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.run.extend(lines);
        self
    }

    pub(super) fn about(mut self, tenants: Vec<String>) -> Self {
        self.tenants = tenants;
        self
    }

    pub(super) fn in_schemas(mut self, schemas: Vec<String>) -> Self {
        self.schemas = schemas;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_as_bad_as_the_highest_bound_it_reaches() {
        let severity = |figure| Severity::of(&figure, &0.8, &0.95);
        assert_eq!(severity(0.79), None);
        assert_eq!(severity(0.8), Some(Severity::Warning));
        assert_eq!(severity(0.95), Some(Severity::Critical));
    }
}
