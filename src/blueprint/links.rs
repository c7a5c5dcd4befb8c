//! What hangs on what in a schema that is there, down to single columns.

use std::collections::{HashMap, HashSet};

use super::object::{Address, List, Object};
use super::{Blueprint, Kind};

/// The objects of a blueprint by what they hang on.
pub(super) struct Links {
    /// What an object comes and goes with.
    parents: Vec<Option<usize>>,
    /// Who needs an object, its parts and properties among them.
    dependents: Vec<Vec<usize>>,
    /// The attribute that a column of a typed table is made of.
    attributes: HashMap<usize, usize>,
}

impl Links {
    pub(super) fn new(blueprint: &Blueprint) -> Self {
        let objects = &blueprint.objects;
        let mut rows: HashMap<Address, usize> = HashMap::new();
        for (index, object) in objects.iter().enumerate() {
            for address in [object.address, object.alias].into_iter().flatten() {
                rows.entry(address).or_insert(index);
            }
        }
        // An alias may stand for another alias: an array for a row type, and that for a table.
        for _ in 0..3 {
            for (alias, of) in &blueprint.aliases {
                if let Some(index) = rows.get(of).copied() {
                    rows.entry(*alias).or_insert(index);
                }
            }
        }
        let find = |address: &Address| rows.get(address).or_else(|| rows.get(&address.whole())).copied();
        let parents: Vec<Option<usize>> = objects
            .iter()
            .enumerate()
            .map(|(index, object)| {
                let parent = object.parent.as_ref().and_then(find);
                parent.filter(|parent| *parent != index)
            })
            .collect();
        let mut dependents: Vec<HashSet<usize>> = vec![HashSet::new(); objects.len()];
        let mut link = |dependent: usize, needed: usize| {
            if dependent != needed {
                dependents[needed].insert(dependent);
            }
        };
        for (index, object) in objects.iter().enumerate() {
            let needs = object.needs.as_ref().and_then(find);
            for needed in [parents[index], needs].into_iter().flatten() {
                link(index, needed);
            }
        }
        // The row of an expression that generates a column stands for the column. Such a column needs no other of them.
        let generated: HashMap<Address, usize> = blueprint
            .dependencies
            .iter()
            .filter(|(dependent, _)| find(dependent).is_some_and(|from| objects[from].kind == Kind::Table))
            .filter_map(|(dependent, needed)| Some((*dependent, find(needed)?)))
            .filter(|(_, to)| objects[*to].kind == Kind::Column && objects[*to].change.is_none())
            .collect();
        let find = |address: &Address| generated.get(address).copied().or_else(|| find(address));
        for (dependent, needed) in &blueprint.dependencies {
            let (Some(from), Some(to)) = (find(dependent), find(needed)) else {
                continue;
            };
            // What a table needs it needs for one of its columns, and that is said of the column as well.
            let is_table = matches!(objects[from].kind, Kind::Table | Kind::ForeignTable);
            if !is_table || objects[from].address == Some(*dependent) {
                link(from, to);
            }
        }
        let mut attributes = HashMap::new();
        for (dependent, needed) in &blueprint.dependencies {
            if let (Some(table), Some(of)) = (find(dependent), find(needed))
                && objects[table].address == Some(*dependent)
                && objects[table].list == List::Optional
                && objects[of].kind == Kind::Type
            {
                attributes.extend(columns_of_attributes(objects, table, of));
            }
        }
        for (column, attribute) in &attributes {
            link(*column, *attribute);
        }
        Self {
            parents,
            attributes,
            dependents: dependents
                .into_iter()
                .map(|set| {
                    let mut list: Vec<usize> = set.into_iter().collect();
                    list.sort_unstable();
                    list
                })
                .collect(),
        }
    }

    pub(super) fn parent(&self, object: usize) -> Option<usize> {
        self.parents[object]
    }

    pub(super) fn dependents(&self, object: usize) -> &[usize] {
        &self.dependents[object]
    }

    /// The attribute that a column of a typed table comes and goes with.
    pub(super) fn attribute_of(&self, column: usize) -> Option<usize> {
        self.attributes.get(&column).copied()
    }

    /// Whether tables are made of the type that an attribute belongs to.
    pub(super) fn is_of_tables(&self, attribute: usize) -> bool {
        self.attributes
            .values()
            .any(|other| self.parents[*other] == self.parents[attribute])
    }

    /// Whether rows hold values of the type that an attribute belongs to, be it inside others.
    pub(super) fn is_stored(&self, objects: &[Object], attribute: usize) -> bool {
        let mut waiting: Vec<usize> = self.parents[attribute].into_iter().collect();
        let mut seen: HashSet<usize> = waiting.iter().copied().collect();
        let is_column = |index: &usize| objects[*index].kind == Kind::Column;
        while let Some(next) = waiting.pop() {
            for &dependent in &self.dependents[next] {
                let holder = match objects[dependent].kind {
                    Kind::Column | Kind::MaterializedView => return true,
                    Kind::View if self.dependents[dependent].iter().any(is_column) => return true,
                    Kind::Type | Kind::Domain => Some(dependent),
                    Kind::Attribute => self.parents[dependent],
                    _ => None,
                };
                waiting.extend(holder.filter(|holder| seen.insert(*holder)));
            }
        }
        self.is_of_tables(attribute)
    }

    /// The object and all that cannot stay without it.
    pub(super) fn falling_with(&self, object: usize) -> HashSet<usize> {
        let mut falling = HashSet::from([object]);
        let mut waiting = vec![object];
        while let Some(next) = waiting.pop() {
            for dependent in &self.dependents[next] {
                if falling.insert(*dependent) {
                    waiting.push(*dependent);
                }
            }
        }
        falling
    }

    /// Whether something that the object comes and goes with is in the set.
    pub(super) fn is_within(&self, object: usize, set: &HashSet<usize>) -> bool {
        let mut next = self.parents[object];
        // Parents are a few levels deep; a circle among them would be a mistake in the catalogs.
        for _ in 0..16 {
            match next {
                Some(parent) if set.contains(&parent) => return true,
                Some(parent) => next = self.parents[parent],
                None => return false,
            }
        }
        false
    }
}

/// The columns of a typed table, each with the attribute of its name.
fn columns_of_attributes(objects: &[Object], table: usize, of: usize) -> Vec<(usize, usize)> {
    let parts = |whole: usize, kind: Kind| {
        let parts = objects.iter().enumerate();
        parts
            .filter(move |(_, part)| part.kind == kind && part.parent == objects[whole].address)
            .filter_map(move |(index, part)| Some((part.name.strip_prefix(&objects[whole].name)?, index)))
    };
    let attributes: HashMap<&str, usize> = parts(of, Kind::Attribute).collect();
    parts(table, Kind::Column)
        .filter_map(|(name, column)| Some((column, *attributes.get(name)?)))
        .collect()
}
