//! The statements that look for due rows and take them away, each over a range of a table's rows.

mod family;

use std::fmt::Write as _;

use jiff::Timestamp;

use super::graph::{Family, Member, own};
use super::place::{DUE_AGAIN, is_not};
use super::policy::{Rule, Unfit};
use super::range::{Range, Tid};
use super::shape::{Key, Shape, Table, Unit};
use crate::db::{QuotedIdent, SchemaName};

/// Which of the due rows a statement takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those that nobody has locked, updated or tried to delete.
    Untouched,
    All,
}

/// A policy in one schema, ready to be written as SQL.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) rule: &'a Rule,
    pub(super) table: &'a Table,
    pub(super) family: Family<'a>,
    pub(super) days: u32,
    pub(super) cut_off: Timestamp,
    /// Whether an index may know the due rows.
    pub(super) is_indexed: bool,
    /// Whether a key refers to the table.
    pub(super) is_referenced: bool,
    pub(super) column_type: String,
    alias: String,
    due: String,
    /// That a redacted row is due again.
    due_again: String,
    blocked: Option<String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        shape: &'a Shape,
        schema: &SchemaName,
        (days, cut_off): (u32, Timestamp),
    ) -> Result<Self, Unfit> {
        let (table, column) = rule.find(shape, schema)?;
        let mut family = Family::of(shape, table);
        if rule.archives() && family.is_circular {
            return Err(Unfit::Circular {
                policy: rule.name().to_owned(),
                table: table.name.clone(),
            });
        }
        if let Some(table) = family.referred_to_in_part.filter(|_| rule.archives()) {
            return Err(Unfit::Refused {
                policy: rule.name().to_owned(),
                reason: format!(
                    "rows refer to a part of `{}` alone, and those that the database would delete along are not archived",
                    table.name
                ),
            });
        }
        let alias = rule.alias();
        let blocked = match rule.redacts() {
            None => family.blocked(&alias),
            Some(_) => {
                family.members.clear();
                None
            }
        };
        Ok(Self {
            due: rule.due(table, column, cut_off),
            due_again: rule.due_again(table, column, cut_off),
            is_indexed: column.indexed,
            is_referenced: shape.keys_to(table.oid).next().is_some(),
            column_type: column.base.clone(),
            rule,
            table,
            family,
            days,
            cut_off,
            alias,
            blocked,
        })
    }

    /// Whether rows are kept for others that refer to them.
    pub(super) fn may_be_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Whose rows go along with those of a unit.
    pub(super) fn members(&self, unit: &Unit) -> &[Member<'a>] {
        if unit.is_heir { &[] } else { &self.family.members }
    }

    /// That something keeps a row of a unit from going.
    fn blocked(&self, unit: &Unit) -> Option<&str> {
        self.blocked.as_deref().filter(|_| !unit.is_heir)
    }

    /// `FROM` of this unit alone.
    fn from(&self, unit: &Unit) -> String {
        format!("ONLY {} AS {}", unit.full_name, self.alias)
    }

    fn due_in(&self, unit: &Unit, range: Range) -> String {
        let mut due = format!("{} AND {}", range.condition(&self.alias), self.due);
        if let Some(blocked) = self.blocked(unit) {
            let _ = write!(due, " AND NOT ({blocked})");
        }
        due
    }

    /// How many rows of a unit are due, how many of those are kept, and where the first and the last of the others are.
    pub(super) fn count(&self, unit: &Unit) -> String {
        let (from, due, alias) = (self.from(unit), &self.due, &self.alias);
        match self.blocked(unit) {
            None => {
                format!("SELECT count(*), 0, min({alias}.ctid), max({alias}.ctid) FROM {from} WHERE {due}")
            }
            Some(blocked) => format!(
                "SELECT count(*) FILTER (WHERE NOT kept), count(*) FILTER (WHERE kept), \
                 min(place) FILTER (WHERE NOT kept), max(place) FILTER (WHERE NOT kept) \
                 FROM (SELECT ({blocked}) AS kept, {alias}.ctid AS place FROM {from} WHERE {due}) AS found"
            ),
        }
    }

    /// How many rows of each stretch between these places are due, and how many of those are kept.
    pub(super) fn survey(&self, unit: &Unit, places: &[Tid]) -> String {
        let (from, alias) = (self.from(unit), &self.alias);
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return "SELECT 1, 0, 0 WHERE false".to_owned();
        };
        let listed: Vec<String> = places.iter().map(|place| format!("\"{place}\"")).collect();
        let bucket = format!("width_bucket({alias}.ctid, '{{{}}}'::tid[])", listed.join(","));
        let mut due = self.due.clone();
        // The planner is free to take an index where nothing is left out.
        if *first > Tid::of_block(0) || !self.is_indexed {
            let range = Range {
                from: *first,
                to: *last,
                rows: 0,
            };
            due = format!("{} AND {due}", range.condition(alias));
        }
        match self.blocked(unit) {
            None => format!("SELECT {bucket}, count(*), 0 FROM {from} WHERE {due} GROUP BY 1 ORDER BY 1"),
            Some(blocked) => format!(
                "SELECT bucket, count(*) FILTER (WHERE NOT kept), count(*) FILTER (WHERE kept) \
                 FROM (SELECT {bucket} AS bucket, ({blocked}) AS kept FROM {from} WHERE {due}) AS found \
                 GROUP BY 1 ORDER BY 1"
            ),
        }
    }

    /// Statements that show whether what the policy says can be read: what would be run, over no row.
    pub(super) fn samples(&self) -> Vec<String> {
        let nowhere = Range {
            from: Tid::of_block(0),
            to: Tid::of_block(0),
            rows: 0,
        };
        let Some(unit) = self.table.units.first() else {
            return Vec::new();
        };
        vec![self.take(unit, nowhere, Reach::All)]
    }

    /// All rows of a unit.
    pub(super) fn total(unit: &Unit) -> String {
        format!("SELECT count(*) FROM ONLY {}", unit.full_name)
    }

    /// For a dry run: how many rows are due and their bytes, and how many of each member go along, one line each.
    pub(super) fn measure(&self, unit: &Unit) -> Vec<String> {
        let (from, due) = (self.from(unit), &self.due);
        let kept = self.blocked(unit).unwrap_or("false");
        let bytes = self.table.bytes_of(&self.alias);
        let own = format!(
            "SELECT count(*) FILTER (WHERE NOT kept), coalesce(sum(bytes) FILTER (WHERE NOT kept), 0), \
             count(*) FILTER (WHERE kept) FROM (SELECT {bytes} AS bytes, ({kept}) AS kept FROM {from} WHERE {due}) \
             AS found"
        );
        let members = (0..self.members(unit).len()).map(|index| {
            let way = self.family.way_to(index);
            let last = way.len() - 1;
            // What the policy says of columns is about those of its own table, whatever is joined with it.
            let mut above = format!(
                "(SELECT {0}.* FROM {from} WHERE {due} AND NOT ({kept})) AS {0}",
                self.alias
            );
            let mut on = String::new();
            for (number, key) in way.iter().enumerate() {
                let join = self.join(key, number);
                if number == last {
                    on = join;
                } else {
                    let _ = write!(above, " JOIN {} AS {} ON {join}", key.child_name, step(number));
                }
            }
            let (member, name) = (&self.family.members[index], step(last));
            format!(
                "SELECT count(*), coalesce(sum({}), 0), 0 FROM {} AS {name} WHERE EXISTS (SELECT FROM {above} WHERE {on})",
                member.table.bytes_of(&name),
                member.table.own_rows(),
            )
        });
        std::iter::once(own).chain(members).collect()
    }

    /// For a dry run: whether rows would still be due once they are redacted, by some of them, and as far as that can be
    /// told without changing them; nothing where none is redacted.
    pub(super) fn stays_due(&self, unit: &Unit) -> Option<String> {
        const SOME: u64 = 1000;
        self.rule.redacts()?;
        let (from, alias, due, again) = (self.from(unit), &self.alias, &self.due, &self.due_again);
        let redacted = self.rule.redacted_row(self.table);
        Some(format!(
            "SELECT EXISTS (SELECT FROM (SELECT {redacted} FROM {from} WHERE {due} LIMIT {SOME}) AS {alias} \
             WHERE {again})::int"
        ))
    }

    /// Whether a statement that takes rows tells of each of them. It costs as much again as taking them does.
    pub(super) fn tells_of_rows(&self) -> bool {
        self.rule.archives() || !self.family.members.is_empty()
    }

    /// Takes the due rows of a range, all that go along with them included. Where it tells of rows, it answers with a
    /// line for each kind of them: which, how many, their bytes; or with a line for each row that an archive is to keep.
    ///
    /// Rows that nobody has touched go as they are met. Of the others those go that nobody else holds: to lock a row
    /// before it is deleted writes it twice, and to look for such rows reads the range twice.
    ///
    /// A row that is redacted is written anew, to where the run may meet it again. One that would be due there, or in
    /// the next run, ends the transaction.
    pub(super) fn take(&self, unit: &Unit, range: Range, reach: Reach) -> String {
        if !self.members(unit).is_empty() {
            return self.take_family(unit, range);
        }
        let (from, alias, due) = (self.from(unit), &self.alias, self.due_in(unit, range));
        let change = match self.rule.redacts() {
            None => format!("DELETE FROM {from}"),
            Some(_) => format!("UPDATE {from} SET {}", self.rule.set_list(self.table)),
        };
        let mut parts = Vec::new();
        let is_free = match reach {
            Reach::Untouched => format!("{alias}.xmax = '0'::xid"),
            Reach::All => {
                let touched = own("touched");
                parts.push(format!(
                    "{touched} AS MATERIALIZED (SELECT {alias}.ctid AS place FROM {from} WHERE {due} \
                     AND {alias}.xmax <> '0'::xid FOR UPDATE OF {alias} SKIP LOCKED)"
                ));
                format!("({alias}.xmax = '0'::xid OR {alias}.ctid IN (SELECT place FROM {touched}))")
            }
        };
        let mut change = format!("{change} WHERE {due} AND {is_free}");
        if self.tells_of_rows() {
            let returned = self.returned(self.table, alias);
            parts.push(format!("gone AS ({change} RETURNING {returned})"));
            change = self.answer(&["gone"]);
        }
        if self.rule.redacts().is_some() {
            change.push_str(&format!(" RETURNING {}", is_not(&self.due_again, DUE_AGAIN)));
        }
        match parts.is_empty() {
            true => change,
            false => format!("WITH {} {change}", parts.join(", ")),
        }
    }

    /// How many bytes a due row of a range has, by a few of them.
    pub(super) fn sample(&self, unit: &Unit, range: Range) -> String {
        format!(
            "SELECT coalesce(avg(bytes), 0) FROM (SELECT {} AS bytes FROM {} WHERE {} LIMIT 50) AS few",
            self.table.bytes_of(&self.alias),
            self.from(unit),
            self.due_in(unit, range)
        )
    }

    /// That a row of a step on the way down refers to one of the step above, the first of which is the table itself.
    fn join(&self, key: &Key, number: usize) -> String {
        let parent = match number {
            0 => self.alias.clone(),
            _ => step(number - 1),
        };
        key.join(&step(number), |column| {
            format!("{parent}.{}", QuotedIdent::new(column))
        })
    }

    /// What is told of each row that goes.
    fn returned(&self, table: &Table, alias: &str) -> String {
        let bytes = table.bytes_of(alias);
        match self.rule.archives() {
            true => format!("{bytes} AS bytes, row_to_json({alias}.*)::text AS line"),
            false => format!("{bytes} AS bytes"),
        }
    }

    fn answer(&self, names: &[&str]) -> String {
        let numbered: Vec<(usize, &str)> = names.iter().copied().enumerate().collect();
        self.answer_as(&numbered)
    }

    fn answer_as(&self, names: &[(usize, &str)]) -> String {
        let parts = names.iter().map(|(number, name)| match self.rule.archives() {
            true => format!("SELECT {number}, 1, bytes, line FROM {name}"),
            false => format!("SELECT {number}, count(*), coalesce(sum(bytes), 0) FROM {name}"),
        });
        parts.collect::<Vec<_>>().join(" UNION ALL ")
    }
}

/// What a step on the way down from the table to a member goes by.
fn step(number: usize) -> String {
    own(&format!("p{number}"))
}
