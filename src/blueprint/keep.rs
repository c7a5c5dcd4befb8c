//! A definition that was read, kept as text for as long as nothing changes that it was read from: most tenants are made
//! from a template that nobody has touched since the last one.
//!
//! What counts is the schema's stamp, and what is around the schema: roles, default privileges, the server. A schema that
//! needs others, or things of extensions, is not kept, for these may change without it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use futures_util::future::try_join3;
use serde::{Deserialize, Serialize};

use super::Blueprint;
use super::catalog::{ALIASES, DEPENDENCIES, INVENTORY, LIMITS, OF_ONE_SCHEMA, ROWS, SETTINGS, SOURCES};
use super::inventory::Inventory;
use super::macros::{Names, expand};
use super::read::in_words;
use super::stamp;
use crate::db::{self, Session, Type};

/// Counts up when the same answers of the catalogs become another blueprint.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept<B> {
    reader: String,
    around: String,
    version: i32,
    blueprint: B,
}

/// The blueprint as a text to keep; `None` where it must be read each time.
pub async fn kept(session: &Session, blueprint: &Blueprint) -> Result<Option<String>, db::Error> {
    if !blueprint.may_be_kept {
        return Ok(None);
    }
    let (around, version) = around(session, blueprint).await?;
    let reader = reader();
    let kept = Kept {
        reader,
        around,
        version,
        blueprint,
    };
    Ok(serde_json::to_string(&kept).ok())
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
        let limits = expand(LIMITS, kept.version, Names::Relative);
        try_join3(
            transaction.query(&stamp, &params),
            transaction.query(&limits, &params),
            around(&transaction, &blueprint),
        )
        .await
    }
    .await;
    let (stamp, limits, around) = transaction.end(asked).await?;
    let stamp = stamp.first().map(|row| row.get::<_, String>(0));
    (blueprint.refused, blueprint.notes) = in_words(&limits);
    let is_same =
        stamp.is_some_and(|stamp| stamp == blueprint.stamp) && around == (kept.around, kept.version);
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
    }
    let sender: Sender = serde_json::from_str(text).ok()?;
    (sender.reader == reader()).then(|| serde_json::from_str(text).ok())?
}

/// Who reads, and what it asks.
fn reader() -> String {
    let mut hasher = DefaultHasher::new();
    for sql in [INVENTORY, LIMITS, ROWS, ALIASES, DEPENDENCIES] {
        sql.hash(&mut hasher);
    }
    for source in SOURCES {
        source.sql.hash(&mut hasher);
    }
    format!("{}/{FORM}/{:x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// What a blueprint says that is not in its schema, and the server's version.
async fn around(session: &Session, blueprint: &Blueprint) -> Result<(String, i32), db::Error> {
    let rows: BTreeSet<(u32, u32)> = blueprint
        .objects
        .iter()
        .chain(&blueprint.resets)
        .filter_map(|object| object.address)
        .map(|address| (address.class, address.id))
        .collect();
    let classes: BTreeSet<u32> = rows.iter().map(|(class, _)| *class).collect();
    let classes: Vec<u32> = classes.into_iter().collect();
    let ids: Vec<u32> = rows.into_iter().map(|(_, id)| id).collect();
    let params: [db::Param<'_>; 2] = [(&classes, Type::OID_ARRAY), (&ids, Type::OID_ARRAY)];
    let answer = session.query(include_str!("sql/around.sql"), &params).await?;
    Ok(answer
        .first()
        .map_or_else(Default::default, |row| (row.get(0), row.get(1))))
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
