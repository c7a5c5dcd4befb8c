//! A definition that was read, kept as text for as long as nothing changes that it was read from: most tenants are made
//! from a template that nobody has touched since the last one.
//!
//! What counts is the schema's stamp, and what is around the schema: roles, default privileges, the server. A schema that
//! needs others, or things of extensions, is not kept, for these may change without it.

use std::hash::{DefaultHasher, Hash, Hasher};

use futures_util::future::try_join3;
use serde::{Deserialize, Serialize};

use super::Blueprint;
use super::catalog::{INVENTORY, LIMITS, OF_ONE_SCHEMA, SETTINGS, SOURCES};
use super::inventory::Inventory;
use super::macros::{Names, Writer};
use super::read::{ReadError, in_words, inventory_of, questions};
use super::stamp;
use crate::db::{self, SchemaName, Session};

/// Counts up when the same answers of the catalogs become another blueprint.
const FORM: u32 = 3;

#[derive(Serialize, Deserialize)]
struct Kept<B> {
    reader: String,
    around: String,
    version: i32,
    blueprint: B,
}

/// What a definition says that is not in its schema, as it was before that was read: whatever changes in between, is kept
/// as it was and found to be of another time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    around: String,
    version: i32,
}

/// What is around a schema that is about to be read.
pub async fn surroundings(session: &mut Session, schema: &SchemaName) -> Result<Surroundings, ReadError> {
    let (transaction, _) = session.begin("BEGIN READ ONLY").await?;
    let asked = async {
        let inventory = inventory_of(&transaction, schema).await?;
        Ok::<_, ReadError>(around(&transaction, &inventory).await?)
    }
    .await;
    transaction.end(asked).await
}

/// The blueprint as a text to keep; `None` where it must be read each time.
pub fn kept(surroundings: &Surroundings, blueprint: &Blueprint) -> Option<String> {
    if !blueprint.may_be_kept {
        return None;
    }
    let Surroundings { around, version } = surroundings.clone();
    let kept = Kept {
        reader: reader(version),
        around,
        version,
        blueprint,
    };
    serde_json::to_string(&kept).ok()
}

/// The blueprint that was kept, where it would be read in the same way again.
pub async fn restored(session: &mut Session, text: &str) -> Result<Option<Blueprint>, db::Error> {
    let Some(kept) = understood(text) else {
        tracing::debug!("another program has kept the definition");
        return Ok(None);
    };
    let mut blueprint = kept.blueprint;
    let (transaction, _) = session
        .begin(&format!("BEGIN READ ONLY; {SETTINGS} {OF_ONE_SCHEMA}"))
        .await?;
    let asked = async {
        let inventory = Inventory::take(&transaction, vec![blueprint.oid]).await?;
        let path = String::new();
        let params = inventory.params(&path);
        let stamp = stamp::query(&inventory);
        let limits = Writer::new(kept.version, Names::Relative, &inventory).expand(LIMITS);
        try_join3(
            transaction.query(&stamp, &params),
            transaction.query(&limits, &params),
            around(&transaction, &inventory),
        )
        .await
    }
    .await;
    let (stamp, limits, now) = transaction.end(asked).await?;
    let stamp = stamp.first().map(|row| row.get::<_, String>(0));
    (blueprint.refused, blueprint.notes) = in_words(&limits);
    let is_same = stamp.is_some_and(|stamp| stamp == blueprint.stamp)
        && (now.around, now.version) == (kept.around, kept.version);
    if !is_same {
        tracing::debug!("the definition that is kept is of another time");
    }
    Ok(is_same.then_some(blueprint))
}

/// A text that this program has written.
fn understood(text: &str) -> Option<Kept<Blueprint>> {
    /// Another program's blueprint may look otherwise.
    #[derive(Deserialize)]
    struct Sender {
        reader: String,
        version: i32,
    }
    let sender: Sender = serde_json::from_str(text).ok()?;
    (sender.reader == reader(sender.version)).then(|| serde_json::from_str(text).ok())?
}

/// Who reads, and what it asks a server of this version.
fn reader(version: i32) -> String {
    let mut hasher = DefaultHasher::new();
    for question in questions(version) {
        question.hash(&mut hasher);
    }
    // Where parts of the questions are left out counts as well.
    for sql in SOURCES.iter().map(|source| source.sql).chain([INVENTORY]) {
        sql.hash(&mut hasher);
    }
    format!("{}/{FORM}/{:x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// What is around what is in a schema.
async fn around(session: &Session, inventory: &Inventory) -> Result<Surroundings, db::Error> {
    let path = String::new();
    let params = inventory.params(&path);
    let answer = session.query(include_str!("sql/around.sql"), &params).await?;
    let (around, version) = answer
        .first()
        .map_or_else(Default::default, |row| (row.get(0), row.get(1)));
    Ok(Surroundings { around, version })
}

/// A map whose keys are no texts, as pairs.
pub(super) mod pairs {
    use std::collections::HashMap;
    use std::hash::Hash;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &HashMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(in super::super) fn deserialize<
        'de,
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    >(
        deserializer: D,
    ) -> Result<HashMap<K, V>, D::Error> {
        let pairs = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

/// The name of the schema, as a text.
pub(super) mod name {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::db::SchemaName;

    pub(in super::super) fn serialize<S: Serializer>(
        name: &SchemaName,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SchemaName, D::Error> {
        SchemaName::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_asks_otherwise_is_another() {
        let known: Vec<String> = questions(180_000).collect();
        for part in [
            "aclexplode",
            "pg_default_acl",
            "inhparent",
            "pg_extension",
            "conkey",
        ] {
            assert!(known.iter().any(|question| question.contains(part)), "{part}");
        }
        assert_ne!(reader(140_000), reader(180_000));
        assert_eq!(reader(150_000), reader(150_000));
    }
}
