//! Reading a schema's definition: a fixed number of queries, sent one behind the other without waiting for answers.

use futures_util::future::{join, try_join_all};
use serde_json::Value;

use super::catalog::{
    ALIASES, DEPENDENCIES, Extras, LIMITS, ROWS, SOURCES, STAMP, Source, expand, extras, resets,
};
use super::object::{Address, List, Object};
use super::order::{Catalogs, Dependency};
use super::rows::Contents;
use super::settle::{repeatable, settled};
use super::text::{self, Rewritten};
use super::{Blueprint, Kind};
use crate::db::{self, QuotedText, Row, SchemaName, Session, Transaction, Type};

/// Why a schema's definition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("schema `{0}` does not exist")]
    Missing(SchemaName),
    #[error("schema `{0}` was changed while it was being read")]
    Changing(SchemaName),
    #[error("the catalogs answered with something unexpected: {0}")]
    Unexpected(String),
    #[error("{0}")]
    Sql(#[from] db::Error),
}

/// How often a schema that changes meanwhile is read anew.
const ATTEMPTS: usize = 3;

/// Reads a schema in a snapshot of its own.
///
/// PostgreSQL's deparsers look at the catalogs as they are and not as the snapshot has them. So the schema's stamp is
/// taken before and after: when it is the same, nothing changed in between.
pub async fn read(session: &mut Session, schema: &SchemaName) -> Result<Blueprint, ReadError> {
    for _ in 0..ATTEMPTS {
        let (transaction, _) = session
            .begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let result = read_in_tx(&transaction, schema).await;
        let blueprint = transaction.end(result).await?;
        let rows = session
            .query(STAMP, &[(&vec![blueprint.oid], Type::OID_ARRAY)])
            .await?;
        if rows
            .first()
            .is_some_and(|row| row.get::<_, String>(0) == blueprint.stamp)
        {
            return Ok(blueprint);
        }
    }
    Err(ReadError::Changing(schema.clone()))
}

/// Reads a schema within the caller's transaction, whose search path it leaves changed.
pub async fn read_in_tx(transaction: &Transaction<'_>, schema: &SchemaName) -> Result<Blueprint, ReadError> {
    let opening = format!(
        "SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = 0; SET LOCAL jit = off; \
         SET LOCAL datestyle = iso; SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 1; \
         SET LOCAL standard_conforming_strings = on; SET LOCAL quote_all_identifiers = off; \
         SELECT oid, current_setting('server_version_num'), current_user FROM pg_namespace WHERE nspname = {}",
        QuotedText::new(schema.as_str()),
    );
    let answers = transaction.text_query(&opening).await?;
    let row = answers.last().and_then(|answer| answer.rows.first());
    let Some([Some(oid), Some(version), Some(role)]) = row.map(Vec::as_slice) else {
        return Err(ReadError::Missing(schema.clone()));
    };
    let unexpected = |_| ReadError::Unexpected(format!("{oid}, {version}"));
    let (oid, version): (u32, i32) = (
        oid.parse().map_err(unexpected)?,
        version.parse().map_err(unexpected)?,
    );

    let mut statements: Vec<String> = vec![STAMP.to_owned()];
    statements.extend([LIMITS, ROWS, ALIASES, DEPENDENCIES].map(|sql| expand(sql, version)));
    statements.push("SELECT 'pg_rewrite'::regclass::oid, 'pg_type'::regclass::oid".to_owned());
    statements.extend(SOURCES.iter().map(|source| question(source, version)));
    let oids = vec![oid];
    let path = format!("{}, pg_catalog", schema.quoted());
    let answers = try_join_all(statements.iter().map(async |statement| {
        let params: [db::Param<'_>; 2] = [(&oids, Type::OID_ARRAY), (&path, Type::TEXT)];
        let count = ["$1", "$2"]
            .iter()
            .filter(|param| statement.contains(*param))
            .count();
        let (reset, rows) = join(
            transaction.script("SET LOCAL search_path = pg_catalog"),
            transaction.query(statement, &params[..count]),
        )
        .await;
        reset.and(rows)
    }))
    .await?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();

    let stamp = next().first().map_or_else(String::new, |row| row.get(0));
    let limits = next();
    let contents = Contents::from_rows(&next());
    let aliases = next().iter().map(dependency).collect();
    let dependencies = next().iter().map(dependency).collect();
    let catalogs = next()
        .first()
        .map_or(Catalogs { rules: 0, types: 0 }, |row| Catalogs {
            rules: row.get(0),
            types: row.get(1),
        });
    let words = |refused: bool| {
        limits
            .iter()
            .filter(move |row| row.get::<_, bool>(0) == refused)
            .map(|row| row.get(1))
            .collect()
    };
    let mut blueprint = Blueprint {
        schema: schema.clone(),
        oid,
        role: role.clone(),
        objects: Vec::new(),
        contents,
        aliases,
        dependencies,
        catalogs,
        refused: words(true),
        notes: words(false),
        resets: Vec::new(),
        rewritten: Vec::new(),
        unclear: Vec::new(),
        stamp,
    };
    for source in &SOURCES {
        for row in next() {
            blueprint.add(&row, source.extras)?;
        }
    }
    blueprint
        .objects
        .sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(blueprint)
}

/// The query of a source with what else is said of its objects.
///
/// It is parsed with nothing but `pg_catalog` in sight, so that it means what it says whatever the schema calls its own
/// types and functions. Then, before the first row, the schema comes first in the path of those that deparse.
fn question(source: &Source, version: i32) -> String {
    let (mut columns, join) = extras(source);
    if source.extras.grants() && source.extras.owners() {
        columns.push_str(&format!(", {} AS resets", resets(source)));
    }
    format!(
        "SELECT o.*{columns} FROM (\n{}) o{join}\n WHERE (SELECT set_config('search_path', $2, true)) IS NOT NULL",
        expand(source.sql, version)
    )
}

fn dependency(row: &Row) -> Dependency {
    let address = |at: usize| Address {
        class: row.get(at),
        id: row.get(at + 1),
        sub: 0,
    };
    (address(0), address(2))
}

/// A row whose columns depend on the query.
struct Answer<'a>(&'a Row);

