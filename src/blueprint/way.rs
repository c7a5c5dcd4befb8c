//! How an object becomes another of the same kind and name.

use super::Kind;
use super::object::Object;

/// The way from what is found to what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// These statements, parted by semicolons; what depends on the object stays.
    Change(String),
    /// The object has to go and to be made again.
    Anew,
    /// PostgreSQL knows no way, for this reason.
    None(&'static str),
}

/// Finds the way that disturbs least.
pub(super) fn way(expected: &Object, found: &Object) -> Way {
    let special = match expected.kind {
        Kind::EnumLabel => return Way::None("labels of an enum keep their order"),
        Kind::Attribute if expected.definition() == found.definition() => {
            return Way::None("attributes of a type keep their order");
        }
        Kind::View if !keeps_columns(expected, found) => return Way::Anew,
        Kind::Function | Kind::Procedure if head(expected) != head(found) => return Way::Anew,
        Kind::Column => return column(expected, found),
        Kind::Table => table(expected, found),
        Kind::Domain => domain(expected, found),
        Kind::Identity => identity(expected),
        Kind::NotNull | Kind::DomainNotNull => super::not_null::change(expected, found),
        Kind::Sequence => sequence(expected, found),
        Kind::StorageParameters | Kind::ColumnOptions => both(&found.drop, &expected.change),
        Kind::Check | Kind::ForeignKey | Kind::DomainConstraint => validation(expected, found),
        _ => None,
    };
    match special.or_else(|| expected.change.clone()) {
        Some(change) => Way::Change(change),
        None => Way::Anew,
    }
}

/// Whether dropping the object loses what no definition brings back.
pub(super) fn holds_data(object: &Object) -> bool {
    match object.kind {
        Kind::Table => true,
        // The values of a generated column come back with it.
        Kind::Column => object.change.is_some(),
        _ => false,
    }
}

/// Whether a column that changes its type so would lose a part of its values without an error: digits, or the time of
/// day. What does not fit otherwise makes the change fail.
pub(super) fn rounds(expected: &Object, found: &Object) -> bool {
    let type_of = |object: &Object| {
        let change = object.change.as_deref()?;
        let (_, written) = change.split_once(" TYPE ")?;
        let written = written.split(" USING ").next().unwrap_or(written);
        Some(written.split(" COLLATE ").next().unwrap_or(written).to_owned())
    };
    match (type_of(expected), type_of(found)) {
        (Some(to), Some(from)) => rounds_to(&from, &to),
        _ => false,
    }
}

fn rounds_to(from: &str, to: &str) -> bool {
    let is = |name: &str, kinds: &[&str]| {
        kinds
            .iter()
            .any(|kind| name == *kind || name.starts_with(&format!("{kind}(")))
    };
    let scale =
        |name: &str| -> Option<i32> { name.strip_suffix(')')?.rsplit_once(',')?.1.trim().parse().ok() };
    if from == to {
        return false;
    }
    if is(to, &["numeric"]) && to != "numeric" {
        let is_whole = is(from, &["smallint", "integer", "bigint"]);
        return !is_whole && scale(from).is_none_or(|from| scale(to).is_none_or(|to| to < from));
    }
    let fractions = ["numeric", "real", "double precision"];
    is(to, &["smallint", "integer", "bigint"]) && is(from, &fractions)
        || to == "real" && is(from, &["numeric", "double precision", "bigint", "integer"])
        || to == "double precision" && is(from, &["numeric", "bigint"])
        || (to == "date" || to.starts_with("time ")) && from.starts_with("timestamp")
        || to.starts_with("time") && to.contains('(')
}

fn both(first: &Option<String>, second: &Option<String>) -> Option<String> {
    Some(format!("{};\n{}", first.as_ref()?, second.as_ref()?))
}

/// `CREATE OR REPLACE VIEW` adds columns at the end and changes none. Stand-ins list the columns.
fn keeps_columns(expected: &Object, found: &Object) -> bool {
    let (Some(expected), Some(found)) = (&expected.stand_in, &found.stand_in) else {
        return false;
    };
    expected
        .strip_prefix(found.as_str())
        .is_some_and(|more| more.is_empty() || more.starts_with(", "))
}

/// Arguments and result, which `CREATE OR REPLACE` does not change.
fn head(object: &Object) -> Option<&str> {
    let text = object.create.as_deref()?;
    text.split("\n LANGUAGE ").next()
}

