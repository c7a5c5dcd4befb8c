//! Rows of JSON: one array of objects, or objects one after the other, as in JSON lines.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use super::{BatchError, Column, Row};

const HINT: &str = "the file holds an array of objects, or one object a line, such as {\"slug\": \"acme\", \"plan\": \"pro\"}";

pub(super) fn rows(text: &str) -> Result<Vec<Row>, BatchError> {
    if text.trim_start().starts_with('[') {
        array(text)
    } else {
        Ok(objects(text))
    }
}

fn array(text: &str) -> Result<Vec<Row>, BatchError> {
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| BatchError::Form {
        line: error.line().max(1),
        problem: format!("this is not JSON: {}", without_place(&error)),
        hint: HINT,
    })?;
    let mut lines = Lines::of(text);
    let place = |value: &RawValue| value.get().as_ptr() as usize - text.as_ptr() as usize;
    Ok(values
        .into_iter()
        .map(|value| row(lines.line_at(place(value)), value.get()))
        .collect())
}

/// An object that cannot be read ends before the next line that begins with one.
fn objects(text: &str) -> Vec<Row> {
    let mut lines = Lines::of(text);
    let mut rows = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += rest.len() - rest.trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() {
            return rows;
        }
        let line = lines.line_at(at);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) => {
                rows.push(row(line, value.get()));
                at += values.byte_offset();
            }
            Some(Err(error)) => {
                let mut row = Row::at(line);
                row.problems
                    .push(format!("this is not JSON: {}", without_place(&error)));
                rows.push(row);
                at += rest.find("\n{").map_or(rest.len(), |end| end + 1);
            }
            None => return rows,
        }
    }
}

/// The line is told anyway, and serde counts from where it began to read.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words
        .split_once(" at line ")
        .map_or(words.clone(), |(words, _)| words.to_owned())
}

fn row(line: usize, json: &str) -> Row {
    let mut row = Row::at(line);
    let fields = match serde_json::from_str::<Fields<'_>>(json) {
        Ok(Fields(fields)) => fields,
        Err(_) => {
            row.problems
                .push("a tenant is a JSON object, such as {\"slug\": \"acme\"}".to_owned());
            return row;
        }
    };
    let mut seen = Vec::new();
    for (name, value) in fields {
        let Some(column) = Column::named(&name) else {
            row.problems.push(Column::unknown("field", &name));
            continue;
        };
        if seen.contains(&column) {
            row.problems.push(format!("field `{name}` is there twice"));
        }
        seen.push(column);
        match value.get() {
            "null" => {}
            json if column == Column::Metadata => row.set(column, json.to_owned()),
            json => match serde_json::from_str::<String>(json) {
                Ok(text) => row.set(column, text),
                Err(_) => row.problems.push(format!("`{name}` must be a string")),
            },
        }
    }
    row
}

/// An object's fields in their order, those that are there twice included.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