impl Answer<'_> {
    fn has(&self, column: &str) -> bool {
        self.0.columns().iter().any(|known| known.name() == column)
    }

    fn text(&self, column: &str) -> Option<String> {
        self.has(column).then(|| self.0.get(column)).flatten()
    }

    fn number(&self, column: &str) -> Option<i32> {
        self.has(column).then(|| self.0.get(column)).flatten()
    }

    fn flag(&self, column: &str) -> bool {
        self.has(column) && self.0.get::<_, Option<bool>>(column) == Some(true)
    }

    fn oid(&self, column: &str) -> Option<u32> {
        let oid: Option<u32> = self.has(column).then(|| self.0.get(column)).flatten();
        oid.filter(|oid| *oid != 0)
    }

    fn address(&self, class: &str, id: &str, sub: &str) -> Option<Address> {
        Some(Address {
            class: self.oid(class)?,
            id: self.oid(id)?,
            sub: self.number(sub).unwrap_or(0),
        })
    }
}

impl Blueprint {
    fn add(&mut self, row: &Row, extras: Extras) -> Result<(), ReadError> {
        let answer = Answer(row);
        let word = answer.text("kind").unwrap_or_default();
        let kind: Kind = word
            .parse()
            .map_err(|error: super::UnknownKind| ReadError::Unexpected(error.to_string()))?;
        let name = answer.text("name").unwrap_or_default();
        let text = |column: &str| answer.text(column).map(settled);
        let mut object = Object {
            kind,
            create: text("sql"),
            change: text("change"),
            drop: answer.text("drop"),
            inline: text("inline"),
            tail: answer.text("tail").unwrap_or_default(),
            list: list(kind, &answer),
            stand_in: answer.text("stand_in"),
            address: answer.address("class", "id", "sub"),
            alias: answer.oid("alias_id").map(|id| Address {
                class: self.class_of_relations(kind, &answer),
                id,
                sub: 0,
            }),
            parent: answer.address("parent_class", "parent_id", "parent_sub"),
            needs: answer.address("needs_class", "needs_id", ""),
            position: answer.number("position").unwrap_or(0),
            name,
        };
        if matches!(kind, Kind::View | Kind::MaterializedView) {
            object.create = object.create.as_deref().map(repeatable);
            object.change = object.change.as_deref().map(repeatable);
        }
        if let (Some(definition), Some(language)) = (&object.create, answer.text("language")) {
            let body = answer.text("body");
            let rewritten = text::function(definition, body.as_deref(), &language, self.schema.as_str());
            self.report(&object, &rewritten);
            object.create = Some(rewritten.text.clone());
            object.change = Some(rewritten.text);
        } else if kind != Kind::Schema {
            self.rewrite(&mut object);
        }
        if let Some(target) = answer.text("target") {
            self.add_extras(&object, &target, &answer, extras)?;
        }
        if object.kind != Kind::ViewColumn {
            self.objects.push(object);
        }
        Ok(())
    }