fn column(expected: &Object, found: &Object) -> Way {
    match (&expected.change, &found.change, &found.drop) {
        (Some(change), Some(_), _) => Way::Change(change.clone()),
        (Some(_), None, _) if is_virtual(found) => Way::None("a virtual column has no values to keep"),
        // It is generated and should not be: its values stay.
        (Some(change), None, Some(drop)) => {
            let keep = drop.replacen(" DROP COLUMN ", " ALTER COLUMN ", 1);
            Way::Change(format!("{keep} DROP EXPRESSION;\n{change}"))
        }
        _ => Way::Anew,
    }
}

/// Whether the values of a generated column are computed when they are read.
fn is_virtual(column: &Object) -> bool {
    let text = column.create.as_deref().unwrap_or_default();
    column.change.is_none() && !text.ends_with(" STORED")
}

fn table(expected: &Object, found: &Object) -> Option<String> {
    let (wanted, is) = (expected.create.as_deref()?, found.create.as_deref()?);
    let logged = |text: &str| text.replacen("CREATE UNLOGGED TABLE", "CREATE TABLE", 1);
    if expected.tail != found.tail || logged(wanted) != logged(is) {
        return None;
    }
    let word = if logged(wanted) == wanted {
        "LOGGED"
    } else {
        "UNLOGGED"
    };
    Some(format!("ALTER TABLE {} SET {word}", expected.name))
}

/// `ALTER SEQUENCE` with parameters says nothing of the log.
fn sequence(expected: &Object, found: &Object) -> Option<String> {
    let change = expected.change.clone()?;
    let is_unlogged = |object: &Object| {
        let text = object.create.as_deref().unwrap_or_default();
        text.starts_with("CREATE UNLOGGED")
    };
    Some(match (is_unlogged(expected), is_unlogged(found)) {
        (true, false) => format!("{change};\nALTER SEQUENCE {} SET UNLOGGED", expected.name),
        (false, true) => format!("{change};\nALTER SEQUENCE {} SET LOGGED", expected.name),
        _ => change,
    })
}

fn domain(expected: &Object, found: &Object) -> Option<String> {
    let parts = |object: &Object| {
        let text = object.definition();
        match text.split_once(" DEFAULT ") {
            Some((base, default)) => (base.to_owned(), Some(default.to_owned())),
            None => (text, None),
        }
    };
    let ((wanted, default), (is, _)) = (parts(expected), parts(found));
    (wanted == is).then(|| match default {
        Some(default) => format!("ALTER DOMAIN {} SET DEFAULT {default}", expected.name),
        None => format!("ALTER DOMAIN {} DROP DEFAULT", expected.name),
    })
}

/// The parameters of an identity column's sequence, which keeps its place.
fn identity(expected: &Object) -> Option<String> {
    let Identity {
        column,
        words,
        options,
        ..
    } = Identity::of(expected)?;
    let always = words.strip_suffix(" AS IDENTITY")?;
    let mut options = options.to_owned();
    for option in [
        "INCREMENT BY",
        "MINVALUE",
        "MAXVALUE",
        "CACHE",
        "NO CYCLE",
        "CYCLE",
    ] {
        if option != "CYCLE" || !options.contains("NO CYCLE") {
            options = options.replacen(&format!(" {option}"), &format!(" SET {option}"), 1);
        }
    }
    Some(format!("{column} SET {always} SET START WITH {options}"))
}

/// The pieces of `ALTER TABLE … ALTER COLUMN … ADD GENERATED … AS IDENTITY (SEQUENCE NAME … START WITH …)`.
pub(super) struct Identity<'a> {
    /// `ALTER TABLE ONLY t ALTER COLUMN c`, without `ONLY` for a partitioned table
    pub(super) column: &'a str,
    words: &'a str,
    pub(super) sequence: &'a str,
    /// What follows `START WITH`.
    options: &'a str,
}

impl<'a> Identity<'a> {
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        let text = object.create.as_deref()?;
        let (column, rest) = text.split_once(" ADD GENERATED ")?;
        let at = text.len() - rest.len() - "GENERATED ".len();
        let (words, rest) = text[at..].split_once(" (SEQUENCE NAME ")?;
        let (sequence, options) = rest.strip_suffix(')')?.rsplit_once(" START WITH ")?;
        Some(Self {
            column,
            words,
            sequence,
            options,
        })
    }

    /// Moves the sequence behind the values that are there.
    pub(super) fn go_on(&self) -> Option<String> {
        let table = self.column.strip_prefix("ALTER TABLE ")?;
        let table = table.strip_prefix("ONLY ").unwrap_or(table);
        let (table, column) = table.split_once(" ALTER COLUMN ")?;
        let sequence = crate::db::QuotedText::new(self.sequence).to_string();
        Some(format!(
            "SELECT pg_catalog.setval({sequence}, pg_catalog.max({column})) FROM {table} \
             HAVING pg_catalog.max({column}) IS NOT NULL"
        ))
    }
}

