//! The statements that bring a schema back to what it should be.
//!
//! What has to go goes first, in the reverse of the order in which it was made, together with all that cannot stay
//! without it. Then `remake` makes the expected schema in its order, as far as it is not there. Nothing is dropped that
//! holds data unless that is allowed.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::diff::{Comparison, Same};
use super::late::Late;
use super::links::Links;
use super::object::{Address, Object};
use super::order::{self, Circle, Step};
use super::part_index::{bound, renamed};
use super::script::{MEANING, Shape};
use super::stuck::{Stuck, held};
use super::text::with_name;
use super::way::{Way, holds_data, rounds, way};
use super::{Blueprint, Kind};
use crate::db::SchemaName;

/// What becomes of tables and columns that should not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataLoss {
    /// They stay, and their statements are comments.
    Refuse,
    Allow,
}

/// Statements that mend a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mend {
    /// What is left to a person, and why.
    remarks: Vec<String>,
    /// New labels of enums, which can be used only when their transaction is over: type, and what follows `ADD VALUE`.
    pub(super) labels: Vec<(String, String)>,
    pub(super) statements: Vec<String>,
}

impl Mend {
    /// A script for psql, whose own transaction makes the changes all or none.
    pub fn sql(&self, schema: &SchemaName) -> String {
        let name = schema.quoted();
        let mut text = String::new();
        for remark in &self.remarks {
            for line in with_name(remark, schema).lines() {
                text.push_str(&format!("-- {line}\n"));
            }
        }
        for (kind, label) in &self.labels {
            text.push_str(&format!("ALTER TYPE {name}.{kind} ADD VALUE {label};\n"));
        }
        if self.statements.is_empty() {
            return text;
        }
        text.push_str(&format!(
            "BEGIN;\n\
             SET LOCAL search_path = {name}, pg_catalog;\n\
             {MEANING}"
        ));
        for statement in &self.statements {
            text.push_str(&with_name(statement, schema));
            text.push_str(";\n");
        }
        text.push_str("COMMIT;\n");
        text
    }
}

impl Blueprint {
    /// What makes `found` into this schema.
    pub fn mend(&self, found: &Self, same: &Same, loss: DataLoss) -> Result<Mend, Circle> {
        let comparison = Comparison::new(self, found, same);
        let mut stuck = Stuck::new();
        let mut work = loop {
            let mut work = Work::new(self, found, &comparison, stuck.clone(), loss);
            work.decide(&comparison);
            work.make_what_is_missing(&comparison);
            let known = stuck.len();
            for (index, reason) in work.more_stuck() {
                stuck.entry(index).or_insert(reason);
            }
            if stuck.len() == known {
                break work;
            }
        };
        work.say_what_is_stuck(&comparison);
        work.drop_what_must_go(&found.steps(&Late::default(), |_| true)?);
        work.rename_indexes();
        let late = self.late.among(&work.new_tables());
        let steps = self.steps(&late, |object| !work.made.contains(&object))?;
        work.make_in_order(&steps, &late);
        work.fill_views();
        Ok(work.mend)
    }

    fn steps(&self, late: &Late, is_there: impl Fn(usize) -> bool) -> Result<Vec<Step>, Circle> {
        order::order(
            &self.objects,
            &self.aliases,
            &self.dependencies,
            self.catalogs,
            late,
            Shape::Empty,
            is_there,
        )
    }
}

/// The statements while they are put together; what makes objects is in [`super::remake`].
pub(super) struct Work<'a> {
    pub(super) expected: &'a Blueprint,
    pub(super) found: &'a Blueprint,
    pub(super) links: Links,
    /// Of what is found.
    pub(super) dropped: HashSet<usize>,
    /// What should go and holds data.
    pub(super) kept: HashSet<usize>,
    /// What stays although something else would have it go.
    pub(super) held: HashSet<usize>,
    /// Indexes of partitions that do not go by themselves.
    bound: HashSet<usize>,
    /// Those of them that should go.
    left: Vec<usize>,
    /// Those of them that only have another name: as found, and as expected.
    pub(super) renamed: HashMap<usize, usize>,
    /// Of what is expected.
    pub(super) made: HashSet<usize>,
    /// What is expected and cannot be made.
    pub(super) stuck: Stuck,
    /// What turned out to be so while it was decided what goes.
    pub(super) blocked: Stuck,
    /// What changes an object that stays, for each expected one.
    pub(super) changes: Vec<Option<String>>,
    pub(super) mend: Mend,
    loss: DataLoss,
}

