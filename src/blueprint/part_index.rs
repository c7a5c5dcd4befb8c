//! Indexes of partitions that belong to one of the partitioned table. None of them can go by itself, but it can change
//! its name.

use std::collections::{HashMap, HashSet};

use super::diff::Comparison;
use super::mend::Work;
use super::object::{Address, Object};
use super::{Blueprint, Kind};

/// The index of a partition, the one that it belongs to, and the partition's name.
struct Join<'a> {
    part: usize,
    whole: usize,
    table: &'a str,
}

fn joins(blueprint: &Blueprint) -> Vec<Join<'_>> {
    let objects = || blueprint.objects.iter().enumerate();
    let mut indexes: HashMap<Address, usize> = HashMap::new();
    let mut tables: HashMap<Address, &str> = HashMap::new();
    for (index, object) in objects() {
        match object.kind {
            Kind::Index => indexes.extend(object.address.map(|address| (address, index))),
            Kind::Constraint => indexes.extend(object.alias.map(|address| (address, index))),
            Kind::Table => tables.extend(object.address.map(|address| (address, object.name.as_str()))),
            _ => {}
        }
    }
    objects()
        .filter(|(_, object)| object.kind == Kind::IndexPartition)
        .filter_map(|(_, join)| {
            let part = *indexes.get(&join.parent?)?;
            Some(Join {
                part,
                whole: *indexes.get(&join.needs?)?,
                table: tables.get(&blueprint.objects[part].parent?)?,
            })
        })
        .collect()
}

/// Which of the indexes that are found belong to others.
pub(super) fn bound(found: &Blueprint) -> HashSet<usize> {
    joins(found).into_iter().map(|join| join.part).collect()
}

/// Which of the indexes that are found are expected under other names: those of the same partition that belong to the
/// same index.
pub(super) fn renamed(
    expected: &Blueprint,
    found: &Blueprint,
    comparison: &Comparison<'_>,
) -> HashMap<usize, usize> {
    let there: HashMap<(usize, &str), usize> = joins(found)
        .into_iter()
        .map(|join| ((join.whole, join.table), join.part))
        .collect();
    let wanted = joins(expected);
    let mut same: HashMap<usize, usize> = HashMap::new();
    let mut known = usize::MAX;
    // Partitions may be partitioned: what their indexes belong to may have another name itself.
    while std::mem::replace(&mut known, same.len()) != same.len() {
        for join in &wanted {
            let whole = &expected.objects[join.whole];
            let by_name = || comparison.found.get(&(whole.kind, whole.name.as_str())).copied();
            let is = same.get(&join.whole).copied().or_else(by_name);
            same.extend(is.and_then(|whole| Some((join.part, *there.get(&(whole, join.table))?))));
        }
    }
    same.into_iter()
        .filter(|(wanted, is)| {
            let (wanted, is) = (&expected.objects[*wanted], &found.objects[*is]);
            wanted.kind == is.kind && wanted.name != is.name
        })
        .map(|(wanted, is)| (is, wanted))
        .collect()
}

/// The name that an index, or that of a constraint, has among relations.
pub(super) fn bare_name<'a>(blueprint: &'a Blueprint, object: &'a Object) -> &'a str {
    let mut objects = blueprint.objects.iter();
    let table = objects.find(|table| table.address.is_some() && table.address == object.parent);
    let name = table.and_then(|table| object.name.strip_suffix(&table.name)?.strip_suffix(" ON "));
    name.unwrap_or(&object.name)
}

impl Work<'_> {
    /// Gives indexes their names, those first whose name nobody has.
    pub(super) fn rename_indexes(&mut self) {
        let mut waiting: Vec<(String, String)> = self
            .renamed
            .iter()
            .filter(|(is, _)| !self.dropped.contains(is))
            .map(|(is, wanted)| {
                let from = bare_name(self.found, &self.found.objects[*is]);
                let to = bare_name(self.expected, &self.expected.objects[*wanted]);
                (from.to_owned(), to.to_owned())
            })
            .collect();
        waiting.sort();
        while !waiting.is_empty() {
            let is_free = |(_, to): &(String, String)| waiting.iter().all(|(from, _)| from != to);
            match waiting.iter().position(is_free) {
                Some(next) => {
                    let (from, to) = waiting.remove(next);
                    self.rename_index(&from, &to);
                }
                // All that are left have each other's names.
                None => {
                    let aside = format!("tenantctl_renamed_{}", waiting.len());
                    self.rename_index(&waiting[0].0, &aside);
                    waiting[0].0 = aside;
                }
            }
        }
    }

    fn rename_index(&mut self, from: &str, to: &str) {
        let statement = format!("ALTER INDEX {from} RENAME TO {to}");
        self.mend.statements.push(statement);
    }
}
