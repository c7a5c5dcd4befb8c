//! The short name of a tenant, and the rule that makes a schema's name of it.

use std::fmt;
use std::str::FromStr;

use crate::db::{MAX_NAME_BYTES, NameError, RoleName, RoleNameError, SchemaName};

/// A tenant's short name: lower-case ASCII letters and digits, with `-` and `_` between them.
///
/// It is what people type, what logs show and what the schema's name is made of, so it holds nothing that a
/// shell, a URL or PostgreSQL would read in another way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    #[error("a tenant's slug cannot be empty")]
    Empty,
    #[error("slug `{slug}` is {length} characters long, at most {MAX_NAME_BYTES} are possible")]
    TooLong { slug: String, length: usize },
    #[error("slug `{slug}` holds {found:?}: only a-z, 0-9, `-` and `_` are allowed")]
    Character { slug: String, found: char },
    #[error("slug `{0}` must begin and end with a letter or a digit")]
    Edge(String),
}

impl SlugError {
    /// The nearest text that would have been accepted.
    pub fn suggestion(&self) -> Option<Slug> {
        let given = match self {
            Self::Empty | Self::TooLong { .. } => return None,
            Self::Character { slug, .. } | Self::Edge(slug) => slug,
        };
        let mut mended = String::new();
        for character in given.to_lowercase().chars() {
            match character {
                'a'..='z' | '0'..='9' | '_' => mended.push(character),
                _ if !mended.ends_with('-') => mended.push('-'),
                _ => {}
            }
        }
        mended.trim_matches(['-', '_']).parse().ok()
    }

    /// The error with its suggestion, on one line.
    pub fn with_suggestion(&self) -> String {
        match self.suggestion() {
            Some(suggestion) => format!("{self}; use `{suggestion}` instead"),
            None => self.to_string(),
        }
    }
}

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let slug = text.to_owned();
        if slug.is_empty() {
            return Err(SlugError::Empty);
        }
        if let Some(found) = slug.chars().find(|&c| !is_edge(c) && c != '-' && c != '_') {
            return Err(SlugError::Character { slug, found });
        }
        if slug.len() > MAX_NAME_BYTES {
            return Err(SlugError::TooLong {
                length: slug.len(),
                slug,
            });
        }
        if !slug.starts_with(is_edge) || !slug.ends_with(is_edge) {
            return Err(SlugError::Edge(slug));
        }
        Ok(Self(slug))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How this installation names its schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    prefix: String,
    template: SchemaName,
    role_prefix: Option<String>,
}

