//! One thing in a schema, in words that hold under any schema's name.

use serde::{Deserialize, Serialize};

use super::Kind;
use super::settle::{in_order, settled};

/// Where an object stands in the catalogs: the catalog, the row, and the column inside it or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) class: u32,
    pub(super) id: u32,
    pub(super) sub: i32,
}

impl Address {
    /// The row as a whole.
    pub(super) fn whole(self) -> Self {
        Self { sub: 0, ..self }
    }
}

/// What makes, changes and removes one thing: a table, one of its columns, that column's default, a comment on it.
///
/// The SQL names the schema's own objects without their schema, so that it means the same wherever `search_path`
/// points. Where the schema's own name must be written out, a mark stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    pub kind: Kind,
    /// Unique among objects of its kind, quoted as SQL needs it: `users`, `users.email`, `full_name(users)`.
    pub name: String,
    /// Makes the object once its parent is there.
    pub create: Option<String>,
    /// Turns an object of that name with another definition into this one.
    pub change: Option<String>,
    /// Removes it.
    pub drop: Option<String>,
    /// How the object is written inside its parent's `CREATE`.
    pub(super) inline: Option<String>,
    /// What follows the parentheses of `create`.
    pub(super) tail: String,
    /// Whether `create` lists the object's parts in parentheses.
    pub(super) list: List,
    /// A first form that needs less, for the sake of objects that need this one.
    pub(super) stand_in: Option<String>,
    /// `None` for what has no row of its own, such as `NOT NULL`.
    pub(super) address: Option<Address>,
    pub(super) alias: Option<Address>,
    pub(super) parent: Option<Address>,
    pub(super) needs: Option<Address>,
    pub(super) position: i32,
}

/// How the parts of an object are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum List {
    /// One after the other, as in `CREATE DOMAIN`.
    Plain,
    /// `(…, …)`
    Parentheses,
    /// `(…, …)`, or nothing when there are no parts.
    Optional,
}

impl Object {
    /// A text that is equal for objects of equal definition and no others.
    pub fn definition(&self) -> String {
        let text = [self.create.as_deref().unwrap_or_default(), &self.tail].concat();
        match self.kind {
            // A body is text of its author's.
            Kind::Function | Kind::Procedure => text,
            Kind::ExtendedStatistics => in_order(&settled(text)),
            _ => settled(text),
        }
    }

    /// Whether it is a condition that rows which are there may not meet.
    pub(super) fn may_not_hold(&self) -> bool {
        let is_condition = matches!(self.kind, Kind::NotNull | Kind::Check | Kind::DomainConstraint);
        is_condition && (self.create.as_ref()).is_some_and(|text| text.ends_with(" NOT VALID"))
    }
}
