//! What is in some schemas, asked first: the other questions to the catalogs are about these rows, and are put only where
//! they may have an answer.

use std::collections::HashSet;

use super::catalog::{INVENTORY, SOURCES, Source};
use super::macros::{Names, Writer};
use super::order::Dependency;
use crate::db::{self, Session, Type};

/// What is made with the cluster has lower numbers.
const FIRST_NORMAL: u32 = 16_384;

/// What is in some schemas: the parameters of the catalog queries.
#[derive(Debug, Clone, Default)]
pub(super) struct Inventory {
    schemas: Vec<u32>,
    relations: Vec<u32>,
    types: Vec<u32>,
    functions: Vec<u32>,
    /// What kinds of things there are; `None` where that is not recorded.
    found: Option<Vec<String>>,
}

impl Inventory {
    pub(super) async fn take(session: &Session, schemas: Vec<u32>) -> Result<Self, db::Error> {
        let mut inventory = Self {
            schemas,
            ..Self::default()
        };
        // What the query asks depends on the schemas alone.
        let query = Writer::new(0, Names::Relative, &inventory).expand(INVENTORY);
        let rows = session
            .query(&query, &[(&inventory.schemas, Type::OID_ARRAY)])
            .await?;
        if let Some(row) = rows.first() {
            inventory.relations = row.get(0);
            inventory.types = row.get(1);
            inventory.functions = row.get(2);
            inventory.found = (!inventory.is_of_the_cluster()).then(|| row.get(3));
        }
        Ok(inventory)
    }

    /// Whether a schema was made with the cluster, such as `public`: then what is in it is recorded nowhere.
    pub(super) fn is_of_the_cluster(&self) -> bool {
        self.schemas.iter().any(|oid| *oid < FIRST_NORMAL)
    }

    /// The queries that may have an answer.
    pub(super) fn sources(&self) -> Vec<&'static Source> {
        SOURCES
            .iter()
            .filter(|source| self.may_hold(source.found))
            .collect()
    }

    /// Whether there may be such things; `what` is empty for what every schema has.
    pub(super) fn may_hold(&self, what: &str) -> bool {
        let found = self.found.as_ref();
        what.is_empty() || found.is_none_or(|found| found.iter().any(|found| found == what))
    }

    /// Whether all that is needed is in the schemas or came with the cluster.
    pub(super) fn holds_all_of(&self, dependencies: &[Dependency]) -> bool {
        let own: HashSet<u32> = [&self.schemas, &self.relations, &self.types, &self.functions]
            .into_iter()
            .flatten()
            .copied()
            .chain(dependencies.iter().map(|(dependent, _)| dependent.id))
            .collect();
        dependencies
            .iter()
            .all(|(_, needed)| needed.id < FIRST_NORMAL || own.contains(&needed.id))
    }

    /// The parameters, the path that deparsers see among them.
    pub(super) fn params<'a>(&'a self, path: &'a String) -> [db::Param<'a>; 5] {
        [
            (&self.schemas, Type::OID_ARRAY),
            (&self.relations, Type::OID_ARRAY),
            (&self.types, Type::OID_ARRAY),
            (&self.functions, Type::OID_ARRAY),
            (path, Type::TEXT),
        ]
    }
}
