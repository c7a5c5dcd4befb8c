//! Columns that a table got when it had children already.
//!
//! A child begins with the columns that its parents have when it is made, and goes on with its own. What its parents get
//! after that comes last. So where a child has a parent's column behind its own, the parent gets the column by itself, once
//! the child is there; and children that have it at their beginning are made after that.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::keep;
use super::object::Address;
use super::order::Dependency;
use crate::db::Row;

/// What has to come when, so that columns stand where they do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Late {
    /// The columns that are added to a table that is there.
    columns: HashSet<Address>,
    /// What comes with such a column: that of a child, or the expression that generates it.
    pub(super) aliases: Vec<Dependency>,
    /// The first waits for the second.
    pub(super) waits: Vec<Dependency>,
    /// The column with which a table is whole.
    #[serde(with = "keep::pairs")]
    last: HashMap<Address, Address>,
}

impl Late {
    /// Whether this is a column that is added to a table that is there.
    pub(super) fn adds(&self, column: Option<Address>) -> bool {
        column.is_some_and(|column| self.columns.contains(&column))
    }

    /// The column with which a table is whole, if that is added.
    pub(super) fn last_of(&self, table: Option<Address>) -> Option<Address> {
        self.last.get(&table?).copied()
    }

    /// What of it is about families of which all tables are among these.
    pub(super) fn among(&self, tables: &HashSet<Address>) -> Self {
        let mut tables = tables.clone();
        loop {
            let pairs = self.waits.iter().map(|(one, other)| (one.whole(), other.whole()));
            let related: HashSet<Address> = pairs
                .flat_map(|(one, other)| [(one, other), (other, one)])
                .filter(|(one, other)| !tables.contains(one) && tables.contains(other))
                .map(|(_, other)| other)
                .collect();
            if related.is_empty() {
                break;
            }
            tables.retain(|table| !related.contains(table));
        }
        let has = |address: &Address| tables.contains(&address.whole());
        let both = |pairs: &[Dependency]| -> Vec<Dependency> {
            let pairs = pairs.iter().filter(|(one, other)| has(one) && has(other));
            pairs.copied().collect()
        };
        let columns: HashSet<Address> = self
            .columns
            .iter()
            .filter(|column| has(column))
            .copied()
            .collect();
        let last = self
            .last
            .iter()
            .filter(|(table, column)| has(table) && has(column));
        Self {
            aliases: self
                .aliases
                .iter()
                .filter(|(_, column)| columns.contains(column))
                .copied()
                .collect(),
            waits: both(&self.waits),
            last: last.map(|(table, column)| (*table, *column)).collect(),
            columns,
        }
    }
}

/// A table that has children or parents.
#[derive(Debug)]
struct Table {
    address: Address,
    name: String,
    /// Whether it is made at all, or is there before.
    is_made: bool,
    parents: Vec<usize>,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: String,
    address: Address,
    is_local: bool,
    /// What generates it.
    expression: Option<Address>,
}

/// How a table begins.
#[derive(Debug)]
struct Beginning {
    /// How many columns of each parent it has then.
    inherited: Vec<usize>,
    /// How many columns it has then in all.
    columns: usize,
}

/// Finds out which columns come late, and which tables cannot be made with their columns in this order.
pub(super) fn late(rows: &[Row]) -> (Late, Vec<String>) {
    let tables = tables(rows);
    let beginnings = beginnings(&tables);
    let families = families(&tables);
    let (mut late, mut misplaced) = (Late::default(), Vec::new());
    for family in families {
        let is_plain = |table: &usize| !tables[*table].is_made || is_all(&tables, *table);
        if family.iter().all(is_plain) {
            continue;
        }
        let mut making = Making::new(&tables, &beginnings, &family);
        if making.is_possible(&family) {
            let order = making.order(&family);
            late.columns.extend(order.columns);
            late.aliases.extend(order.aliases);
            late.waits.extend(order.waits);
            late.last.extend(order.last);
        } else {
            let others = family.iter().filter(|table| !is_plain(table));
            misplaced.extend(others.map(|table| tables[*table].name.clone()));
        }
    }
    (late, misplaced)
}