impl<'a> Work<'a> {
    fn new(
        expected: &'a Blueprint,
        found: &'a Blueprint,
        comparison: &Comparison<'_>,
        stuck: Stuck,
        loss: DataLoss,
    ) -> Self {
        Self {
            expected,
            found,
            links: Links::new(found),
            dropped: HashSet::new(),
            kept: HashSet::new(),
            held: held(expected, found, &stuck, comparison),
            bound: bound(found),
            left: Vec::new(),
            renamed: renamed(expected, found, comparison),
            made: HashSet::new(),
            stuck,
            blocked: Stuck::new(),
            changes: vec![None; expected.objects.len()],
            mend: Mend::default(),
            loss,
        }
    }

    /// Decides what goes and what is changed in its place. Tables first: where one stays, so does what belongs to it.
    fn decide(&mut self, comparison: &Comparison<'_>) {
        for table in &comparison.extra {
            if self.found.objects[*table].kind == Kind::Table {
                self.drop(*table);
            }
        }
        for (wanted, is) in &comparison.different {
            let (wanted, is) = (*wanted, *is);
            match way(&self.expected.objects[wanted], &self.found.objects[is]) {
                _ if self.stuck.contains_key(&wanted)
                    || self.comes_from_a_parent(self.expected, wanted, comparison)
                    || self.links.attribute_of(is).is_some()
                    || self.follows_its_table(is)
                    || self.renamed.contains_key(&is)
                    || self.renamed.values().any(|renamed| *renamed == wanted) => {}
                Way::Change(_) if self.is_attribute_in_use(is) => {
                    let name = &self.found.objects[is].name;
                    self.remark(format!(
                        "not mended, values of the type are stored: attribute {name}"
                    ));
                }
                Way::Change(change)
                    if self.loss != DataLoss::Allow
                        && rounds(&self.expected.objects[wanted], &self.found.objects[is]) =>
                {
                    self.remark(format!("loses data: {change};"));
                }
                Way::Change(change) => {
                    if matches!(self.expected.objects[wanted].kind, Kind::Column | Kind::Attribute) {
                        for blocker in self.blockers(is) {
                            self.drop_for(wanted, blocker);
                        }
                    }
                    self.changes[wanted] = Some(change);
                }
                Way::Anew => self.drop_for(wanted, is),
                Way::None(reason) => {
                    let object = &self.found.objects[is];
                    self.remark(format!("not mended, {reason}: {} {}", object.kind, object.name));
                }
            }
        }
        self.drop_what_is_extra(comparison);
        self.say_what_is_bound();
    }

    /// Tables and columns first: where they stay, so does what belongs to them.
    fn drop_what_is_extra(&mut self, comparison: &Comparison<'_>) {
        let mut extra: Vec<usize> = comparison.extra.clone();
        extra.retain(|index| !self.renamed.contains_key(index));
        let all: HashSet<usize> = extra.iter().copied().collect();
        extra.retain(|index| !self.links.is_within(*index, &all));
        extra.retain(|index| self.links.attribute_of(*index).is_none());
        extra.sort_by_key(|index| {
            let object = &self.found.objects[*index];
            !holds_data(object) && object.kind != Kind::Attribute
        });
        for extra in &extra {
            let object = &self.found.objects[*extra];
            let parent = self
                .links
                .parent(*extra)
                .map(|parent| &self.found.objects[parent]);
            let is_label = object.kind == Kind::EnumLabel
                && parent.is_some_and(|parent| {
                    comparison
                        .expected
                        .contains_key(&(parent.kind, parent.name.as_str()))
                });
            if is_label {
                let remark = format!(
                    "not mended, PostgreSQL removes no label: enum label {}",
                    object.name
                );
                self.remark(remark);
            } else if !self.comes_from_a_parent(self.found, *extra, comparison) {
                self.drop(*extra);
            }
        }
    }

