//! Making what a schema lacks, in the order in which it would be made anew.

use std::collections::HashSet;

use super::Kind;
use super::diff::Comparison;
use super::late::Late;
use super::links::Links;
use super::mend::Work;
use super::object::{Address, Object};
use super::order::{Form, Step};
use super::script::written;
use super::way::Identity;

impl Work<'_> {
    /// What is expected and missing, or went, with all its parts and properties.
    pub(super) fn make_what_is_missing(&mut self, comparison: &Comparison<'_>) {
        let went = self.dropped.iter().filter_map(|dropped| {
            let object = &self.found.objects[*dropped];
            comparison
                .expected
                .get(&(object.kind, object.name.as_str()))
                .copied()
        });
        let (gone, renamed): (Vec<_>, Vec<_>) =
            (self.renamed.iter()).partition(|(found, _)| self.dropped.contains(found));
        let gone = gone.into_iter().map(|(_, expected)| *expected);
        let renamed: HashSet<usize> = renamed.into_iter().map(|(_, expected)| *expected).collect();
        let missing = comparison.missing.iter().copied();
        let missing = missing.filter(|index| {
            let object = &self.expected.objects[*index];
            let is_new = object.parent.is_none_or(|parent| {
                let mut objects = self.expected.objects.iter();
                let parent = objects.find(|candidate| candidate.address == Some(parent.whole()));
                parent.is_some_and(|parent| {
                    !comparison
                        .found
                        .contains_key(&(parent.kind, parent.name.as_str()))
                })
            });
            // A column that a child has from its parent comes with the parent's.
            let is_inherited = object.kind == Kind::Column && object.inline.is_none()
                || self.comes_from_a_parent(self.expected, *index, comparison);
            (is_new || !is_inherited) && !renamed.contains(index)
        });
        let links = Links::new(self.expected);
        let comes_with_its_type = |index: &usize| {
            let attribute = links.attribute_of(*index).map(|of| &self.expected.objects[of]);
            let table = links.parent(*index).map(|table| &self.expected.objects[table]);
            let is_found = |object: &Object| {
                comparison
                    .found
                    .contains_key(&(object.kind, object.name.as_str()))
            };
            attribute.is_some_and(|attribute| !is_found(attribute)) && table.is_some_and(is_found)
        };
        self.made = went
            .chain(missing)
            .chain(gone)
            .filter(|index| !comes_with_its_type(index))
            .collect();
        let parts: Vec<usize> = (0..self.expected.objects.len())
            .filter(|index| links.is_within(*index, &self.made))
            .collect();
        self.made.extend(parts);
        self.made.retain(|index| !self.stuck.contains_key(index));
    }

    /// The tables that are made with all that they hold. To others, columns are added as they have always been.
    pub(super) fn new_tables(&self) -> HashSet<Address> {
        let made = self.made.iter().map(|index| &self.expected.objects[*index]);
        made.filter(|object| matches!(object.kind, Kind::Table | Kind::ForeignTable))
            .filter_map(|object| object.address)
            .collect()
    }

    pub(super) fn make_in_order(&mut self, steps: &[Step], late: &Late) {
        let objects = &self.expected.objects;
        for step in steps {
            let object = &objects[step.object];
            if self.made.contains(&step.object) {
                let inlined = step
                    .inlined
                    .iter()
                    .filter(|index| !self.stuck.contains_key(index));
                let inlined: Vec<&Object> = inlined.map(|index| &objects[*index]).collect();
                if object.kind != Kind::Column || late.adds(object.address) {
                    let text = written(object, step.form, &inlined);
                    // Children of a table with late columns are no partitions, and say it of themselves.
                    let text = match late.last_of(object.parent.map(Address::whole)) {
                        Some(_) => text,
                        None => text.map(widened(object)),
                    };
                    self.mend.statements.extend(text);
                }
                if let (Kind::Identity, Some(identity)) = (object.kind, Identity::of(object)) {
                    self.mend.statements.extend(identity.go_on());
                }
                continue;
            }
            if step.form != Form::StandIn {
                let change = self.changes[step.object].take();
                self.mend.statements.extend(change);
            }
            self.make_parts(step);
        }
    }

    /// What is written inside an object that is there already.
    fn make_parts(&mut self, step: &Step) {
        let objects = &self.expected.objects;
        let mut parts = step.inlined.clone();
        parts.sort_by_key(|index| {
            let part = &objects[*index];
            (part.kind, part.position, &part.name)
        });
        let mut done: HashSet<usize> = HashSet::new();
        for index in &parts {
            let part = &objects[*index];
            if let Some(change) = self.changes[*index].take() {
                self.mend.statements.push(change);
            }
            if !self.made.contains(index) || !done.insert(*index) {
                continue;
            }
            let Some(mut text) = part.create.clone() else {
                continue;
            };
            match part.kind {
                Kind::EnumLabel => {
                    self.add_label(step.object, &parts, *index);
                    continue;
                }
                // Without tables of the type the word says nothing.
                Kind::Attribute => text.push_str(" CASCADE"),
                // With its properties, so that the rows that are there keep them.
                Kind::Column => {
                    for property in &parts {
                        let object = &objects[*property];
                        if let Some(inline) = object.inline.as_deref()
                            && object.parent == part.address
                            && !object.kind.is_part()
                        {
                            done.insert(*property);
                            text.push(' ');
                            text.push_str(inline);
                        }
                    }
                }
                _ => {}
            }
            self.mend.statements.push(widened(part)(text));
            if let (Kind::Identity, Some(identity)) = (part.kind, Identity::of(part)) {
                self.mend.statements.extend(identity.go_on());
            }
        }
    }

    /// A label stands after the one before it, which is there by then, or before the first that is there.
    fn add_label(&mut self, enumeration: usize, parts: &[usize], label: usize) {
        let objects = &self.expected.objects;
        let labels: Vec<usize> = parts
            .iter()
            .copied()
            .filter(|part| objects[*part].kind == Kind::EnumLabel)
            .collect();
        let at = labels.iter().position(|part| *part == label).unwrap_or(0);
        let word = |index: usize| objects[index].inline.clone().unwrap_or_default();
        let place = match at.checked_sub(1) {
            Some(before) => format!(" AFTER {}", word(labels[before])),
            None => labels
                .iter()
                .find(|other| !self.made.contains(other))
                .map(|other| format!(" BEFORE {}", word(*other)))
                .unwrap_or_default(),
        };
        let statement = format!("{}{place}", word(label));
        self.mend
            .labels
            .push((objects[enumeration].name.clone(), statement));
    }

    /// Materialized views are made without rows.
    pub(super) fn fill_views(&mut self) {
        for index in 0..self.expected.objects.len() {
            let object = &self.expected.objects[index];
            if object.kind != Kind::MaterializedView || !self.made.contains(&index) {
                continue;
            }
            let mut found = self.found.objects.iter();
            let was = found.any(|found| found.kind == object.kind && found.name == object.name);
            let contents = if was {
                &self.found.contents
            } else {
                &self.expected.contents
            };
            if contents.filled_views.contains(&object.name) {
                let statement = format!("REFRESH MATERIALIZED VIEW {}", object.name);
                self.mend.statements.push(statement);
            }
        }
    }
}

/// `NOT NULL` on a partitioned table has to hold in its partitions.
fn widened(object: &Object) -> impl Fn(String) -> String {
    let is_not_null = object.kind == Kind::NotNull;
    move |text| match is_not_null {
        true => text.replacen("ALTER TABLE ONLY ", "ALTER TABLE ", 1),
        false => text,
    }
}
