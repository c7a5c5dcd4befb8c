//! What cannot be made since what stands in its place stays: it holds data, and dropping it is not allowed.

use std::collections::{HashMap, HashSet};

use super::bounds::are_apart;
use super::diff::Comparison;
use super::links::Links;
use super::mend::Work;
use super::object::Object;
use super::part_index::bare_name;
use super::way::Identity;
use super::{Blueprint, Kind};

/// Objects that are not made, each with the reason.
pub(super) type Stuck = HashMap<usize, String>;

/// Of what is found, all that does not go since it could not be made again: what stands for an object that is stuck,
/// and partitions of another table, where they cannot be attached to theirs.
pub(super) fn held(
    expected: &Blueprint,
    found: &Blueprint,
    stuck: &Stuck,
    comparison: &Comparison<'_>,
) -> HashSet<usize> {
    let stuck = || stuck.keys().map(|index| &expected.objects[*index]);
    let by_name = |object: &Object| {
        comparison
            .found
            .get(&(object.kind, object.name.as_str()))
            .copied()
    };
    let partitions: HashSet<&str> = stuck()
        .filter(|object| object.kind == Kind::Partition)
        .filter_map(|join| table_of(expected, join))
        .collect();
    let joins = found.objects.iter().enumerate().filter(|(_, object)| {
        object.kind == Kind::Partition
            && table_of(found, object).is_some_and(|name| partitions.contains(name))
    });
    let mut held: HashSet<usize> = stuck().filter_map(by_name).collect();
    held.extend(joins.map(|(index, _)| index));
    held
}

fn table_of<'a>(blueprint: &'a Blueprint, object: &Object) -> Option<&'a str> {
    let mut objects = blueprint.objects.iter();
    let table = objects.find(|table| table.address.is_some() && table.address == object.parent)?;
    Some(&table.name)
}

/// What an object is called among relations, or the sequence or index that comes with it.
fn relation_name<'a>(blueprint: &'a Blueprint, object: &'a Object) -> Option<&'a str> {
    match object.kind {
        Kind::Table
        | Kind::ForeignTable
        | Kind::View
        | Kind::MaterializedView
        | Kind::Sequence
        | Kind::Index => Some(&object.name),
        Kind::Constraint => Some(bare_name(blueprint, object)),
        Kind::Identity => Some(Identity::of(object)?.sequence),
        _ => None,
    }
}

/// The table that a partition belongs to, and its bounds.
fn place<'a>(blueprint: &'a Blueprint, join: &'a Object) -> Option<(&'a str, &'a str)> {
    let mut objects = blueprint.objects.iter();
    let whole = objects.find(|table| join.needs.is_some() && table.address == join.needs)?;
    let (_, rest) = join.create.as_deref()?.split_once(" ATTACH PARTITION ")?;
    let bounds = rest.strip_prefix(table_of(blueprint, join)?)?;
    Some((&whole.name, bounds))
}

impl Work<'_> {
    /// What turns out to be stuck, with all that needs it.
    pub(super) fn more_stuck(&self) -> Stuck {
        let links = Links::new(self.expected);
        let mut stuck = self.blocked.clone();
        stuck.extend(self.whose_place_is_taken(&links));
        let mut roots: Vec<usize> = stuck.keys().copied().collect();
        roots.sort_unstable();
        for root in roots {
            let object = &self.expected.objects[root];
            for falling in links.falling_with(root) {
                let reason = || format!("it needs {} {}", object.kind, object.name);
                stuck.entry(falling).or_insert_with(reason);
            }
        }
        stuck
    }

    /// What would be made under a name that is taken, or as a partition where another one stays.
    fn whose_place_is_taken(&self, links: &Links) -> Stuck {
        if self.kept.is_empty() {
            return Stuck::new();
        }
        let staying = || {
            let objects = self.found.objects.iter().enumerate();
            objects
                .filter(|(index, _)| {
                    !self.dropped.contains(index) && !self.links.is_within(*index, &self.dropped)
                })
                .map(|(_, object)| object)
        };
        let names: HashSet<&str> = staying()
            .filter_map(|object| relation_name(self.found, object))
            .collect();
        let places: Vec<(&str, &str)> = staying()
            .filter(|object| object.kind == Kind::Partition)
            .filter_map(|join| place(self.found, join))
            .collect();
        let made = self.made.iter().copied();
        let mut taken: Vec<(usize, String)> = made
            .filter_map(|index| {
                let object = &self.expected.objects[index];
                let name = relation_name(self.expected, object).filter(|name| names.contains(name));
                let reason = match name {
                    Some(name) => format!("the name {name} is taken by what stays"),
                    None if object.kind == Kind::Partition => {
                        let (whole, bounds) = place(self.expected, object)?;
                        let is_taken =
                            |(table, other): &(&str, &str)| *table == whole && !are_apart(bounds, other);
                        places
                            .iter()
                            .any(is_taken)
                            .then(|| "a partition in its place stays".to_owned())?
                    }
                    None => return None,
                };
                Some((self.outermost_made(links, index), reason))
            })
            .collect();
        // Of several reasons the first by name is given.
        taken.sort_by(|one, other| other.cmp(one));
        taken.into_iter().collect()
    }

    /// Lets an object go so that another can be as expected.
    pub(super) fn drop_for(&mut self, wanted: usize, root: usize) {
        match self.keeper(&self.links.falling_with(root)) {
            Some(reason) => {
                self.blocked.insert(wanted, reason);
            }
            None => self.drop(root),
        }
    }

    /// Whether something that is extra stays with what cannot be made again. Says so, unless it is that itself.
    pub(super) fn is_held(&mut self, root: usize, falling: &HashSet<usize>) -> bool {
        let reason = self.keeper(falling);
        if let Some(reason) = reason.as_ref().filter(|_| !self.held.contains(&root)) {
            let object = &self.found.objects[root];
            self.remark(format!("not mended, {reason}: {} {}", object.kind, object.name));
        }
        reason.is_some()
    }

    fn keeper(&self, falling: &HashSet<usize>) -> Option<String> {
        let held = falling.iter().filter(|object| self.held.contains(object)).min()?;
        let object = &self.found.objects[*held];
        Some(format!("{} {} could not be made again", object.kind, object.name))
    }

    fn outermost_made(&self, links: &Links, index: usize) -> usize {
        match links.parent(index).filter(|parent| self.made.contains(parent)) {
            Some(parent) => self.outermost_made(links, parent),
            None => index,
        }
    }

    /// Says of what departs and is stuck why it stays so.
    pub(super) fn say_what_is_stuck(&mut self, comparison: &Comparison<'_>) {
        let links = Links::new(self.expected);
        let different = comparison.different.iter().map(|(wanted, _)| *wanted);
        for index in comparison.missing.iter().copied().chain(different) {
            let is_within = links
                .parent(index)
                .is_some_and(|parent| self.stuck.contains_key(&parent));
            if let Some(reason) = self.stuck.get(&index).filter(|_| !is_within) {
                let object = &self.expected.objects[index];
                self.remark(format!("not mended, {reason}: {} {}", object.kind, object.name));
            }
        }
    }
}
