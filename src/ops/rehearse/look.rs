//! What a migration does to tables: the locks that it takes, what it writes anew, the indexes that it builds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::db::{self, Db, Row, SchemaName, Session, SessionError, Type};

/// The modes of locks on tables from the weakest up, as the catalogs name them and as the manual does.
const MODES: [(&str, &str); 8] = [
    ("AccessShareLock", "ACCESS SHARE"),
    ("RowShareLock", "ROW SHARE"),
    ("RowExclusiveLock", "ROW EXCLUSIVE"),
    ("ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"),
    ("ShareLock", "SHARE"),
    ("ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"),
    ("ExclusiveLock", "EXCLUSIVE"),
    ("AccessExclusiveLock", "ACCESS EXCLUSIVE"),
];

/// How much a lock on a table keeps others from, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(usize);

impl Mode {
    pub const ACCESS_SHARE: Self = Self(0);
    pub const ROW_EXCLUSIVE: Self = Self(2);
    pub const SHARE_UPDATE_EXCLUSIVE: Self = Self(3);
    pub const ACCESS_EXCLUSIVE: Self = Self(7);

    fn named(name: &str) -> Option<Self> {
        MODES.iter().position(|(known, _)| *known == name).map(Self)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MODES[self.0].1)
    }
}

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Tables that were there before, each with its strongest lock. Those of other schemas are named with these.
    pub locks: Vec<TableLock>,
    /// Those of them that were written anew, or emptied.
    pub rewritten: Vec<String>,
    /// Indexes on them that were built.
    pub indexes: Vec<String>,
}

/// A lock on a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLock {
    pub table: String,
    pub mode: Mode,
    /// How many rows the original has, as far as that is known.
    pub rows: Option<u64>,
}

/// A relation of a schema.
#[derive(Debug, Clone)]
struct Relation {
    name: String,
    kind: Kind,
    /// Where its contents are kept; another one means that they were written anew.
    file: u32,
    /// The table that an index is on.
    table: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    Index,
}

/// The relations of a schema at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture(HashMap<u32, Relation>);

impl Picture {
    pub(super) async fn take(session: &Session, schema: &SchemaName) -> Result<Self, db::Error> {
        const STATEMENT: &str = include_str!("sql/relations.sql");
        let rows = session
            .query(STATEMENT, &[(&schema.as_str(), Type::TEXT)])
            .await?;
        let relation = |row: &Row| {
            let table: Option<u32> = row.get(3);
            Relation {
                name: row.get(1),
                kind: if table.is_some() { Kind::Index } else { Kind::Table },
                file: row.get(2),
                table,
            }
        };
        Ok(Self(rows.iter().map(|row| (row.get(0), relation(row))).collect()))
    }
}

/// The locks that a session was seen to hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Locks(BTreeMap<u32, Held>);

#[derive(Debug, Clone)]
struct Held {
    mode: Mode,
    /// The schema and the name; `None` where the relation is no longer there, or not yet.
    name: Option<(String, String)>,
}

impl Locks {
    /// Adds what a session holds now. Nothing is told of PostgreSQL's own tables.
    pub(super) async fn look(&mut self, session: &Session, pid: i32) -> Result<(), db::Error> {
        const STATEMENT: &str = include_str!("sql/locks.sql");
        for row in session.query(STATEMENT, &[(&pid, Type::INT4)]).await? {
            let Some(mode) = Mode::named(row.get(1)) else {
                continue;
            };
            let name = row.get::<_, Option<String>>(2).zip(row.get(3));
            let held = self.0.entry(row.get(0)).or_insert_with(|| Held {
                mode,
                name: name.clone(),
            });
            held.mode = held.mode.max(mode);
            held.name = held.name.take().or(name);
        }
        Ok(())
    }