/// Why a slug gives no schema name, or a setting no rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamingError {
    #[error("prefix `{0}` may hold only a-z, 0-9 and `_`, and cannot begin with a digit")]
    Prefix(String),
    #[error("slug `{slug}` would name the template's schema `{template}`")]
    Template { slug: Slug, template: SchemaName },
    #[error("slug `{slug}` is too long: with the prefix `{prefix}` at most {room} characters are possible")]
    TooLong { slug: Slug, prefix: String, room: usize },
    #[error(
        "slug `{slug}` is too long for a role: with the prefix `{prefix}` at most {room} characters are possible"
    )]
    RoleTooLong { slug: Slug, prefix: String, room: usize },
    #[error("{0}")]
    Schema(#[from] NameError),
    #[error("{0}")]
    Role(#[from] RoleNameError),
}

impl Naming {
    /// Schemas are named `prefix` + slug; `template` is the one that they are cloned from.
    pub fn new(prefix: &str, template: SchemaName) -> Result<Self, NamingError> {
        Ok(Self {
            prefix: plain(prefix)?,
            template,
            role_prefix: None,
        })
    }

    /// The same where each tenant has a role of its own, named `prefix` + slug.
    pub fn with_roles(self, prefix: &str) -> Result<Self, NamingError> {
        Ok(Self {
            role_prefix: Some(plain(prefix)?),
            ..self
        })
    }

    /// The schema that tenants are cloned from.
    pub fn template(&self) -> &SchemaName {
        &self.template
    }

    /// What the names of tenants' schemas begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What the names of tenants' roles begin with, where tenants have roles.
    pub fn role_prefix(&self) -> Option<&str> {
        self.role_prefix.as_deref()
    }

    /// The role of a new tenant, where tenants have roles.
    pub fn role_for(&self, slug: &Slug) -> Result<Option<RoleName>, NamingError> {
        let Some(prefix) = &self.role_prefix else {
            return Ok(None);
        };
        let role = RoleName::new(format!("{prefix}{}", slug.as_str().replace('-', "_")));
        match role {
            Ok(role) => Ok(Some(role)),
            Err(RoleNameError::TooLong { .. }) => Err(NamingError::RoleTooLong {
                slug: slug.clone(),
                prefix: prefix.clone(),
                room: MAX_NAME_BYTES - prefix.len(),
            }),
            Err(other) => Err(other.into()),
        }
    }

    /// Whether a schema of this name is the template, or could be a tenant's.
    pub fn covers(&self, schema: &str) -> bool {
        schema == self.template.as_str() || (!self.prefix.is_empty() && schema.starts_with(&self.prefix))
    }

    /// The schema of a new tenant. `-` becomes `_`, so two slugs can ask for one schema; the registry's unique
    /// constraint decides between them.
    pub fn schema_for(&self, slug: &Slug) -> Result<SchemaName, NamingError> {
        let name = format!("{}{}", self.prefix, slug.as_str().replace('-', "_"));
        let schema = SchemaName::new(name).map_err(|error| match error {
            NameError::TooLong { .. } => NamingError::TooLong {
                slug: slug.clone(),
                prefix: self.prefix.clone(),
                room: MAX_NAME_BYTES - self.prefix.len(),
            },
            other => NamingError::Schema(other),
        })?;
        if schema == self.template {
            return Err(NamingError::Template {
                slug: slug.clone(),
                template: schema,
            });
        }
        Ok(schema)
    }
}

/// A prefix that names need no quotes for, and that leaves room for a slug.
fn plain(prefix: &str) -> Result<String, NamingError> {
    let is_plain = prefix
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_plain || prefix.starts_with(|c: char| c.is_ascii_digit()) || prefix.len() >= MAX_NAME_BYTES {
        return Err(NamingError::Prefix(prefix.to_owned()));
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naming() -> Naming {
        Naming::new("tenant_", SchemaName::new("tenant_template").expect("valid")).expect("valid")
    }

    fn slug(text: &str) -> Slug {
        text.parse().expect("a valid slug")
    }

    #[test]
    fn ordinary_slugs_are_accepted() {
        for text in ["a", "acme", "acme-corp", "acme_corp", "4u", "select", "a--b"] {
            assert_eq!(slug(text).as_str(), text);
        }
    }

    #[test]
    fn what_postgresql_or_a_shell_would_read_differently_is_refused() {
        for text in [
            "",
            "Acme",
            "acme corp",
            "-acme",
            "acme-",
            "_a",
            "äcme",
            "a\"b",
            "a;b",
            "a\nb",
            "a.b",
            "a\0b",
        ] {
            assert!(text.parse::<Slug>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_refused_slug_comes_with_the_nearest_right_one() {
        let suggestion = |text: &str| {
            text.parse::<Slug>()
                .expect_err("refused")
                .suggestion()
                .map(|s| s.to_string())
        };
        assert_eq!(suggestion("Acme Corp."), Some("acme-corp".to_owned()));
        assert_eq!(suggestion("-acme-"), Some("acme".to_owned()));
        assert_eq!(suggestion("!!!"), None);
    }

    #[test]
    fn the_schema_of_a_slug_is_prefixed_and_folded() {
        assert_eq!(
            naming().schema_for(&slug("acme-corp")).expect("valid").as_str(),
            "tenant_acme_corp"
        );
    }

    #[test]
    fn slugs_that_differ_only_in_dash_and_underscore_share_a_schema() {
        assert_eq!(
            naming().schema_for(&slug("a-b")),
            naming().schema_for(&slug("a_b"))
        );
    }

    #[test]
    fn the_template_is_no_tenant() {
        assert!(matches!(
            naming().schema_for(&slug("template")),
            Err(NamingError::Template { .. })
        ));
    }

    #[test]
    fn the_prefix_counts_towards_the_63_bytes() {
        let longest = "a".repeat(MAX_NAME_BYTES - "tenant_".len());
        assert!(naming().schema_for(&slug(&longest)).is_ok());
        let error = naming()
            .schema_for(&slug(&format!("{longest}a")))
            .expect_err("one too many");
        assert!(error.to_string().contains("at most 56 characters"), "{error}");
    }

    #[test]
    fn without_a_prefix_reserved_names_are_still_refused() {
        let bare = Naming::new("", SchemaName::new("tenant_template").expect("valid")).expect("valid");
        for text in ["public", "pg_temp", "information_schema"] {
            assert!(bare.schema_for(&slug(text)).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn tenants_have_roles_where_a_prefix_for_them_is_set() {
        let acme = slug("acme-corp");
        assert_eq!(naming().role_for(&acme), Ok(None));
        let naming = naming().with_roles("app_").expect("valid");
        let role = naming.role_for(&acme).expect("valid").expect("a role");
        assert_eq!(role.as_str(), "app_acme_corp");
        let error = naming
            .role_for(&slug(&"a".repeat(MAX_NAME_BYTES - 3)))
            .expect_err("one too many");
        assert!(error.to_string().contains("at most 59 characters"), "{error}");
        assert!(naming.with_roles("App_").is_err());
        let bare = self::naming().with_roles("").expect("valid");
        assert!(bare.role_for(&slug("public")).is_err());
    }

    #[test]
    fn an_odd_prefix_is_refused() {
        for prefix in ["Tenant_", "1_", "a b", "x\"", &"a".repeat(63)] {
            assert!(
                Naming::new(prefix, SchemaName::new("t").expect("valid")).is_err(),
                "{prefix:?} was accepted"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_gives_a_schema_that_needs_no_folding(text in "\\PC{0,80}") {
            if let Ok(slug) = text.parse::<Slug>()
                && let Ok(schema) = naming().schema_for(&slug) {
                    let name = schema.as_str();
                    prop_assert!(name.len() <= MAX_NAME_BYTES);
                    prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
                    prop_assert!(name.starts_with("tenant_"));
            }
        }

        #[test]
        fn every_suggestion_is_itself_a_slug(text in "\\PC{1,30}") {
            if let Err(error) = text.parse::<Slug>()
                && let Some(suggestion) = error.suggestion() {
                    prop_assert!(suggestion.as_str().parse::<Slug>().is_ok());
            }
        }
    }
}