/// A constraint that only has to be checked keeps its place.
fn validation(expected: &Object, found: &Object) -> Option<String> {
    let is_same = found.create.as_deref()?.strip_suffix(" NOT VALID") == expected.create.as_deref();
    let drop = found.drop.as_deref()?;
    is_same.then(|| drop.replacen(" DROP CONSTRAINT ", " VALIDATE CONSTRAINT ", 1))
}

#[cfg(test)]
mod tests {
    use super::super::object::List;
    use super::*;

    fn object(kind: Kind, name: &str, create: &str) -> Object {
        Object {
            kind,
            name: name.to_owned(),
            create: Some(create.to_owned()),
            change: None,
            drop: None,
            inline: None,
            tail: String::new(),
            list: List::Plain,
            stand_in: None,
            address: None,
            alias: None,
            parent: None,
            needs: None,
            position: 0,
        }
    }

    #[test]
    fn a_view_is_replaced_when_its_columns_stay() {
        let with = |columns: &str| Object {
            stand_in: Some(format!("CREATE VIEW v AS SELECT {columns}")),
            change: Some("CREATE OR REPLACE VIEW v AS …".to_owned()),
            ..object(Kind::View, "v", "CREATE VIEW v AS …")
        };
        let (narrow, wide) = (
            with("NULL::integer AS a"),
            with("NULL::integer AS a, NULL::text AS b"),
        );
        assert!(matches!(way(&wide, &narrow), Way::Change(_)));
        assert_eq!(way(&narrow, &wide), Way::Anew);
        assert_eq!(way(&with("NULL::integer AS ab"), &narrow), Way::Anew);
    }

    #[test]
    fn an_identity_keeps_its_sequence() {
        let text = "ALTER TABLE ONLY t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME t_id_seq \
                    START WITH 1 INCREMENT BY 5 MINVALUE 1 MAXVALUE 9 CACHE 1 NO CYCLE)";
        let object = object(Kind::Identity, "t.id", text);
        let expected = "ALTER TABLE ONLY t ALTER COLUMN id SET GENERATED ALWAYS SET START WITH 1 SET INCREMENT BY 5 \
                        SET MINVALUE 1 SET MAXVALUE 9 SET CACHE 1 SET NO CYCLE";
        assert_eq!(way(&object, &object), Way::Change(expected.to_owned()));
    }

    #[test]
    fn a_constraint_that_is_not_valid_is_validated() {
        let expected = object(
            Kind::Check,
            "c ON t",
            "ALTER TABLE t ADD CONSTRAINT c CHECK ((a > 0))",
        );
        let found = Object {
            create: Some("ALTER TABLE t ADD CONSTRAINT c CHECK ((a > 0)) NOT VALID".to_owned()),
            drop: Some("ALTER TABLE t DROP CONSTRAINT c".to_owned()),
            ..expected.clone()
        };
        let validate = "ALTER TABLE t VALIDATE CONSTRAINT c";
        assert_eq!(way(&expected, &found), Way::Change(validate.to_owned()));
        assert_eq!(way(&found, &expected), Way::Anew);
    }
}

#[cfg(test)]
mod rounding {
    use super::rounds_to;

    #[test]
    fn only_what_is_lost_without_an_error_counts() {
        for (from, to) in [
            ("numeric(10,4)", "numeric(10,2)"),
            ("numeric", "numeric(8,2)"),
            ("double precision", "integer"),
            ("timestamp with time zone", "date"),
            ("timestamp without time zone", "time without time zone"),
            ("timestamp with time zone", "timestamp(0) with time zone"),
        ] {
            assert!(rounds_to(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("numeric(10,2)", "numeric(12,4)"),
            ("integer", "numeric(8,2)"),
            ("integer", "bigint"),
            ("text", "character varying(5)"),
            ("date", "timestamp with time zone"),
            ("timestamp without time zone", "timestamp with time zone"),
        ] {
            assert!(!rounds_to(from, to), "{from} to {to}");
        }
    }
}
