//! Rows of the catalog queries as objects.

use serde_json::Value;

use super::catalog::Extras;
use super::object::{Address, List, Object};
use super::read::ReadError;
use super::settle::repeatable;
use super::text::{OWN, Rewritten, merged};
use super::{Blueprint, Kind, UnknownKind};
use crate::db::{QuotedText, Row};

/// A row whose columns depend on the query, and what it says where the schema is first in the path, if that was asked.
struct Answer<'a>(&'a Row, Option<&'a Row>);

impl Answer<'_> {
    fn has(&self, column: &str) -> bool {
        self.0.columns().iter().any(|known| known.name() == column)
    }

    fn text(&self, column: &str) -> Option<String> {
        let text = |row: &Row| row.get::<_, Option<String>>(column);
        let found = self.has(column).then(|| text(self.0)).flatten()?;
        match self.1.and_then(text) {
            Some(relative) => Some(merged(&found, &relative)),
            None => Some(found),
        }
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
    pub(super) fn add(&mut self, row: &Row, relative: Option<&Row>, extras: Extras) -> Result<(), ReadError> {
        let answer = Answer(row, relative);
        let word = answer.text("kind").unwrap_or_default();
        let kind: Kind = word
            .parse()
            .map_err(|error: UnknownKind| ReadError::Unexpected(error.to_string()))?;
        let name = self.without_own(&answer.text("name").unwrap_or_default());
        let text = |column: &str| answer.text(column);
        let mut object = Object {
            kind,
            create: text("sql"),
            change: text("change"),
            drop: text("drop"),
            inline: text("inline"),
            tail: text("tail").unwrap_or_default(),
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
            let rewritten = self.own_name.function(definition, body.as_deref(), &language);
            self.report(&object, &rewritten);
            object.create = Some(rewritten.text.clone());
            object.change = Some(rewritten.text);
        } else if kind != Kind::Schema {
            self.rewrite(&mut object);
        }
        if let Some(target) = answer.text("target") {
            let target = self.own_name.deparsed(&target).text;
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
            &mut object.drop,
            &mut object.inline,
            &mut object.stand_in,
        ];
        let (mut is_data, mut follows) = (false, false);
        for text in texts.into_iter().flatten() {
            let rewritten = self.own_name.deparsed(text);
            is_data |= rewritten.is_data;
            follows |= rewritten.follows;
            *text = rewritten.text;
        }
        object.tail = self.own_name.deparsed(&object.tail).text;
        let what = format!("{} {}", object.kind, object.name);
        if is_data {
            self.notes.push(format!(
                "{what} mentions `{schema}` in a constant, which stays as it is"
            ));
        }
        if follows {
            self.rewritten.push(what);
        }
    }

    /// A name for people, and to find its like in another schema by.
    fn without_own(&self, name: &str) -> String {
        let rewritten = self.own_name.deparsed(name).text;
        rewritten.replace(&format!("{OWN}."), "")
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
            change: (kind != Kind::Grant && kind != Kind::SchemaGrant).then(|| create.clone()),
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
        let name = self.without_own(target);
        if let Some(comment) = answer.text("comment").filter(|_| extras.comments()) {
            let rewritten = self.own_name.prose(&comment);
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
                name.clone(),
                format!("COMMENT ON {target} IS {comment}"),
                Some(format!("COMMENT ON {target} IS NULL")),
            ));
        }
        let owner = answer
            .text("owner_name")
            .filter(|_| object.kind != Kind::IdentitySequence);
        if let Some(owner) = owner {
            self.objects.push(hangs_on(
                Kind::Owner,
                name.clone(),
                format!("ALTER {target} OWNER TO {owner}"),
                None,
            ));
        }
        if let Some(resets) = answer.text("resets") {
            let create = serde_json::from_str::<Vec<String>>(&resets)
                .map_err(|error| ReadError::Unexpected(error.to_string()))?
                .join("; ");
            let create = self.own_name.deparsed(&create).text;
            self.resets
                .push(hangs_on(Kind::PrivilegeReset, name.clone(), create, None));
        }
        if let Some(grants) = answer.text("grants") {
            let grants: Vec<[String; 3]> = serde_json::from_str::<Value>(&grants)
                .and_then(serde_json::from_value)
                .map_err(|error| ReadError::Unexpected(error.to_string()))?;
            for (at, grant) in (0..).zip(grants) {
                let [name, create, drop] = grant.map(|text| self.own_name.deparsed(&text).text);
                let name = self.without_own(&name);
                let kind = if object.kind == Kind::Schema {
                    Kind::SchemaGrant
                } else {
                    Kind::Grant
                };
                let mut grant = hangs_on(kind, name, create, Some(drop));
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
