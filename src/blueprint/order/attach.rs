//! When partitions are attached, among all that is made of their tables.

use std::collections::HashMap;

use super::{Graph, Kind};

/// Which indexes of partitions belong to which of the partitioned table.
#[derive(Default)]
struct Attached {
    /// By the index of the partition.
    joins: HashMap<usize, usize>,
    /// By the index of the partitioned table.
    joins_to: HashMap<usize, Vec<usize>>,
}

impl Graph<'_> {
    /// A partition is attached once the checks on both sides are there, and before anything that a partitioned table
    /// passes on to its partitions: what they have already is then found again and not made twice. For the same reason
    /// it has those of its indexes before that belong to one of the partitioned table, which may be there already.
    pub(super) fn add_partition_wishes(&mut self) {
        let attached = self.attached();
        let mut on_table: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, object) in self.objects.iter().enumerate() {
            if let Some(table) = object.parent.and_then(|parent| self.node(parent)) {
                on_table.entry(table).or_default().push(index);
            }
        }
        for (index, object) in self.objects.iter().enumerate() {
            if object.kind != Kind::Partition {
                continue;
            }
            let [partition, whole] =
                [object.parent, object.needs].map(|side| side.and_then(|side| self.node(side)));
            for table in [partition, whole].into_iter().flatten() {
                for &other in on_table.get(&table).into_iter().flatten() {
                    let join = attached.joins.get(&other).filter(|_| Some(table) == partition);
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
    fn attached(&mut self) -> Attached {
        let mut attached = Attached::default();
        for (index, object) in self.objects.iter().enumerate() {
            if object.kind != Kind::IndexPartition {
                continue;
            }
            let sides = [object.parent, object.needs].map(|side| side.and_then(|side| self.node(side)));
            if let [Some(part), Some(whole)] = sides {
                self.needs[part].remove(&whole);
                attached.joins.insert(part, index);
                attached.joins_to.entry(whole).or_default().push(index);
            }
        }
        attached
    }
}
