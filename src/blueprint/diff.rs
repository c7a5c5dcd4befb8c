//! What one schema lacks, has too much and has otherwise than another.
//!
//! PostgreSQL's words for a definition are no fixed point: some texts come out otherwise once they have been read
//! back. Where texts differ, [`Replayed`] decides: both schemas are made anew from their texts in a transaction that
//! is undone, and what is the same there is the same.

use std::collections::{HashMap, HashSet};

use super::object::{Address, Object};
use super::script::MEANING;
use super::text::with_name;
use super::{Blueprint, CannotCopy, Kind, ReadError, Shape, UnclearText, read_in_tx};
use crate::db::{self, SchemaName, Session, optional_limit_in_ms};

/// How an object departs from what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    Missing,
    Extra,
    Different,
}

impl Change {
    /// The word for people and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        }
    }
}

/// One object that departs from what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub change: Change,
    pub kind: Kind,
    name: String,
    expected: Option<String>,
    found: Option<String>,
}

impl Difference {
    /// The object's name in a schema of this name.
    pub fn name(&self, schema: &SchemaName) -> String {
        with_name(&self.name, schema)
    }

    /// The SQL that makes the object as it should be, in a schema of this name.
    pub fn expected(&self, schema: &SchemaName) -> Option<String> {
        self.expected.as_deref().map(|text| with_name(text, schema))
    }

    /// The SQL that makes the object as it is.
    pub fn found(&self, schema: &SchemaName) -> Option<String> {
        self.found.as_deref().map(|text| with_name(text, schema))
    }
}

/// An object's kind and name, which are its own in a schema.
pub(super) type Key<'a> = (Kind, &'a str);

/// The objects whose texts differ although they are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Same(HashSet<(Kind, String)>);

impl Same {
    fn holds(&self, key: Key<'_>) -> bool {
        !self.0.is_empty() && self.0.contains(&(key.0, key.1.to_owned()))
    }
}

/// Two schemas side by side.
pub(super) struct Comparison<'a> {
    pub(super) expected: HashMap<Key<'a>, usize>,
    pub(super) found: HashMap<Key<'a>, usize>,
    pub(super) missing: Vec<usize>,
    pub(super) extra: Vec<usize>,
    /// The object as expected, and as found.
    pub(super) different: Vec<(usize, usize)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(expected: &'a Blueprint, found: &'a Blueprint, same: &Same) -> Self {
        let (expected_keys, found_keys) = (keys(expected), keys(found));
        let (mut missing, mut different) = (Vec::new(), Vec::new());
        let [labels, attributes] =
            [Kind::EnumLabel, Kind::Attribute].map(|kind| out_of_order(expected, found, kind));
        for (index, object) in expected.objects.iter().enumerate() {
            let key = (object.kind, object.name.as_str());
            match found_keys.get(&key) {
                _ if object.create.is_none() => {}
                None => missing.push(index),
                Some(other) => {
                    let differs = match object.kind {
                        // A label's text tells its neighbours, which are labels of their own.
                        Kind::EnumLabel => labels.contains(object.name.as_str()),
                        kind => {
                            object.definition() != found.objects[*other].definition()
                                || kind == Kind::Attribute && attributes.contains(object.name.as_str())
                        }
                    };
                    if differs && !same.holds(key) {
                        different.push((index, *other));
                    }
                }
            }
        }
        let extra = found
            .objects
            .iter()
            .enumerate()
            .filter(|(_, object)| object.create.is_some())
            .filter(|(_, object)| !expected_keys.contains_key(&(object.kind, object.name.as_str())))
            .map(|(index, _)| index)
            .collect();
        Self {
            expected: expected_keys,
            found: found_keys,
            missing,
            extra,
            different,
        }
    }
}

fn keys(blueprint: &Blueprint) -> HashMap<Key<'_>, usize> {
    let objects = blueprint.objects.iter().enumerate();
    objects
        .map(|(index, object)| ((object.kind, object.name.as_str()), index))
        .collect()
}

/// Labels of enums or attributes of composite types that both have and that stand in another order.
fn out_of_order<'a>(expected: &'a Blueprint, found: &Blueprint, kind: Kind) -> HashSet<&'a str> {
    let (theirs, ours) = (in_order(found, kind), in_order(expected, kind));
    let mut out_of_order = HashSet::new();
    let (known, wanted): (HashSet<&str>, HashSet<&str>) =
        (theirs.iter().copied().collect(), ours.iter().copied().collect());
    let theirs = theirs.into_iter().filter(|label| wanted.contains(label));
    let ours = ours.into_iter().filter(|label| known.contains(label));
    for (wanted, label) in ours.zip(theirs) {
        if wanted != label {
            out_of_order.insert(wanted);
        }
    }
    out_of_order
}

/// All parts of this kind of all types, those of one type together and in their order.
fn in_order(blueprint: &Blueprint, kind: Kind) -> Vec<&str> {
    let types: HashMap<Address, &str> = blueprint
        .objects
        .iter()
        .filter(|object| object.kind == Kind::Type)
        .filter_map(|object| Some((object.address?, object.name.as_str())))
        .collect();
    let mut parts: Vec<(Option<&&str>, i32, &str)> = blueprint
        .objects
        .iter()
        .filter(|object| object.kind == kind)
        .map(|object| {
            let parent = object.parent.and_then(|parent| types.get(&parent));
            (parent, object.position, object.name.as_str())
        })
        .collect();
    parts.sort_unstable();
    parts.into_iter().map(|(_, _, name)| name).collect()
}

