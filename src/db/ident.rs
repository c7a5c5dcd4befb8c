//! Names that reach SQL. Nothing else in the program writes an identifier into a statement.

use std::fmt;

/// PostgreSQL keeps this many bytes of a name and silently drops the rest (`NAMEDATALEN - 1`).
pub const MAX_NAME_BYTES: usize = 63;

/// Why a text cannot be the name of a tenant's schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a schema name cannot be empty")]
    Empty,
    #[error("schema name `{name}` is {bytes} bytes long, PostgreSQL keeps {MAX_NAME_BYTES}")]
    TooLong { name: String, bytes: usize },
    #[error("a schema name cannot hold a NUL character")]
    Nul,
    #[error("schema name `{0}` is reserved by PostgreSQL")]
    Reserved(String),
}

/// The name of a schema that can belong to a tenant: PostgreSQL takes it as it stands, neither cutting nor
/// reserving it.
///
/// `Display` shows the bare name, for people. [`SchemaName::quoted`] is the form for SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaName(String);

/// A name in double quotes without them; `None` where there are none.
pub fn unquoted(name: &str) -> Option<String> {
    let inner = name.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\"\"", "\""))
}

/// A name without the quotes that SQL may need.
pub fn bare(name: &str) -> String {
    unquoted(name).unwrap_or_else(|| name.to_owned())
}

impl SchemaName {
    /// Accepts `name` exactly as written, or says why PostgreSQL would not.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.contains('\0') {
            return Err(NameError::Nul);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong {
                bytes: name.len(),
                name,
            });
        }
        if name.starts_with("pg_") || matches!(name.as_str(), "public" | "information_schema") {
            return Err(NameError::Reserved(name));
        }
        Ok(Self(name))
    }

    /// The bare name, as the catalogs hold it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands in a statement.
    pub fn quoted(&self) -> QuotedIdent<'_> {
        QuotedIdent(&self.0)
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a role that the program makes or grants something to.
///
/// `Display` shows the bare name, for people. [`RoleName::quoted`] is the form for SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

/// Why a text cannot be the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    #[error("the name of a role cannot be empty")]
    Empty,
    #[error("role name `{name}` is {bytes} bytes long, PostgreSQL keeps {MAX_NAME_BYTES}")]
    TooLong { name: String, bytes: usize },
    #[error("the name of a role cannot hold control characters")]
    Control,
    #[error("role name `{0}` is reserved by PostgreSQL")]
    Reserved(String),
}

impl RoleName {
    /// Accepts `name` exactly as written, or says why PostgreSQL would not.
    pub fn new(name: impl Into<String>) -> Result<Self, RoleNameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(RoleNameError::Empty);
        }
        if name.chars().any(char::is_control) {
            return Err(RoleNameError::Control);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(RoleNameError::TooLong {
                bytes: name.len(),
                name,
            });
        }
        if name.starts_with("pg_") || matches!(name.as_str(), "public" | "none") {
            return Err(RoleNameError::Reserved(name));
        }
        Ok(Self(name))
    }

    /// The bare name, as the catalogs hold it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands in a statement.
    pub fn quoted(&self) -> QuotedIdent<'_> {
        QuotedIdent(&self.0)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An identifier in double quotes, with those inside it doubled.
#[derive(Debug, Clone, Copy)]
pub struct QuotedIdent<'a>(&'a str);

impl<'a> QuotedIdent<'a> {
    /// Quotes a name that is no tenant's schema, such as an entry of the search path or a database.
    pub fn new(name: &'a str) -> Self {
        Self(name)
    }
}

impl fmt::Display for QuotedIdent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A string constant for the few statements that take no parameters (`SET`, `COPY`, several in one message).
///
/// Written as `E'…'` when it holds a backslash, so that it means the same under either setting of
/// `standard_conforming_strings`.
#[derive(Debug, Clone, Copy)]
pub struct QuotedText<'a>(&'a str);