    /// Lets an object go with all that cannot stay without it, unless data would go as well.
    pub(super) fn drop(&mut self, root: usize) {
        if self.bound.contains(&root) {
            self.left.push(root);
            return;
        }
        let falling = self.links.falling_with(root);
        if falling
            .iter()
            .any(|object| self.links.is_within(*object, &self.kept))
        {
            return;
        }
        let mut losses: Vec<usize> = falling
            .iter()
            .copied()
            .filter(|object| !self.links.is_within(*object, &falling))
            .filter(|object| {
                self.links
                    .attribute_of(*object)
                    .is_none_or(|of| !falling.contains(&of))
            })
            .filter(|object| {
                holds_data(&self.found.objects[*object])
                    || self.is_attribute_in_use(*object)
                    || self.counts_on(*object, &falling)
            })
            .collect();
        if losses.is_empty() || self.loss == DataLoss::Allow {
            if !self.is_held(root, &falling) {
                self.dropped.extend(falling);
            }
            return;
        }
        self.kept.insert(root);
        losses.sort_by_key(|object| {
            let object = &self.found.objects[*object];
            (object.kind, &object.name)
        });
        if !losses.contains(&root) {
            losses.push(root);
        }
        let remarks: Vec<String> = losses
            .iter()
            .filter_map(|object| Some(format!("loses data: {};", self.statement_to_drop(*object)?)))
            .collect();
        for remark in remarks {
            self.remark(remark);
        }
    }

    /// Where the index of the partitioned table does not go, those that belong to it do not either.
    fn say_what_is_bound(&mut self) {
        for index in std::mem::take(&mut self.left) {
            let is_within = |set: &HashSet<usize>| self.links.is_within(index, set);
            if !self.dropped.contains(&index) && !is_within(&self.kept) {
                let object = &self.found.objects[index];
                self.remark(format!(
                    "not mended, it belongs to an index of the partitioned table: {} {}",
                    object.kind, object.name
                ));
            }
        }
    }

    pub(super) fn remark(&mut self, remark: String) {
        if !self.mend.remarks.contains(&remark) {
            self.mend.remarks.push(remark);
        }
    }

    /// What keeps a column from changing its type.
    fn blockers(&self, column: usize) -> Vec<usize> {
        let dependents = self.links.dependents(column).iter().copied();
        dependents
            .filter(|dependent| {
                matches!(
                    self.found.objects[*dependent].kind,
                    Kind::View
                        | Kind::MaterializedView
                        | Kind::Rule
                        | Kind::Policy
                        | Kind::Trigger
                        | Kind::Function
                        | Kind::Procedure
                        | Kind::Column
                        | Kind::Default
                )
            })
            .collect()
    }

    fn is_attribute_in_use(&self, found: usize) -> bool {
        let objects = &self.found.objects;
        objects[found].kind == Kind::Attribute && self.links.is_stored(objects, found)
    }

    /// Whether the object is a sequence whose place would be lost: the column that it goes with stays and will not be
    /// numbered by another, or there is none.
    fn counts_on(&self, found: usize, falling: &HashSet<usize>) -> bool {
        let object = &self.found.objects[found];
        if object.kind != Kind::Sequence {
            return false;
        }
        let mut objects = self.found.objects.iter();
        let owner = objects.find(|owner| owner.kind == Kind::SequenceOwner && owner.name == object.name);
        let Some((_, column)) = owner
            .and_then(|owner| owner.create.as_deref())
            .and_then(|text| text.split_once(" OWNED BY "))
        else {
            return true;
        };
        let mut columns = self.found.objects.iter().enumerate();
        let goes = columns.any(|(index, object)| {
            let is_gone = |set: &HashSet<usize>| set.contains(&index) || self.links.is_within(index, set);
            object.kind == Kind::Column
                && object.name == column
                && [&self.dropped, &self.kept, falling].into_iter().any(is_gone)
        });
        let mut numbered = self.expected.objects.iter();
        !goes && !numbered.any(|object| object.kind == Kind::Identity && object.name == column)
    }

    /// A sequence that goes with a column changes its owner with the table.
    fn follows_its_table(&self, found: usize) -> bool {
        let object = &self.found.objects[found];
        object.kind == Kind::Owner
            && self.links.parent(found).is_some_and(|sequence| {
                let dependents = self.links.dependents(sequence).iter();
                self.found.objects[sequence].kind == Kind::Sequence
                    && dependents
                        .map(|dependent| &self.found.objects[*dependent])
                        .any(|dependent| dependent.kind == Kind::SequenceOwner)
            })
    }

