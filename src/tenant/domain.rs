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
    /// The domain that a host name means. A port behind it is no part of it, nor is a dot at its end, which says that
    /// the name is complete.
    pub fn of_host(host: &str) -> Result<Self, DomainError> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        name.strip_suffix('.').unwrap_or(name).parse()
    }

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
    fn a_host_is_its_domain_without_port_and_last_dot() {
        for host in [
            "acme.example",
            "acme.example.",
            "acme.example:8443",
            "acme.example.:80",
        ] {
            assert_eq!(
                Domain::of_host(host).map(|d| d.to_string()),
                Ok("acme.example".to_owned())
            );
        }
        for host in ["", ".", ":80", "acme..", "https://acme.example", "[::1]:80"] {
            assert!(Domain::of_host(host).is_err(), "{host:?} was accepted");
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