impl<'a> QuotedText<'a> {
    /// Quotes `text`.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl fmt::Display for QuotedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubled = self.0.replace('\'', "''");
        if doubled.contains('\\') {
            write!(f, "E'{}'", doubled.replace('\\', "\\\\"))
        } else {
            write!(f, "'{doubled}'")
        }
    }
}

/// A statement with constants in the place of its parameters, for a message that takes none. The type of each follows
/// from where it stands; `None` is `NULL`.
pub fn with_constants(statement: &str, constants: &[Option<&str>]) -> String {
    let mut filled = String::with_capacity(statement.len());
    let mut pieces = statement.split('$');
    filled.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = piece[..digits].parse::<usize>().ok();
        match number.and_then(|number| constants.get(number.checked_sub(1)?)) {
            Some(Some(constant)) => filled.push_str(&QuotedText::new(constant).to_string()),
            Some(None) => filled.push_str("NULL"),
            None => {
                filled.push('$');
                filled.push_str(&piece[..digits]);
            }
        }
        filled.push_str(&piece[digits..]);
    }
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_measured_in_bytes_not_characters() {
        assert!(SchemaName::new("é".repeat(31)).is_ok());
        assert!(matches!(
            SchemaName::new("é".repeat(32)),
            Err(NameError::TooLong { bytes: 64, .. })
        ));
    }

    #[test]
    fn names_that_postgresql_reserves_are_refused() {
        for name in [
            "pg_catalog",
            "pg_toast",
            "pg_anything",
            "public",
            "information_schema",
        ] {
            assert_eq!(SchemaName::new(name), Err(NameError::Reserved(name.to_owned())));
        }
        assert_eq!(SchemaName::new(""), Err(NameError::Empty));
        assert_eq!(SchemaName::new("a\0b"), Err(NameError::Nul));
    }

    #[test]
    fn case_is_kept_since_names_are_always_quoted() {
        let name = SchemaName::new("Tenant_Acme").expect("a valid name");
        assert_eq!(name.quoted().to_string(), "\"Tenant_Acme\"");
    }

    #[test]
    fn roles_that_postgresql_reserves_are_refused() {
        for name in ["pg_monitor", "public", "none"] {
            assert_eq!(RoleName::new(name), Err(RoleNameError::Reserved(name.to_owned())));
        }
        assert_eq!(RoleName::new(""), Err(RoleNameError::Empty));
        assert_eq!(RoleName::new("a\nb"), Err(RoleNameError::Control));
        assert!(RoleName::new("é".repeat(32)).is_err());
        let odd = RoleName::new("Own\"er").expect("a role can be called so");
        assert_eq!(odd.quoted().to_string(), "\"Own\"\"er\"");
    }

    #[test]
    fn constants_stand_where_parameters_were_and_are_not_read_again() {
        let values = [Some("$2 it's"), None, Some("\\")];
        assert_eq!(
            with_constants("SELECT $1, $2::text, $3, $4, $$, $0 $11", &values),
            "SELECT '$2 it''s', NULL::text, E'\\\\', $4, $$, $0 $11"
        );
    }

    proptest! {
        #[test]
        fn a_quoted_identifier_ends_only_where_it_should(name in "\\PC{1,20}") {
            let quoted = QuotedIdent::new(&name).to_string();
            let inner = &quoted[1..quoted.len() - 1];
            prop_assert_eq!(inner.replace("\"\"", "\u{0}").matches('"').count(), 0);
            prop_assert_eq!(inner.replace("\"\"", "\""), name);
        }

        #[test]
        fn a_quoted_text_ends_only_where_it_should(text in "[a'\\\\\"é\n]{0,20}") {
            let quoted = QuotedText::new(&text).to_string();
            let inner = quoted.trim_start_matches('E');
            let inner = &inner[1..inner.len() - 1];
            let plain = if quoted.starts_with('E') { inner.replace("\\\\", "\\") } else { inner.to_owned() };
            prop_assert_eq!(plain.replace("''", "'"), text);
        }
    }
}