impl Blueprint {
    /// How `found` departs from this schema. What comes and goes with something that is listed is not listed itself.
    pub fn differences(&self, found: &Self, same: &Same) -> Vec<Difference> {
        let comparison = Comparison::new(self, found, same);
        let missing = outermost(self, &comparison.missing)
            .into_iter()
            .map(|object| Difference {
                change: Change::Missing,
                kind: object.kind,
                name: object.name.clone(),
                expected: Some(object.definition()),
                found: None,
            });
        let extra = outermost(found, &comparison.extra)
            .into_iter()
            .map(|object| Difference {
                change: Change::Extra,
                kind: object.kind,
                name: object.name.clone(),
                expected: None,
                found: Some(object.definition()),
            });
        let different = comparison.different.iter().map(|(wanted, found_as)| {
            let object = &self.objects[*wanted];
            Difference {
                change: Change::Different,
                kind: object.kind,
                name: object.name.clone(),
                expected: Some(object.definition()),
                found: Some(found.objects[*found_as].definition()),
            }
        });
        let mut differences: Vec<Difference> = missing.chain(extra).chain(different).collect();
        differences.sort_by(|one, other| {
            let key = |difference: &Difference| (difference.change, difference.kind);
            (key(one), &one.name).cmp(&(key(other), &other.name))
        });
        differences
    }

    /// Whether texts differ about which PostgreSQL may have changed its words.
    pub fn needs_replay(&self, found: &Self) -> bool {
        Comparison::new(self, found, &Same::default())
            .different
            .iter()
            .any(|(object, _)| self.objects[*object].kind.is_deparsed())
    }

    /// What is the same in `found` although the texts differ: one of them, made anew, comes out as the other, or both
    /// come out the same.
    pub fn same(&self, found: &Self, expected: &Replayed, replayed: &Replayed) -> Same {
        let different = Comparison::new(self, found, &Same::default()).different;
        let same = different.into_iter().filter_map(|(wanted, is)| {
            let object = &self.objects[wanted];
            let key = (object.kind, object.name.clone());
            let (one, other) = (expected.0.get(&key)?, replayed.0.get(&key)?);
            let is_same =
                one == other || *one == found.objects[is].definition() || *other == object.definition();
            is_same.then_some(key)
        });
        Same(same.collect())
    }

    /// Makes the schema anew, reads it and undoes all of it.
    pub async fn replay(
        &self,
        session: &mut Session,
        lock_timeout: std::time::Duration,
    ) -> Result<Replayed, ReplayError> {
        let script = self.script(Shape::Empty, UnclearText::Keep)?;
        let scratch = format!("tenantctl_scratch_{}", uuid::Uuid::new_v4().simple());
        let scratch = SchemaName::new(scratch).expect("letters and digits, short enough");
        let opening = format!(
            "BEGIN READ WRITE; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
             SET LOCAL client_min_messages = warning; SET LOCAL row_security = off; {MEANING} \
             CREATE SCHEMA {name}; SET LOCAL search_path = {name}, pg_catalog",
            optional_limit_in_ms(lock_timeout),
            name = scratch.quoted(),
        );
        let (transaction, _) = session.begin(&opening).await?;
        let result: Result<Self, ReplayError> = async {
            transaction.script(&script.sql(&scratch)).await?;
            Ok(read_in_tx(&transaction, &scratch).await?)
        }
        .await;
        transaction.rollback().await?;
        let objects = result?.objects.into_iter();
        Ok(Replayed(
            objects
                .map(|object| ((object.kind, object.name.clone()), object.definition()))
                .collect(),
        ))
    }
}

/// The texts of a schema that was made anew from its texts.
#[derive(Debug)]
pub struct Replayed(HashMap<(Kind, String), String>);

/// Why a schema could not be made anew.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{0}")]
    CannotCopy(#[from] CannotCopy),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl ReplayError {
    /// Whether it lies in the texts themselves, or in what the role may, and would be the same the next time.
    pub fn stays(&self) -> bool {
        match self {
            Self::CannotCopy(_) | Self::Read(ReadError::Unexpected(_)) => true,
            Self::Read(ReadError::Missing(_) | ReadError::Changing(_)) => false,
            Self::Read(ReadError::Sql(error)) | Self::Sql(error) => error.lies_in_the_statement(),
        }
    }
}

/// Those that hang on none of the others.
fn outermost<'a>(blueprint: &'a Blueprint, indices: &[usize]) -> Vec<&'a Object> {
    let objects = || indices.iter().map(|index| &blueprint.objects[*index]);
    let listed: HashSet<Address> = objects().filter_map(|object| object.address).collect();
    objects()
        .filter(|object| {
            !object.parent.is_some_and(|parent| {
                object.address != Some(parent)
                    && (listed.contains(&parent) || listed.contains(&parent.whole()))
            })
        })
        .collect()
}