fn tables(rows: &[Row]) -> Vec<Table> {
    let numbers: HashMap<u32, usize> = (0..).zip(rows).map(|(at, row)| (row.get(1), at)).collect();
    let table = |row: &Row| {
        let address = Address {
            class: row.get(0),
            id: row.get(1),
            sub: 0,
        };
        let (names, numbers_of): (Vec<String>, Vec<i32>) = (row.get(5), row.get(6));
        let (locals, expressions): (Vec<bool>, Vec<u32>) = (row.get(7), row.get(9));
        let columns = names.into_iter().zip(numbers_of).zip(locals).zip(expressions);
        Table {
            address,
            name: row.get(2),
            is_made: row.get(3),
            parents: row
                .get::<_, Vec<u32>>(4)
                .iter()
                .filter_map(|parent| numbers.get(parent).copied())
                .collect(),
            columns: columns
                .map(|(((name, sub), is_local), expression)| Column {
                    name,
                    address: Address { sub, ..address },
                    is_local,
                    expression: (expression != 0).then(|| Address {
                        class: row.get(8),
                        id: expression,
                        sub: 0,
                    }),
                })
                .collect(),
        }
    };
    rows.iter().map(table).collect()
}

/// Whether all columns stand where they would if the table were made after its parents were whole.
fn is_all(tables: &[Table], table: usize) -> bool {
    let Table { columns, parents, .. } = &tables[table];
    let beginning = beginning(tables, table, columns.len());
    let mut parents = parents.iter().zip(&beginning.inherited);
    beginning.columns == columns.len()
        && parents.all(|(parent, taken)| *taken == tables[*parent].columns.len())
}

/// The longest beginning of a table that has no more than `limit` columns.
fn beginning(tables: &[Table], table: usize, limit: usize) -> Beginning {
    let Table {
        columns,
        parents,
        is_made,
        ..
    } = &tables[table];
    if !is_made {
        return Beginning {
            inherited: Vec::new(),
            columns: columns.len(),
        };
    }
    let mut at = 0;
    let mut inherited: Vec<usize> = Vec::new();
    for parent in parents {
        // What two parents have from one above them comes to both at once.
        let is_late = |column: &Column| {
            let mut others = parents.iter().zip(&inherited);
            others.any(|(other, taken)| {
                let mut late = tables[*other].columns.iter().skip(*taken);
                late.any(|late| late.name == column.name && !(late.is_local && column.is_local))
            })
        };
        let mut taken = 0;
        for column in &tables[*parent].columns {
            let is_there = columns[..at].iter().any(|known| known.name == column.name);
            if !is_there && at < limit && columns[at].name == column.name && !is_late(column) {
                at += 1;
            } else if !is_there {
                break;
            }
            taken += 1;
        }
        inherited.push(taken);
    }
    // A parent's column that the child had before is added to both, so that its expression is not the parent's.
    let is_own = |column: &&Column| {
        let mut of_parents = parents.iter().flat_map(|parent| &tables[*parent].columns);
        column.is_local && !of_parents.any(|other| other.name == column.name)
    };
    let own = columns[at..limit.max(at)].iter().take_while(is_own).count();
    Beginning {
        inherited,
        columns: at + own,
    }
}

/// The beginnings of all: no table has a column from the beginning that comes late to one of its children.
fn beginnings(tables: &[Table]) -> Vec<Beginning> {
    let mut limits: Vec<usize> = tables.iter().map(|table| table.columns.len()).collect();
    loop {
        let beginnings: Vec<Beginning> = (0..tables.len())
            .map(|table| beginning(tables, table, limits[table]))
            .collect();
        let mut is_settled = true;
        for (table, beginning) in tables.iter().zip(&beginnings) {
            for (parent, taken) in table.parents.iter().zip(&beginning.inherited) {
                if *taken < limits[*parent] {
                    limits[*parent] = *taken;
                    is_settled = false;
                }
            }
        }
        if is_settled {
            return beginnings;
        }
    }
}

/// Tables that have to do with each other.
fn families(tables: &[Table]) -> Vec<Vec<usize>> {
    let mut family: Vec<usize> = (0..tables.len()).collect();
    for (table, of) in tables.iter().enumerate() {
        for parent in &of.parents {
            let (one, other) = (family[table], family[*parent]);
            family
                .iter_mut()
                .filter(|name| **name == one)
                .for_each(|name| *name = other);
        }
    }
    let mut families: HashMap<usize, Vec<usize>> = HashMap::new();
    for (table, name) in family.into_iter().enumerate() {
        families.entry(name).or_default().push(table);
    }
    families.into_values().collect()
}

/// The making of a family, step by step.
struct Making<'a> {
    tables: &'a [Table],
    beginnings: &'a [Beginning],
    /// The children of each table, with how many of its columns they have from the beginning.
    children: HashMap<usize, Vec<(usize, usize)>>,
    /// What each column of a table came with: the table, or a column that was added to the table or to one above it.
    arrivals: HashMap<usize, Vec<Address>>,
}

