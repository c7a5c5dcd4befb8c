//! A blueprint as statements, for any schema's name.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Kind;
use super::object::{Address, List, Object};
use super::order::{Form, Step};
use super::settle::settled;
use super::text::with_name;
use crate::db::SchemaName;

/// Sets, until the transaction ends, what would else change the meaning of a definition's statements.
pub const MEANING: &str = "\
SET LOCAL check_function_bodies = off;
SET LOCAL standard_conforming_strings = on;
SET LOCAL datestyle = iso;
SET LOCAL intervalstyle = postgres;
SET LOCAL default_tablespace = '';
SET LOCAL default_table_access_method = heap;
SET LOCAL xmloption = content;
SET LOCAL lc_monetary = 'C';
SET LOCAL array_nulls = on;
";

/// What is made before rows are loaded, and what after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Everything at once, as few statements as can be: there are no rows.
    Empty,
    /// Indexes, foreign keys and triggers after the rows.
    WithRows,
}

/// One statement, or a few that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What it makes, for error messages: `table users`.
    pub what: String,
    pub(super) text: String,
}

/// The statements that make a schema.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Script {
    pub before_rows: Vec<Statement>,
    pub after_rows: Vec<Statement>,
    /// Fills the materialized views that are filled in the original, each after those that it reads.
    pub refreshes: Vec<Statement>,
}

impl Statement {
    /// The SQL for a schema of this name.
    pub fn sql(&self, schema: &SchemaName) -> String {
        with_name(&self.text, schema)
    }
}

impl Script {
    /// All statements as one text, parted by semicolons.
    pub fn sql(&self, schema: &SchemaName) -> String {
        let mut text = String::new();
        for statement in self.before_rows.iter().chain(&self.after_rows) {
            text.push_str(&statement.text);
            text.push_str(";\n");
        }
        with_name(&text, schema)
    }
}

impl Script {
    /// What one of both scripts makes and the other does not, or not so. Words that PostgreSQL changes when a definition
    /// is made again do not count.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let all = |script: &Self| {
            let parts = [&script.before_rows, &script.after_rows, &script.refreshes];
            let mut texts: Vec<(String, String)> = parts
                .into_iter()
                .flatten()
                .map(|statement| (settled(statement.text.clone()), statement.what.clone()))
                .collect();
            texts.sort();
            texts
        };
        let (mine, others) = (all(self), all(other));
        let missing = |these: &[(String, String)], those: &[(String, String)]| {
            these
                .iter()
                .filter(|it| those.binary_search(it).is_err())
                .map(|(_, what)| what.clone())
                .collect::<Vec<_>>()
        };
        let mut differing = missing(&mine, &others);
        differing.extend(missing(&others, &mine));
        differing.sort();
        differing.dedup();
        differing
    }
}

/// Writes the steps down. Objects that `role` makes belong to it without a word. `filled` are the materialized views
/// that hold rows.
pub(super) fn script(
    objects: &[Object],
    steps: &[Step],
    shape: Shape,
    role: &str,
    filled: &[String],
) -> Script {
    let own_owner = format!(" OWNER TO {role}");
    // A sequence that goes with a column belongs to whom the table belongs.
    let following: HashSet<Address> = objects
        .iter()
        .filter(|object| matches!(object.kind, Kind::SequenceOwner | Kind::IdentitySequence))
        .filter_map(|object| {
            if object.kind == Kind::SequenceOwner {
                object.parent
            } else {
                object.address
            }
        })
        .collect();
    let is_late = late(objects, steps, shape);
    let mut script = Script::default();
    for (at, step) in steps.iter().enumerate() {
        let object = &objects[step.object];
        let is_own = object
            .create
            .as_ref()
            .is_some_and(|text| text.ends_with(&own_owner));
        let follows = object.parent.is_some_and(|owned| following.contains(&owned));
        if object.kind == Kind::Owner && (is_own || follows) {
            continue;
        }
        let inlined: Vec<&Object> = step.inlined.iter().map(|index| &objects[*index]).collect();
        if let Some(text) = written(object, step.form, &inlined) {
            let list = if is_late[at] {
                &mut script.after_rows
            } else {
                &mut script.before_rows
            };
            list.push(statement(object, text));
        }
        if object.kind == Kind::MaterializedView && filled.contains(&object.name) {
            // Its owner fills it with what policies let the owner see, and that is no error.
            let text = format!(
                "SET LOCAL row_security = on; REFRESH MATERIALIZED VIEW {}; SET LOCAL row_security = off",
                object.name
            );
            script.refreshes.push(statement(object, text));
        }
    }
    script
}

/// Which steps come after the rows: those that had better, those that could not be made of the rows that are there,
/// and what needs them. What a table needs comes before, whatever it costs.
fn late(objects: &[Object], steps: &[Step], shape: Shape) -> Vec<bool> {
    let mut is_late = vec![false; steps.len()];
    if shape == Shape::Empty {
        return is_late;
    }
    let mut is_for_rows = vec![false; steps.len()];
    for (at, step) in steps.iter().enumerate().rev() {
        if is_for_rows[at] || matches!(objects[step.object].kind, Kind::Table | Kind::Column) {
            is_for_rows[at] = true;
            for needed in &step.needs {
                is_for_rows[*needed] = true;
            }
        }
    }
    for (at, step) in steps.iter().enumerate() {
        let object = &objects[step.object];
        is_late[at] = !is_for_rows[at]
            && (object.kind.comes_after_data()
                || object.may_not_hold()
                || step.needs.iter().any(|needed| is_late[*needed]));
    }
    is_late
}

fn statement(object: &Object, text: String) -> Statement {
    Statement {
        what: format!("{} {}", object.kind, object.name),
        text,
    }
}

/// One step as a statement, or nothing where the object is not made by itself.
pub(super) fn written(object: &Object, form: Form, inlined: &[&Object]) -> Option<String> {
    match form {
        Form::StandIn => return object.stand_in.clone(),
        Form::Replacement if object.change.is_some() => return object.change.clone(),
        Form::Replacement | Form::Whole => {}
    }
    let mut text = object.create.clone()?;
    let parts = parts(object, inlined);
    match object.list {
        List::Plain => {
            for part in &parts {
                let _ = write!(text, " {part}");
            }
        }
        List::Optional if parts.is_empty() => {}
        List::Parentheses | List::Optional => {
            let _ = write!(text, " (\n    {}\n)", parts.join(",\n    "));
        }
    }
    text.push_str(&object.tail);
    Some(text)
}

/// The parts in their order, each with its properties; then what is about the object as a whole.
fn parts(object: &Object, inlined: &[&Object]) -> Vec<String> {
    let mut parts: Vec<&Object> = inlined
        .iter()
        .copied()
        .filter(|part| part.kind.is_part())
        .collect();
    parts.sort_by_key(|part| part.position);
    let about = |address| {
        let mut about: Vec<&Object> = inlined
            .iter()
            .copied()
            .filter(|part| !part.kind.is_part() && part.parent == address)
            .collect();
        about.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        about.into_iter().filter_map(|part| part.inline.as_deref())
    };
    let mut written = Vec::new();
    for part in parts {
        let Some(inline) = part.inline.as_deref() else {
            continue;
        };
        let properties: Vec<&str> = match part.address {
            Some(_) => about(part.address).collect(),
            None => Vec::new(),
        };
        // A typed table's columns are named only where there is something to say about them.
        if object.list == List::Optional && properties.is_empty() {
            continue;
        }
        written.push([&[inline], properties.as_slice()].concat().join(" "));
    }
    written.extend(about(object.address).map(str::to_owned));
    written
}
