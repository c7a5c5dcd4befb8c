//! When partitions are attached, among all that is made of their tables.

use std::collections::HashMap;
use std::iter::successors;

use super::{Firmness, Graph, Kind};

/// Which indexes of partitions belong to which of the partitioned table.
#[derive(Default)]
struct Attached {
    /// By the index of the partition.
    joins: HashMap<usize, usize>,
    /// By the index of the partitioned table.
    joins_to: HashMap<usize, Vec<usize>>,
}

/// A table that becomes part of another.
struct Partition {
    join: usize,
    table: usize,
    whole: usize,
}

impl Graph<'_> {
    /// A partition is attached once the checks on both sides are there, and before anything that a partitioned table
    /// passes on to its partitions: what they have already is then found again and not made twice. For the same reason,
    /// where the partitioned table is there already, a partition has those of its indexes before that belong to one of it,
    /// with all partitions of its own. Where it is not, partitions of partitions come after their own parents: identity is
    /// passed on one level at a time.
    ///
    /// Conditions that rows may not meet are added after the rows. Where the partitioned table has one it would be passed
    /// on to partitions that get it as well, so they are attached after that.
    pub(super) fn add_partition_wishes(&mut self, is_there: impl Fn(usize) -> bool) {
        let partitions: Vec<Partition> = self.partitions().collect();
        let by_table: HashMap<usize, &Partition> = partitions.iter().map(|one| (one.table, one)).collect();
        let is_there = |table| {
            let lineage = successors(Some(table), |table| Some(by_table.get(table)?.whole));
            lineage.take(partitions.len() + 1).any(&is_there)
        };
        let attached = self.attached(is_there);
        let mut on_table: HashMap<usize, Vec<usize>> = HashMap::new();
        for index in 0..self.objects.len() {
            if let Some(table) = self.table_of(index) {
                on_table.entry(table).or_default().push(index);
            }
        }
        for partition in &partitions {
            let index = partition.join;
            if let Some(above) = by_table.get(&partition.whole)
                && !is_there(partition.whole)
            {
                // Before and after the rows.
                self.add(index, above.join, Firmness::Hard);
            }
            for table in [partition.table, partition.whole] {
                for &other in on_table.get(&table).into_iter().flatten() {
                    if table == partition.whole && self.objects[other].may_not_hold() {
                        self.add(index, other, Firmness::Hard);
                    }
                    let join = attached.joins.get(&other).filter(|_| table == partition.table);
                    match (self.objects[other].kind, join) {
                        (Kind::Check, _) => self.wishes.extend([(index, other)]),
                        (Kind::Constraint | Kind::Index, Some(join)) => {
                            // One of a table that is partitioned itself counts only with all of its own.
                            let own = attached.joins_to.get(&other).into_iter().flatten();
                            self.wishes.extend([(index, other), (*join, index)]);
                            self.wishes.extend(own.map(|own| (index, *own)));
                        }
                        (Kind::Constraint | Kind::Index | Kind::ForeignKey | Kind::Trigger, _) => {
                            self.wishes.extend([(other, index)]);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// The catalogs let an index need the one that it belongs to, which it does not before it is attached.
    fn attached(&mut self, is_there: impl Fn(usize) -> bool) -> Attached {
        let mut attached = Attached::default();
        for (index, object) in self.objects.iter().enumerate() {
            if object.kind != Kind::IndexPartition {
                continue;
            }
            let sides = [object.parent, object.needs].map(|side| side.and_then(|side| self.node(side)));
            if let [Some(part), Some(whole)] = sides
                && self.table_of(whole).is_none_or(&is_there)
            {
                self.needs[part].remove(&whole);
                attached.joins.insert(part, index);
                attached.joins_to.entry(whole).or_default().push(index);
            }
        }
        attached
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> {
        let joins = self.objects.iter().enumerate();
        let joins = joins.filter(|(_, object)| object.kind == Kind::Partition);
        joins.filter_map(|(join, object)| {
            Some(Partition {
                join,
                table: self.node(object.parent?)?,
                whole: self.node(object.needs?)?,
            })
        })
    }

    fn table_of(&self, node: usize) -> Option<usize> {
        self.objects[node].parent.and_then(|table| self.node(table))
    }
}