    /// What the transaction has changed outside of the schema, in words.
    pub(super) async fn changes_outside(
        &self,
        db: &Db,
        transaction: &Session,
        schema: &SchemaName,
        before: &Picture,
    ) -> Result<Vec<String>, SessionError> {
        const CHANGED: &str = include_str!("sql/changes_outside.sql");
        const REMOVED: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) \
                               FROM pg_catalog.pg_class AS c \
                               JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                               WHERE c.oid = ANY ($1) AND n.nspname <> $2 \
                               AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_')";
        let mut there = Vec::new();
        let mut made_anew = Vec::new();
        let mut gone = Vec::new();
        for (oid, held) in &self.0 {
            match &held.name {
                Some((place, _)) if place != schema.as_str() && held.mode >= Mode::ROW_EXCLUSIVE => {
                    there.push(*oid);
                    made_anew.extend((held.mode == Mode::ACCESS_EXCLUSIVE).then_some(*oid));
                }
                None if !before.0.contains_key(oid) => gone.push(*oid),
                _ => {}
            }
        }
        let mut changed = Vec::new();
        if !there.is_empty() {
            let params: [db::Param<'_>; 2] = [(&there, Type::OID_ARRAY), (&made_anew, Type::OID_ARRAY)];
            changed.extend(transaction.query(CHANGED, &params).await?);
        }
        if !gone.is_empty() {
            // Most are of the transaction's own making. What another session still sees was there before.
            let other = db.apart(&[]).await?;
            let params: [db::Param<'_>; 2] = [(&gone, Type::OID_ARRAY), (&schema.as_str(), Type::NAME)];
            changed.extend(other.query(REMOVED, &params).await?);
        }
        Ok(changed.iter().map(|row| row.get(0)).collect())
    }
}

/// Puts together what happened between two moments. `rows` are those of the original by table.
pub(super) fn seen(
    schema: &SchemaName,
    (before, after): (&Picture, &Picture),
    locks: &Locks,
    rows: &HashMap<String, u64>,
    concurrently: bool,
) -> Seen {
    let (Picture(before), Picture(after)) = (before, after);
    let is_new_file = |oid: &u32| {
        let old = before.get(oid).map(|old| old.file);
        after.get(oid).filter(|new| old != Some(new.file))
    };
    let known_tables = before.iter().filter(|(_, known)| known.kind == Kind::Table);
    let rewritten: BTreeMap<u32, String> = known_tables
        .filter(|(oid, _)| is_new_file(oid).is_some())
        .map(|(oid, known)| (*oid, known.name.clone()))
        .collect();
    let built: Vec<&Relation> = after
        .keys()
        .filter_map(is_new_file)
        .filter(|new| new.kind == Kind::Index && new.table.is_some_and(|table| before.contains_key(&table)))
        .collect();

    let mut strongest: BTreeMap<String, Mode> = BTreeMap::new();
    let mut add = |name: String, mode: Mode| {
        let known = strongest.entry(name).or_insert(mode);
        *known = mode.max(*known);
    };
    for (oid, held) in &locks.0 {
        match (before.get(oid), &held.name) {
            (Some(known), _) if known.kind == Kind::Table => add(known.name.clone(), held.mode),
            (None, Some((place, name))) if place != schema.as_str() => {
                add(format!("{place}.{name}"), held.mode);
            }
            _ => {}
        }
    }
    // A look may come too late for a short statement; what it has done tells its lock as well.
    for name in rewritten.values() {
        add(name.clone(), Mode::ACCESS_EXCLUSIVE);
    }
    if concurrently {
        let tables: BTreeSet<u32> = built.iter().filter_map(|index| index.table).collect();
        for table in tables.iter().filter_map(|oid| before.get(oid)) {
            add(table.name.clone(), Mode::SHARE_UPDATE_EXCLUSIVE);
        }
    }
    let mut locks: Vec<TableLock> = strongest
        .into_iter()
        .map(|(table, mode)| TableLock {
            rows: rows.get(&table).copied(),
            table,
            mode,
        })
        .collect();
    locks.sort_by(|one, other| other.mode.cmp(&one.mode).then(one.table.cmp(&other.table)));
    let mut rewritten: Vec<String> = rewritten.into_values().collect();
    rewritten.sort_unstable();
    let mut indexes: Vec<String> = built.into_iter().map(|index| index.name.clone()).collect();
    indexes.sort_unstable();
    Seen {
        locks,
        rewritten,
        indexes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, file: u32, table: Option<u32>) -> Relation {
        Relation {
            name: name.to_owned(),
            kind: if table.is_some() { Kind::Index } else { Kind::Table },
            file,
            table,
        }
    }

    fn picture(relations: &[(u32, Relation)]) -> Picture {
        Picture(relations.iter().cloned().collect())
    }

    type Place<'a> = Option<(&'a str, &'a str)>;

    fn locks(held: &[(u32, Mode, Place<'_>)]) -> Locks {
        let held = held.iter().map(|(oid, mode, name)| {
            let name = name.map(|(place, name)| (place.to_owned(), name.to_owned()));
            (*oid, Held { mode: *mode, name })
        });
        Locks(held.collect())
    }

    fn schema() -> SchemaName {
        SchemaName::new("aside").expect("a name")
    }

    #[test]
    fn the_strongest_locks_come_first_and_new_tables_do_not_count() {
        let before = picture(&[(1, relation("users", 1, None)), (2, relation("orders", 2, None))]);
        let mut after = before.clone();
        after.0.insert(3, relation("invoices", 3, None));
        let held = locks(&[
            (1, Mode(0), Some(("aside", "users"))),
            (2, Mode::ACCESS_EXCLUSIVE, None),
            (3, Mode::ACCESS_EXCLUSIVE, Some(("aside", "invoices"))),
            (4, Mode(5), Some(("public", "plans"))),
        ]);
        let rows = HashMap::from([("users".to_owned(), 7)]);
        let seen = seen(&schema(), (&before, &after), &held, &rows, false);
        let shown: Vec<String> = seen
            .locks
            .iter()
            .map(|lock| format!("{} {} {:?}", lock.table, lock.mode, lock.rows))
            .collect();
        assert_eq!(
            shown,
            [
                "orders ACCESS EXCLUSIVE None",
                "public.plans SHARE ROW EXCLUSIVE None",
                "users ACCESS SHARE Some(7)"
            ]
        );
    }

    #[test]
    fn what_was_written_anew_or_built_tells_its_lock() {
        let before = picture(&[(1, relation("users", 1, None)), (2, relation("orders", 2, None))]);
        let after = picture(&[
            (1, relation("users", 9, None)),
            (2, relation("orders", 2, None)),
            (3, relation("orders_at", 3, Some(2))),
        ]);
        let seen = seen(
            &schema(),
            (&before, &after),
            &Locks::default(),
            &HashMap::new(),
            true,
        );
        assert_eq!(seen.rewritten, ["users"]);
        assert_eq!(seen.indexes, ["orders_at"]);
        let modes: Vec<Mode> = seen.locks.iter().map(|lock| lock.mode).collect();
        assert_eq!(modes, [Mode::ACCESS_EXCLUSIVE, Mode::SHARE_UPDATE_EXCLUSIVE]);
    }
}
