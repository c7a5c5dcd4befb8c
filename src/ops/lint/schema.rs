//! Names of schemas in a file that runs in all of them.
//!
//! Whether `tenant_a.b` is a table in a schema or a column of a table only the grammar tells, so this walks squawk's
//! syntax tree. Strings and comments are no part of it.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Hit;
use super::catalog::NAMES_SCHEMA;
use super::rules::names_search_path;
use super::source::Source;
use crate::db::unquoted;
use crate::tenant::Naming;

/// Every place where the file names the template's schema, or one that could be a tenant's, or sets the search path.
pub(super) fn names_schema(source: &Source<'_>, root: &SyntaxNode, naming: &Naming) -> Vec<Hit> {
    let mut hits: Vec<Hit> = root
        .descendants()
        .filter_map(|node| qualifier(&node, naming))
        .filter(|(_, name)| naming.covers(name))
        .map(|(span, name)| names(&name, span))
        .collect();
    for statement in &source.statements {
        if let Some(at) = names_search_path(statement) {
            hits.push(Hit::new(
                NAMES_SCHEMA,
                statement.span_of(at),
                "The search path leads to the tenant's schema; what comes after this would run elsewhere.".to_owned(),
                Some("Leave it out; schemas for all tenants stand in `tenants.search_path` of the configuration.".to_owned()),
            ));
        }
        for (at, word) in statement.words.iter().enumerate() {
            let named = || {
                statement
                    .words
                    .get(at + 1)?
                    .name()
                    .filter(|name| naming.covers(name))
            };
            if word.is("schema")
                && let Some(name) = named()
            {
                hits.push(names(&name, statement.span_of(at + 1)));
            }
        }
    }
    hits
}

fn names(schema: &str, span: Range<usize>) -> Hit {
    Hit::new(
        NAMES_SCHEMA,
        span,
        format!("This names schema `{schema}`, and the file runs in the schema of every tenant."),
        Some("Leave the schema out: the search path leads to the tenant's own.".to_owned()),
    )
}

/// The schema in a qualified name.
fn qualifier(node: &SyntaxNode, naming: &Naming) -> Option<(Range<usize>, String)> {
    let parent = node.parent();
    let parent_kind = parent.as_ref().map(SyntaxNode::kind);
    let (parts, first) = match node.kind() {
        SyntaxKind::PATH if parent_kind != Some(SyntaxKind::PATH) => parts(node, SyntaxKind::PATH)?,
        SyntaxKind::FIELD_EXPR if parent_kind != Some(SyntaxKind::FIELD_EXPR) => {
            parts(node, SyntaxKind::FIELD_EXPR)?
        }
        _ => return None,
    };
    let is_schema = match node.kind() {
        _ if parts >= 3 => true,
        _ if parts < 2 => false,
        SyntaxKind::PATH => !of_column(node),
        // A function, or a table that is read. Anywhere else it is a column, unless no table is called that.
        _ => {
            let called = parent_kind == Some(SyntaxKind::CALL_EXPR);
            let read = matches!(
                parent_kind,
                Some(SyntaxKind::FROM_ITEM | SyntaxKind::RELATION_NAME)
            );
            called || read || first.1 == naming.template().as_str()
        }
    };
    is_schema.then_some(first)
}

/// How many names with dots between, and the first of them.
fn parts(node: &SyntaxNode, kind: SyntaxKind) -> Option<(usize, (Range<usize>, String))> {
    let mut parts = 1;
    let mut first = node.clone();
    while let Some(inner) = first.children().find(|child| child.kind() == kind) {
        parts += 1;
        first = inner;
    }
    let token = first.descendants_with_tokens().find_map(|element| {
        let token = element.into_token()?;
        (!token.kind().is_trivia()).then_some(token)
    })?;
    if kind == SyntaxKind::FIELD_EXPR {
        parts += 1;
    }
    let name = match token.text() {
        quoted if quoted.starts_with('"') => unquoted(quoted)?,
        plain => plain.to_lowercase(),
    };
    let range = token.text_range();
    Some((parts, (range.start().into()..range.end().into(), name)))
}

/// Whether a name is a column's: `COMMENT ON COLUMN a.b`, `OWNED BY a.b`, `a.b%TYPE`.
fn of_column(path: &SyntaxNode) -> bool {
    let mut before = path.prev_sibling_or_token();
    while let Some(element) = &before
        && element.kind().is_trivia()
    {
        before = element.prev_sibling_or_token();
    }
    let follows = before.map(|element| element.kind());
    matches!(follows, Some(SyntaxKind::COLUMN_KW | SyntaxKind::BY_KW))
        || path
            .parent()
            .is_some_and(|parent| parent.kind() == SyntaxKind::PERCENT_TYPE)
}
