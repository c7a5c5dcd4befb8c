//! What a schema's tables are like, as far as retention has to know.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::db::{QuotedIdent, SchemaName, Session, Type};

/// The tables of the policies, those whose rows go along with theirs, and the keys between them.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Shape {
    /// Whether there is such a schema at all.
    #[serde(default)]
    pub(super) is_there: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) tables: Vec<Table>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) keys: Vec<Key>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Table {
    pub(super) oid: i64,
    schema: String,
    pub(super) name: String,
    /// Schema and name, quoted.
    pub(super) full_name: String,
    /// As people know it: its name, with its schema where that is not the tenant's.
    pub(super) told: String,
    pub(super) kind: String,
    /// The only column of the key by which it has partitions for ranges.
    pub(super) range_key: Option<String>,
    /// Whether rows go along by a key to one of its partitions or heirs alone.
    pub(super) is_referred_to_in_part: bool,
    /// Whether a trigger looks at rows that are deleted.
    pub(super) watches_deletes: bool,
    /// Whether a trigger or a rule may keep rows from being deleted.
    pub(super) may_keep_rows: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    columns: Vec<Column>,
    pub(super) units: Vec<Unit>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type as it is written in SQL.
    pub(super) r#type: String,
    /// The same without what a domain adds.
    pub(super) base: String,
    length: i32,
    pub(super) indexed: bool,
}

/// What holds rows: a table, a partition of one or an heir.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Unit {
    pub(super) full_name: String,
    pub(super) kind: String,
    /// Whether it inherits from the table without being a part of it. Keys to the table are not about its rows.
    pub(super) is_heir: bool,
    pub(super) blocks: u64,
    /// An estimate; less than nothing where there is none.
    pub(super) rows: f64,
    /// The partition right below the root that this one is or belongs to.
    pub(super) top_name: Option<String>,
    /// Whether that one's range ends anywhere.
    pub(super) has_end: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    pub(super) child: i64,
    /// As it is read from: without those who inherit from it.
    pub(super) child_name: String,
    pub(super) parent: i64,
    on_delete: char,
    pub(super) columns: Vec<Pair>,
}

/// A column of a key's child with the parent's, and how they are compared.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pair {
    child: String,
    pub(super) parent: String,
    operator: String,
    collation: String,
}

/// What the server has been told to do with rows that refer to one that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDelete {
    Cascade,
    /// They lose the reference.
    Forget,
    /// They keep it from going.
    Restrict,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Shape {
    /// Reads those of several schemas from the catalogs, in their order. To plan the question takes the server longer
    /// than to answer it for one.
    pub(super) async fn read(
        session: &Session,
        schemas: &[&SchemaName],
        tables: &[String],
    ) -> anyhow::Result<Vec<Self>> {
        let schemas: Vec<&str> = schemas.iter().map(|schema| schema.as_str()).collect();
        let rows = session
            .query(
                include_str!("sql/shape.sql"),
                &[(&schemas, Type::TEXT_ARRAY), (&tables, Type::TEXT_ARRAY)],
            )
            .await?;
        let shapes = rows
            .iter()
            .map(|row| serde_json::from_value(row.get::<_, serde_json::Value>(1)));
        Ok(shapes.collect::<Result<_, _>>()?)
    }

    /// A table of the schema itself; those of others only take part as children.
    pub(super) fn table(&self, schema: &SchemaName, name: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.name == name && table.schema == schema.as_str())
    }

    pub(super) fn by_oid(&self, oid: i64) -> Option<&Table> {
        self.tables.iter().find(|table| table.oid == oid)
    }

    /// The keys that refer to a table.
    pub(super) fn keys_to(&self, parent: i64) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.parent == parent)
    }
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// As its rows are reached that keys of its own are about: without those who inherit from it.
    pub(super) fn own_rows(&self) -> String {
        match self.kind.as_str() {
            "p" => self.full_name.clone(),
            _ => format!("ONLY {}", self.full_name),
        }
    }

    /// An expression for the bytes of a row. What is stored aside counts and is not fetched for it.
    pub(super) fn bytes_of(&self, alias: &str) -> String {
        /// The head of a row, and what leads to it.
        const HEAD: i32 = 28;
        let fixed: i32 = self.columns.iter().map(|column| column.length.max(0)).sum();
        let mut sum = (HEAD + fixed).to_string();
        for column in self.columns.iter().filter(|column| column.length < 0) {
            let name = QuotedIdent::new(&column.name);
            let _ = write!(sum, " + coalesce(pg_column_size({alias}.{name}), 0)");
        }
        sum
    }
}

impl Key {
    pub(super) fn on_delete(&self) -> OnDelete {
        match self.on_delete {
            'c' => OnDelete::Cascade,
            'n' | 'd' => OnDelete::Forget,
            _ => OnDelete::Restrict,
        }
    }

    /// Whether it is enough that rows which refer to one that goes are gone with it in the end.
    pub(super) fn looks_at_the_end(&self) -> bool {
        self.on_delete == 'a'
    }

    /// That a row of the child refers to one of the parent.
    pub(super) fn join(&self, child: &str, parent: impl Fn(&str) -> String) -> String {
        let pairs = self.columns.iter().map(|pair| {
            let (own, parent) = (QuotedIdent::new(&pair.child), parent(&pair.parent));
            format!("{parent} {} {child}.{own}{}", pair.operator, pair.collation)
        });
        pairs.collect::<Vec<_>>().join(" AND ")
    }
}
