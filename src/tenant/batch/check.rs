//! The values of rows, each by itself and beside those of the rows before it.

use std::collections::HashMap;
use std::fmt::Display;

use super::super::{Domain, Naming, NewTenant, Slug, attribute};
use super::error::short;
use super::{Column, Defaults, Row};
use crate::db::{RoleName, SchemaName};

/// A slug, and what is named after it.
type Named = (Slug, SchemaName, Option<RoleName>);

pub(super) struct Check<'a> {
    naming: &'a Naming,
    defaults: &'a Defaults,
    /// Who has a schema, and on which line.
    schemas: HashMap<SchemaName, (Slug, usize)>,
    /// The line of each domain, in lower case.
    domains: HashMap<String, usize>,
}

impl<'a> Check<'a> {
    pub(super) fn new(naming: &'a Naming, defaults: &'a Defaults) -> Self {
        Self {
            naming,
            defaults,
            schemas: HashMap::new(),
            domains: HashMap::new(),
        }
    }

    /// The tenant of a row, or all that is wrong with it.
    pub(super) fn tenant(&mut self, mut row: Row) -> Result<NewTenant, Vec<String>> {
        let mut problems = std::mem::take(&mut row.problems);
        if !problems.is_empty() && row.is_blank() {
            return Err(problems);
        }
        let named = match row.take(Column::Slug) {
            Some(text) => noted(self.slug(&text, row.line), &mut problems),
            None => {
                problems.push("the slug is missing".to_owned());
                None
            }
        };
        let mut given = |column, check: fn(&str) -> Result<String, attribute::AttributeError>| {
            let text = row.take(column)?;
            noted(check(&text), &mut problems)
        };
        let name = given(Column::Name, attribute::name);
        let plan = given(Column::Plan, attribute::plan);
        let region = given(Column::Region, attribute::region);
        let metadata = row
            .take(Column::Metadata)
            .and_then(|text| noted(attribute::metadata(&text), &mut problems));
        let domain = row
            .take(Column::Domain)
            .and_then(|text| noted(self.domain(&text, row.line), &mut problems));
        match named {
            Some((slug, schema, role)) if problems.is_empty() => Ok(NewTenant {
                name: name.unwrap_or_else(|| slug.to_string()),
                slug,
                schema,
                role,
                domain,
                plan: plan.unwrap_or_else(|| self.defaults.plan.clone()),
                region: region.or_else(|| self.defaults.region.clone()),
                metadata: metadata.unwrap_or_else(|| self.defaults.metadata.clone()),
            }),
            _ => Err(problems),
        }
    }

    fn slug(&mut self, text: &str, line: usize) -> Result<Named, String> {
        let slug: Slug = text
            .parse()
            .map_err(|error: super::super::SlugError| short(&error.with_suggestion()))?;
        let schema = self.naming.schema_for(&slug).map_err(|error| error.to_string())?;
        let role = self.naming.role_for(&slug).map_err(|error| error.to_string())?;
        match self.schemas.get(&schema) {
            Some((other, first)) if *other == slug => {
                Err(format!("slug `{slug}` is on line {first} already"))
            }
            Some((other, first)) => Err(format!(
                "slug `{slug}` would share the schema `{schema}` with `{other}` on line {first}"
            )),
            None => {
                self.schemas.insert(schema.clone(), (slug.clone(), line));
                Ok((slug, schema, role))
            }
        }
    }

    fn domain(&mut self, text: &str, line: usize) -> Result<Domain, String> {
        let domain: Domain = text
            .parse()
            .map_err(|error: super::super::DomainError| short(&error.to_string()))?;
        match self.domains.entry(domain.as_str().to_lowercase()) {
            std::collections::hash_map::Entry::Occupied(first) => {
                Err(format!("domain `{domain}` is on line {} already", first.get()))
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(line);
                Ok(domain)
            }
        }
    }
}

/// Puts what is wrong on the list.
fn noted<T>(result: Result<T, impl Display>, problems: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| problems.push(error.to_string())).ok()
}