    /// Whether something of a partition or child comes with its parent's, to which the same is to be done.
    pub(super) fn comes_from_a_parent(
        &self,
        blueprint: &Blueprint,
        index: usize,
        comparison: &Comparison<'_>,
    ) -> bool {
        let object = &blueprint.objects[index];
        let Some(table) = object.parent.map(Address::whole) else {
            return false;
        };
        let objects = || blueprint.objects.iter();
        let name_of = |table| objects().find(|object| object.address == Some(table));
        let Some(own_table) = name_of(table) else {
            return false;
        };
        let same_of = |parent: &str| match object.kind {
            Kind::Column | Kind::NotNull => {
                let column = object.name.strip_prefix(&own_table.name)?;
                Some(format!("{parent}{column}"))
            }
            Kind::Check => {
                let constraint = object.name.strip_suffix(&own_table.name)?;
                Some(format!("{constraint}{parent}"))
            }
            _ => None,
        };
        let has_changed = |name: &str| {
            let key = (object.kind, name);
            match (comparison.expected.get(&key), comparison.found.get(&key)) {
                (Some(wanted), Some(is)) => {
                    self.expected.objects[*wanted].definition() != self.found.objects[*is].definition()
                }
                (None, None) => false,
                _ => true,
            }
        };
        objects()
            .filter(|join| matches!(join.kind, Kind::Partition | Kind::Inheritance))
            .filter(|join| join.parent == Some(table))
            .filter_map(|join| same_of(&name_of(join.needs?)?.name))
            .any(|name| has_changed(&name))
    }

    fn drop_what_must_go(&mut self, steps: &[Step]) {
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let objects = std::iter::once(step.object).chain(step.inlined.iter().copied());
            order.extend(
                objects
                    .filter(|object| self.dropped.contains(object))
                    .map(|object| (at, object)),
            );
        }
        order.sort_by_key(|(at, index)| {
            let object = &self.found.objects[*index];
            let is_generated = object.kind == Kind::Column && object.change.is_none();
            Reverse((*at, object.kind, is_generated, object.position))
        });
        let mut done = HashSet::new();
        for (_, index) in order {
            if done.insert(index)
                && !self.links.is_within(index, &self.dropped)
                && !self.goes_with_its_index(index)
                && self
                    .links
                    .attribute_of(index)
                    .is_none_or(|of| !self.dropped.contains(&of))
            {
                let statement = self.statement_to_drop(index);
                self.mend.statements.extend(statement);
            }
        }
    }

    /// Whether an index belongs to one of the partitioned table that goes and takes it along.
    fn goes_with_its_index(&self, index: usize) -> bool {
        let object = &self.found.objects[index];
        let own = [object.address, object.alias];
        let is_one = |object: &Object, address| [object.address, object.alias].contains(&address);
        matches!(object.kind, Kind::Index | Kind::Constraint)
            && self.found.objects.iter().any(|join| {
                let mut dropped = self.dropped.iter().map(|dropped| &self.found.objects[*dropped]);
                join.kind == Kind::IndexPartition
                    && own.contains(&join.parent)
                    && join.needs.is_some()
                    && dropped.any(|dropped| is_one(dropped, join.needs))
            })
    }

    /// A sequence may be gone already with the column that it went with.
    fn statement_to_drop(&self, found: usize) -> Option<String> {
        let object = &self.found.objects[found];
        let drop = object.drop.clone().or_else(|| match object.kind {
            Kind::Table => Some(format!("DROP TABLE {}", object.name)),
            Kind::ForeignTable => Some(format!("DROP FOREIGN TABLE {}", object.name)),
            _ => None,
        })?;
        Some(match object.kind {
            Kind::Sequence => drop.replacen("DROP SEQUENCE ", "DROP SEQUENCE IF EXISTS ", 1),
            // Its partitions have it from a partitioned table.
            Kind::NotNull => drop.replacen("ALTER TABLE ONLY ", "ALTER TABLE ", 1),
            Kind::Attribute if self.links.is_of_tables(found) => drop + " CASCADE",
            _ => drop,
        })
    }
}
