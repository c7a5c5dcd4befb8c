//! A schema's definition in words that hold under any name: read once from the catalogs, made again elsewhere,
//! compared, and reduced to a fingerprint.
//!
//! A [`Blueprint`] is a list of objects with the SQL that creates, changes and removes each. The SQL comes from the
//! queries in `sql/`, which run with the schema first in `search_path`, so that PostgreSQL itself names the schema's
//! own objects without their schema and all others with theirs. Which objects exist is for the queries to say; the
//! order in which they are made is worked out in `order` from what the catalogs know of dependencies.

mod bounds;
mod build;
mod catalog;
mod diff;
mod fingerprint;
mod inventory;
mod keep;
mod kind;
mod late;
mod links;
mod macros;
mod mend;
mod not_null;
mod object;
mod order;
mod own_role;
mod part_index;
mod read;
mod remake;
mod rows;
mod script;
mod settle;
mod stamp;
mod stuck;
mod text;
mod way;

pub use self::diff::{Change, Difference, ReplayError, Replayed, Same};
pub use self::fingerprint::{fingerprints, fingerprints_in_tx, fingerprints_within, is_comparable};
pub use self::keep::{Surroundings, kept, restored, surroundings};
pub use self::kind::{Kind, UnknownKind};
pub use self::mend::{DataLoss, Mend};
pub use self::object::Object;
pub use self::order::Circle;
pub use self::own_role::own_role_remark;
pub use self::read::{ReadError, is_unchanged, read, read_in_tx, stamp_in_tx, stamp_now, tables_in_tx};
pub use self::rows::{Table, continue_sequence, state_of_sequence};
pub use self::script::{MEANING, Script, Shape, Statement};
use crate::db::SchemaName;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// The definition of a schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Blueprint {
    #[serde(with = "keep::name")]
    schema: SchemaName,
    own_name: text::OwnName,
    oid: u32,
    /// Who read it, and will make it again.
    role: String,
    objects: Vec<Object>,
    /// What takes back the privileges that new objects get by default in this database.
    resets: Vec<Object>,
    contents: rows::Contents,
    aliases: Vec<order::Dependency>,
    dependencies: Vec<order::Dependency>,
    catalogs: order::Catalogs,
    late: late::Late,
    refused: Vec<String>,
    notes: Vec<String>,
    rewritten: Vec<String>,
    unclear: Vec<String>,
    stamp: String,
    /// Whether nothing but itself, and what is around it, says what it is: it may be kept.
    may_be_kept: bool,
}

/// Why a schema cannot be made again elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotCopy {
    #[error("schema `{schema}` holds what cannot be copied: {}", .what.join("; "))]
    Refused { schema: SchemaName, what: Vec<String> },
    #[error("schema `{schema}` is named where it may mean something else: {}", .places.join("; "))]
    Unclear { schema: SchemaName, places: Vec<String> },
    #[error("{0}")]
    Circle(#[from] Circle),
}

/// What to do with a mention of the schema's name that may not mean the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnclearText {
    Refuse,
    Keep,
}

impl Blueprint {
    /// A word that differs once anything in the schema has changed.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// The schema that was read.
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// Everything in the schema, by kind and name.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// What does not follow to a copy, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The objects in whose text the schema's name becomes the copy's.
    pub fn rewritten(&self) -> &[String] {
        &self.rewritten
    }

    /// Where the schema's name stands and is left alone.
    pub fn unclear(&self) -> &[String] {
        &self.unclear
    }

    /// Whether tables have foreign keys to tables outside the schema.
    pub fn refers_outside(&self) -> bool {
        let tables: HashSet<u32> = self
            .objects
            .iter()
            .filter_map(|object| object.address)
            .map(|row| row.id)
            .collect();
        self.objects
            .iter()
            .filter(|object| object.kind == Kind::ForeignKey)
            .any(|key| {
                let table = key.parent.map(|table| table.class);
                self.dependencies.iter().any(|(dependent, needed)| {
                    Some(*dependent) == key.address
                        && Some(needed.class) == table
                        && !tables.contains(&needed.id)
                })
            })
    }

    /// The statements that make the schema again.
    pub fn script(&self, shape: Shape, unclear: UnclearText) -> Result<Script, CannotCopy> {
        self.script_for(&self.role, shape, unclear)
    }

    /// The same with rows, for another role than the one that has read it: everything is given to its owner by name.
    /// Unclear texts stay as they are.
    pub fn script_with_owners(&self) -> Result<Script, CannotCopy> {
        self.script_for("", Shape::WithRows, UnclearText::Keep)
    }

    fn script_for(&self, role: &str, shape: Shape, unclear: UnclearText) -> Result<Script, CannotCopy> {
        if !self.refused.is_empty() {
            return Err(CannotCopy::Refused {
                schema: self.schema.clone(),
                what: self.refused.clone(),
            });
        }
        if unclear == UnclearText::Refuse && !self.unclear.is_empty() {
            return Err(CannotCopy::Unclear {
                schema: self.schema.clone(),
                places: self.unclear.clone(),
            });
        }
        let objects: Vec<Object> = self.objects.iter().chain(&self.resets).cloned().collect();
        let steps = order::order(
            &objects,
            &self.aliases,
            &self.dependencies,
            self.catalogs,
            &self.late,
            shape,
            |_| false,
        )?;
        let filled = &self.contents.filled_views;
        Ok(script::script(&objects, &steps, shape, role, filled))
    }
}

impl CannotCopy {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { .. } => Some("remove it from the schema, or move it to another"),
            Self::Unclear { .. } => Some(
                "write names without their schema, or pass `--keep-text` to copy these texts as they are",
            ),
            Self::Circle(_) => None,
        }
    }
}
