//! The host name under which an application knows a tenant.

use std::fmt;
use std::str::FromStr;

const MAX_CHARACTERS: usize = 255;

/// A tenant's domain: one or more labels of letters, digits, `-` and `_`, with dots between them.
///
/// Kept as written and compared without regard to case, as host names are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(String);

/// Why a text is not a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("a domain cannot be empty")]
    Empty,
    #[error("domain of {0} characters: at most {MAX_CHARACTERS} are possible")]
    TooLong(usize),
    #[error("domain `{domain}` holds {found:?}: give the host name alone, without scheme, port or path")]
    Character { domain: String, found: char },
    #[error("domain `{0}` has an empty label")]
    EmptyLabel(String),
}

impl Domain {
    /// The domain as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let domain = text.to_owned();
        if domain.is_empty() {
            return Err(DomainError::Empty);
        }
        let length = domain.chars().count();
        if length > MAX_CHARACTERS {
            return Err(DomainError::TooLong(length));
        }
        if let Some(found) = domain
            .chars()
            .find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')))
        {
            return Err(DomainError::Character { domain, found });
        }
        if domain.split('.').any(str::is_empty) {
            return Err(DomainError::EmptyLabel(domain));
        }
        Ok(Self(domain))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_accepted_as_written() {
        for text in [
            "acme.example",
            "fortium-demo",
            "Acme.Example",
            "a_b.example",
            "bücher.example",
            "10.0.0.1",
        ] {
            assert_eq!(text.parse::<Domain>().map(|d| d.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn urls_and_broken_names_are_refused() {
        let long = "a".repeat(256);
        for text in [
            "",
            "https://acme.example",
            "acme.example:80",
            "a b",
            ".a",
            "a.",
            "a..b",
            "a\nb",
            "a'b",
            &long,
        ] {
            assert!(text.parse::<Domain>().is_err(), "{text:?} was accepted");
        }
    }
}