impl<'a> Making<'a> {
    fn new(tables: &'a [Table], beginnings: &'a [Beginning], family: &[usize]) -> Self {
        let mut children: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for &child in family {
            for (parent, taken) in tables[child].parents.iter().zip(&beginnings[child].inherited) {
                children.entry(*parent).or_default().push((child, *taken));
            }
        }
        Self {
            tables,
            beginnings,
            children,
            arrivals: HashMap::new(),
        }
    }

    /// Does what can be done until all is done, or nothing more can be.
    fn is_possible(&mut self, family: &[usize]) -> bool {
        loop {
            let mut is_moving = false;
            for &table in family {
                is_moving |= self.make(table);
                while let Some(column) = self.next(table) {
                    self.add(table, column, self.tables[table].columns[column].address);
                    is_moving = true;
                }
            }
            if !is_moving {
                return family
                    .iter()
                    .all(|table| self.reached(*table) == Some(self.tables[*table].columns.len()));
            }
        }
    }

    fn reached(&self, table: usize) -> Option<usize> {
        self.arrivals.get(&table).map(Vec::len)
    }

    /// Makes a table when its parents have come to where it begins.
    fn make(&mut self, table: usize) -> bool {
        let Table { address, parents, .. } = &self.tables[table];
        let Beginning { inherited, columns } = &self.beginnings[table];
        let mut sides = parents.iter().zip(inherited);
        let can_be = self.reached(table).is_none()
            && sides.all(|(parent, taken)| self.reached(*parent) == Some(*taken));
        if can_be {
            self.arrivals.insert(table, vec![*address; *columns]);
        }
        can_be
    }

    /// The next column of a table, if it is to be added now.
    fn next(&self, table: usize) -> Option<usize> {
        let Table { columns, is_made, .. } = &self.tables[table];
        let next = self.reached(table)?;
        let can_be = *is_made && columns.get(next)?.is_local && self.suits_children(table, next);
        can_be.then_some(next)
    }

    /// Whether all children have the column, or have it next, or will be made with it.
    fn suits_children(&self, table: usize, column: usize) -> bool {
        self.children_of(table, column).all(|(child, taken, own)| {
            let (Some(reached), Some(own)) = (self.reached(child), own) else {
                return column < taken;
            };
            let is_next = own == reached && !self.tables[child].columns[own].is_local;
            own < reached || is_next && self.suits_children(child, own)
        })
    }

    /// Adds a column to a table, and to the children that do not have it.
    fn add(&mut self, table: usize, column: usize, arrival: Address) {
        self.arrivals.entry(table).or_default().push(arrival);
        let children: Vec<_> = self.children_of(table, column).collect();
        for (child, _, own) in children {
            if let Some(own) = own.filter(|own| Some(*own) == self.reached(child)) {
                self.add(child, own, arrival);
            }
        }
    }

    /// The children of a table, how many of its columns they begin with, and where they have this one.
    fn children_of(
        &self,
        table: usize,
        column: usize,
    ) -> impl Iterator<Item = (usize, usize, Option<usize>)> {
        let name = &self.tables[table].columns[column].name;
        let children = self.children.get(&table).into_iter().flatten();
        children.map(move |(child, taken)| {
            let mut columns = self.tables[*child].columns.iter();
            (*child, *taken, columns.position(|own| own.name == *name))
        })
    }

    /// What has to come when.
    fn order(&self, family: &[usize]) -> Late {
        let mut late = Late::default();
        for &number in family {
            let table = &self.tables[number];
            let mut before = table.address;
            for (column, arrival) in table.columns.iter().zip(&self.arrivals[&number]) {
                if *arrival == table.address {
                    continue;
                }
                if *arrival == column.address {
                    late.columns.insert(*arrival);
                } else {
                    late.aliases.push((column.address, *arrival));
                }
                late.aliases
                    .extend(column.expression.map(|expression| (expression, *arrival)));
                late.waits.push((*arrival, before));
                late.last.insert(table.address, *arrival);
                before = *arrival;
            }
            for at in 0..table.columns.len() {
                let arrival = self.arrivals[&number][at];
                for (child, taken, own) in self.children_of(number, at) {
                    let child_made = self.tables[child].address;
                    if at < taken {
                        late.waits.push((child_made, arrival));
                    } else {
                        let own = own.map(|own| self.arrivals[&child][own]);
                        late.waits.extend(
                            [Some(child_made), own]
                                .into_iter()
                                .flatten()
                                .map(|needed| (arrival, needed)),
                        );
                    }
                }
            }
        }
        late.waits.retain(|(waiting, needed)| waiting != needed);
        late
    }
}
