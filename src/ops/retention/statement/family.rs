//! The statements for rows on which others hang: those go along, and what is archived sees all of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::graph::{Member, own};
use super::super::range::Range;
use super::super::shape::Unit;
use super::{Job, step};
use crate::db::QuotedIdent;

impl Job<'_> {
    /// What comes before rows are archived that others hang on: statements that lock them, and those of their members on
    /// which others hang. Nobody adds a row from then on that would go along unseen: what comes next sees all that were
    /// there before.
    pub(in crate::ops::retention) fn hold(&self, unit: &Unit, range: Range) -> String {
        if !self.rule.archives() || self.members(unit).is_empty() {
            return String::new();
        }
        let (from, alias, due) = (self.from(unit), &self.alias, self.due_in(unit, range));
        let hold = |rows: &str| format!("SELECT count(*) FROM (SELECT FROM {rows}) AS held; ");
        let mut sql = hold(&format!("{from} WHERE {due} FOR UPDATE OF {alias} SKIP LOCKED"));
        for member in 0..self.family.members.len() {
            if self
                .family
                .members
                .iter()
                .any(|below| below.parent == Some(member))
            {
                let (joined, last) =
                    self.way_down(&format!("{from} WHERE {due} AND {}", self.is_held()), member);
                sql.push_str(&hold(&format!("{joined} FOR UPDATE OF {last}")));
            }
        }
        sql
    }

    /// What hangs on a row goes when that is gone: a trigger may keep it. Where there is such a trigger, which may also
    /// see to what hangs on the row, that is left to the database and only told of.
    pub(super) fn take_family(&self, unit: &Unit, range: Range) -> String {
        let (from, alias, mut due) = (self.from(unit), &self.alias, self.due_in(unit, range));
        if self.rule.archives() {
            let _ = write!(due, " AND {}", self.is_held());
        }
        let mut sql = format!(
            "WITH due AS MATERIALIZED (SELECT {alias}.ctid AS place FROM {from} WHERE {due} \
             FOR UPDATE OF {alias} SKIP LOCKED), \
             gone AS (DELETE FROM {from} WHERE {alias}.ctid = ANY (ARRAY(SELECT place FROM due)) RETURNING {}{})",
            self.returned(self.table, alias),
            self.keys_below(None, alias)
        );
        let mut names = vec!["gone".to_owned()];
        let name = own("m");
        for (index, member) in self.family.members.iter().enumerate() {
            let above = above(member, "gone");
            let on = member
                .key
                .join(&name, |column| format!("{above}.{}", key_name(column)));
            let rows = member.table.own_rows();
            let told = self.returned(member.table, &name) + &self.keys_below(Some(index), &name);
            let _ = match self.is_below_a_keeper(index) {
                true => write!(
                    sql,
                    ", g{index} AS (SELECT {told} FROM {rows} AS {name} JOIN {above} ON {on})"
                ),
                false => write!(
                    sql,
                    ", g{index} AS (DELETE FROM {rows} AS {name} USING {above} WHERE {on} RETURNING {told})"
                ),
            };
            names.push(format!("g{index}"));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = write!(sql, " {}", self.answer(&names));
        sql
    }

    /// Whether a trigger or a rule may keep a row on which those of a member hang.
    fn is_below_a_keeper(&self, member: usize) -> bool {
        let above = |member: usize| self.family.members[member].parent;
        let above = std::iter::successors(above(member), |member| above(*member));
        let mut tables = above.map(|member| self.family.members[member].table);
        self.table.may_keep_rows || tables.any(|table| table.may_keep_rows)
    }

    /// Whether rows that hang on others may go before those: where nothing but a key keeps those from going.
    pub(in crate::ops::retention) fn may_drain(&self) -> bool {
        !(0..self.family.members.len()).any(|member| self.is_below_a_keeper(member))
    }

    /// How many rows go along with the due ones of a range, counted up to a limit for each member.
    pub(in crate::ops::retention) fn count_family(&self, unit: &Unit, range: Range, limit: u64) -> String {
        let (from, alias, due) = (self.from(unit), &self.alias, self.due_in(unit, range));
        let mut sql = format!(
            "WITH due AS (SELECT 1 AS one{} FROM {from} WHERE {due})",
            self.keys_below(None, alias)
        );
        let mut counts = Vec::new();
        let name = own("m");
        for (index, member) in self.family.members.iter().enumerate() {
            let above = above(member, "due");
            let on = member
                .key
                .join(&name, |column| format!("{above}.{}", key_name(column)));
            let _ = write!(
                sql,
                ", g{index} AS (SELECT 1 AS one{} FROM {above} JOIN {} AS {name} ON {on} LIMIT {})",
                self.keys_below(Some(index), &name),
                member.table.own_rows(),
                limit + 1,
            );
            counts.push(format!("(SELECT count(*) FROM g{index})"));
        }
        format!("{sql} SELECT {}", counts.join(" + "))
    }

    /// Takes some of the rows that hang on the due ones of a range, and nothing that anything hangs on.
    pub(in crate::ops::retention) fn drain(
        &self,
        unit: &Unit,
        range: Range,
        member: usize,
        limit: u64,
    ) -> String {
        let (from, alias, due) = (self.from(unit), &self.alias, self.due_in(unit, range));
        let (joined, last) = self.way_down(&format!("{from} WHERE {due}"), member);
        let name = own("m");
        // The rows that they hang on are locked as well: they may be due no more.
        let above: String = (0..self.family.way_to(member).len() - 1)
            .map(|number| format!("{}, ", step(number)))
            .collect();
        let table = self.family.members[member].table;
        let is_one = table.kind == "r";
        let hit = format!(
            "WITH hit AS MATERIALIZED (SELECT {last}.tableoid AS home, {last}.ctid AS place FROM {joined} \
             LIMIT {limit} FOR UPDATE OF {alias}, {above}{last} SKIP LOCKED)"
        );
        let which = match is_one {
            true => format!("{name}.ctid = ANY (ARRAY(SELECT place FROM hit))"),
            false => format!("({name}.tableoid, {name}.ctid) IN (SELECT home, place FROM hit)"),
        };
        format!(
            "{hit}, gone AS (DELETE FROM {} AS {name} WHERE {which} RETURNING {}) {}",
            table.own_rows(),
            self.returned(table, &name),
            self.answer_as(&[(member + 1, "gone")])
        )
    }

    /// The rows of a member that hang on these, joined to them, and what they are called.
    fn way_down(&self, rows: &str, member: usize) -> (String, String) {
        let alias = &self.alias;
        let way = self.family.way_to(member);
        let mut joined = format!("(SELECT {alias}.* FROM {rows}) AS {alias}");
        for (number, key) in way.iter().enumerate() {
            let on = self.join(key, number);
            let _ = write!(joined, " JOIN {} AS {} ON {on}", key.child_name, step(number));
        }
        (joined, step(way.len() - 1))
    }

    /// That this transaction has locked a row.
    fn is_held(&self) -> String {
        format!("{}.xmax = pg_current_xact_id()::xid", self.alias)
    }

    /// The columns to which keys of members below refer, under names that clash with nothing.
    fn keys_below(&self, parent: Option<usize>, alias: &str) -> String {
        let below = self
            .family
            .members
            .iter()
            .filter(|member| member.parent == parent);
        let columns: BTreeSet<&str> = below
            .flat_map(|member| member.key.columns.iter().map(|pair| pair.parent.as_str()))
            .collect();
        let mut sql = String::new();
        for column in columns {
            let _ = write!(
                sql,
                ", {alias}.{} AS {}",
                QuotedIdent::new(column),
                key_name(column)
            );
        }
        sql
    }
}

/// The rows that a member hangs on; those of the table itself go by this name.
fn above(member: &Member<'_>, table: &str) -> String {
    member
        .parent
        .map_or_else(|| table.to_owned(), |parent| format!("g{parent}"))
}

fn key_name(column: &str) -> String {
    QuotedIdent::new(&format!("k_{column}")).to_string()
}
