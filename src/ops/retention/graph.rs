//! Which rows go along with others, which keep them from going, and whose turn is first, all by the foreign keys.

use super::policy::Rule;
use super::shape::{Key, OnDelete, Shape, Table};

/// Keys beyond this many are left to the database, which follows them row by row.
const MOST: usize = 64;

/// What hangs on the rows of one table.
#[derive(Debug)]
pub(super) struct Family<'a> {
    /// Parents before their children.
    pub(super) members: Vec<Member<'a>>,
    /// Ways to rows that must not lose what they refer to: the keys from the table down.
    blockers: Vec<Vec<&'a Key>>,
    /// Whether rows go along that no member stands for, since their tables are met again.
    pub(super) is_circular: bool,
    /// A table with rows to which others refer by a part of it alone, and go along with; no member stands for those.
    pub(super) referred_to_in_part: Option<&'a Table>,
}

/// Rows that go along.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) key: &'a Key,
    pub(super) table: &'a Table,
    /// The member that they hang on; none is the table itself.
    pub(super) parent: Option<usize>,
}

impl<'a> Family<'a> {
    pub(super) fn of(shape: &'a Shape, root: &'a Table) -> Self {
        let mut family = Self {
            members: Vec::new(),
            blockers: Vec::new(),
            is_circular: false,
            referred_to_in_part: None,
        };
        family.look_below(shape, root, None);
        let mut next = 0;
        while let Some(member) = family.members.get(next) {
            let table = member.table;
            family.look_below(shape, table, Some(next));
            next += 1;
        }
        for key in shape
            .keys_to(root.oid)
            .filter(|key| key.on_delete() == OnDelete::Restrict)
        {
            family.blockers.push(vec![key]);
        }
        for index in 0..family.members.len() {
            let table = family.members[index].table;
            for key in shape
                .keys_to(table.oid)
                .filter(|key| key.on_delete() == OnDelete::Restrict)
            {
                let mut way = family.way_to(index);
                way.push(key);
                family.blockers.push(way);
            }
        }
        family
    }

    fn look_below(&mut self, shape: &'a Shape, table: &'a Table, parent: Option<usize>) {
        if table.is_referred_to_in_part {
            self.referred_to_in_part = Some(table);
        }
        for key in shape
            .keys_to(table.oid)
            .filter(|key| key.on_delete() == OnDelete::Cascade)
        {
            let above = parent.map(|parent| self.way_to(parent)).unwrap_or_default();
            let is_met_again = key.child == key.parent
                || above
                    .iter()
                    .any(|above| above.child == key.child || above.parent == key.child);
            match shape.by_oid(key.child) {
                Some(child) if !is_met_again && self.members.len() < MOST => self.members.push(Member {
                    key,
                    table: child,
                    parent,
                }),
                _ => self.is_circular = true,
            }
        }
    }

    /// The keys from the table down to a member.
    pub(super) fn way_to(&self, member: usize) -> Vec<&'a Key> {
        let mut way = Vec::new();
        let mut next = Some(member);
        while let Some(index) = next {
            way.push(self.members[index].key);
            next = self.members[index].parent;
        }
        way.reverse();
        way
    }

    /// That something keeps the row from going; none where nothing can.
    pub(super) fn blocked(&self, alias: &str) -> Option<String> {
        let ways = self.blockers.iter().map(|way| {
            let mut from = String::new();
            let mut condition = String::new();
            for (number, key) in way.iter().enumerate() {
                let name = own(&format!("b{number}"));
                if number == 0 {
                    from = format!("{} AS {name}", key.child_name);
                    condition = key.join(&name, |column| format!("{alias}.{}", quoted(column)));
                    if key.child == key.parent && way.len() == 1 {
                        condition.push_str(&format!(
                            " AND ({name}.tableoid, {name}.ctid) <> ({alias}.tableoid, {alias}.ctid)"
                        ));
                    }
                } else {
                    let above = own(&format!("b{}", number - 1));
                    let on = key.join(&name, |column| format!("{above}.{}", quoted(column)));
                    from.push_str(&format!(" JOIN {} AS {name} ON {on}", key.child_name));
                }
            }
            let last = own(&format!("b{}", way.len() - 1));
            if let Some(goes) = way.last().and_then(|key| self.goes_along(key, &last, alias)) {
                condition.push_str(&format!(" AND ({goes}) IS NOT TRUE"));
            }
            format!("EXISTS (SELECT FROM {from} WHERE {condition})")
        });
        let ways: Vec<String> = ways.collect();
        (!ways.is_empty()).then(|| ways.join(" OR "))
    }

    /// That a row which refers to one that goes does so itself; none where it never does, or where that does not help.
    fn goes_along(&self, key: &Key, name: &str, alias: &str) -> Option<String> {
        if !key.looks_at_the_end() {
            return None;
        }
        let members = (0..self.members.len()).filter(|index| self.members[*index].table.oid == key.child);
        let ways = members.map(|index| {
            let way = self.way_to(index);
            let mut from = Vec::new();
            let mut conditions = Vec::new();
            let mut above = alias.to_owned();
            for (number, key) in (1..).zip(&way) {
                let child = match number == way.len() {
                    true => name.to_owned(),
                    false => own(&format!("a{number}")),
                };
                conditions.push(key.join(&child, |column| format!("{above}.{}", quoted(column))));
                if number < way.len() {
                    from.push(format!("{} AS {child}", key.child_name));
                }
                above = child;
            }
            let condition = conditions.join(" AND ");
            match from.is_empty() {
                true => condition,
                false => format!("EXISTS (SELECT FROM {} WHERE {condition})", from.join(", ")),
            }
        });
        let ways: Vec<String> = ways.collect();
        (!ways.is_empty()).then(|| ways.join(" OR "))
    }
}

/// A name of our own in a statement. What a policy says is read beside it, and no table is called that by chance.
pub(super) fn own(name: &str) -> String {
    format!("tenantctl_{name}")
}

fn quoted(column: &str) -> String {
    crate::db::QuotedIdent::new(column).to_string()
}

/// The rules with those first whose rows refer to rows of the others. Circles stay as they were written. Of one table,
/// what is to be kept is archived before other rules delete or redact it.
pub(super) fn in_order<'r>(rules: &'r [Rule], shape: &Shape) -> Vec<&'r Rule> {
    let oid = |rule: &Rule| {
        shape
            .tables
            .iter()
            .find(|table| table.told == rule.settings.table)
    };
    let refers = |one: &Rule, other: &Rule| match (oid(one), oid(other)) {
        (Some(child), Some(parent)) if child.oid != parent.oid => {
            shape.keys_to(parent.oid).any(|key| key.child == child.oid)
        }
        (Some(_), Some(_)) => one.archives() && !other.archives(),
        _ => false,
    };
    let mut waiting: Vec<&Rule> = rules.iter().collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let free = waiting
            .iter()
            .position(|rule| !waiting.iter().any(|other| refers(other, rule)));
        ordered.push(waiting.remove(free.unwrap_or(0)));
    }
    ordered
}