    fn rewrite(&mut self, object: &mut Object) {
        let schema = self.schema.as_str();
        let texts = [
            &mut object.create,
            &mut object.change,
            &mut object.inline,
            &mut object.stand_in,
        ];
        let mut is_left = false;
        for text in texts.into_iter().flatten() {
            let rewritten = text::deparsed(text, schema);
            is_left |= text::is_mentioned(&rewritten.text.replace(text::OWN, ""), schema);
            *text = rewritten.text;
        }
        if is_left {
            self.notes.push(format!(
                "{} {} mentions `{schema}` in a constant, which stays as it is",
                object.kind, object.name
            ));
        }
    }

    /// Comment, owner and grants become objects that hang on theirs.
    fn add_extras(
        &mut self,
        object: &Object,
        target: &str,
        answer: &Answer<'_>,
        extras: Extras,
    ) -> Result<(), ReadError> {
        let hangs_on = |kind: Kind, name: String, create: String, drop: Option<String>| Object {
            kind,
            name,
            change: (kind != Kind::Grant).then(|| create.clone()),
            create: Some(create),
            drop,
            inline: None,
            tail: String::new(),
            list: List::Plain,
            stand_in: None,
            address: None,
            alias: None,
            parent: object.address,
            needs: object.parent.filter(|_| object.kind == Kind::ViewColumn),
            position: 0,
        };
        if let Some(comment) = answer.text("comment").filter(|_| extras.comments()) {
            let rewritten = text::prose(&comment, self.schema.as_str());
            self.report(
                object,
                &Rewritten {
                    unclear: Vec::new(),
                    ..rewritten.clone()
                },
            );
            let comment = QuotedText::new(&rewritten.text).to_string();
            self.objects.push(hangs_on(
                Kind::Comment,
                target.to_owned(),
                format!("COMMENT ON {target} IS {comment}"),
                Some(format!("COMMENT ON {target} IS NULL")),
            ));
        }
        // A sequence that goes with a column belongs to whom the table belongs.
        let owner = answer
            .text("owner_name")
            .filter(|_| !answer.flag("owner_follows"));
        if let Some(owner) = owner {
            self.objects.push(hangs_on(
                Kind::Owner,
                target.to_owned(),
                format!("ALTER {target} OWNER TO {owner}"),
                None,
            ));
        }
        if let Some(resets) = answer.text("resets") {
            let create = serde_json::from_str::<Vec<String>>(&resets)
                .map_err(|error| ReadError::Unexpected(error.to_string()))?
                .join("; ");
            self.resets
                .push(hangs_on(Kind::PrivilegeReset, target.to_owned(), create, None));
        }
        if let Some(grants) = answer.text("grants") {
            let grants: Vec<[String; 3]> = serde_json::from_str::<Value>(&grants)
                .and_then(serde_json::from_value)
                .map_err(|error| ReadError::Unexpected(error.to_string()))?;
            for (at, [name, create, drop]) in (0..).zip(grants) {
                let mut grant = hangs_on(Kind::Grant, name, create, Some(drop));
                grant.position = at;
                self.objects.push(grant);
            }
        }
        Ok(())
    }

    fn report(&mut self, object: &Object, rewritten: &Rewritten) {
        if rewritten.replaced > 0 {
            self.rewritten.push(format!("{} {}", object.kind, object.name));
        }
        for piece in &rewritten.unclear {
            self.unclear
                .push(format!("{} {}: {piece}", object.kind, object.name));
        }
    }

    /// The catalog of an alias: a composite type's row among the relations, an index of a constraint.
    fn class_of_relations(&self, kind: Kind, answer: &Answer<'_>) -> u32 {
        let own = if kind == Kind::Type {
            "alias_class"
        } else {
            "parent_class"
        };
        answer.oid(own).unwrap_or(0)
    }
}

fn list(kind: Kind, answer: &Answer<'_>) -> List {
    match kind {
        Kind::Table | Kind::ForeignTable if answer.flag("optional_parentheses") => List::Optional,
        Kind::Table | Kind::ForeignTable => List::Parentheses,
        Kind::Type if answer.flag("parentheses") => List::Parentheses,
        _ => List::Plain,
    }
}
