//! What a tenant's descriptive columns can hold, checked before the database would refuse it.

use serde_json::Value;

const NAME_CHARACTERS: usize = 255;
const PLAN_CHARACTERS: usize = 50;
const REGION_CHARACTERS: usize = 63;

/// Why a text cannot be a tenant's name, plan, region or metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    #[error("a {0} cannot be empty")]
    Empty(&'static str),
    #[error("{0} cannot hold a NUL character")]
    Nul(&'static str),
    #[error("a {what} has at most {most} characters, this one has {length}")]
    TooLong {
        what: &'static str,
        most: usize,
        length: usize,
    },
    #[error("metadata must be a JSON object, as in '{{\"crm_id\": 42}}'")]
    NoObject,
    #[error("metadata is not JSON: {0}")]
    NoJson(String),
}

/// A name for people: any text of 1 to 255 characters.
pub fn name(text: &str) -> Result<String, AttributeError> {
    bounded(text, "name", NAME_CHARACTERS)
}

/// A subscription plan.
pub fn plan(text: &str) -> Result<String, AttributeError> {
    bounded(text, "plan", PLAN_CHARACTERS)
}

/// The region in which a tenant lives.
pub fn region(text: &str) -> Result<String, AttributeError> {
    bounded(text, "region", REGION_CHARACTERS)
}

/// A JSON object.
pub fn metadata(text: &str) -> Result<Value, AttributeError> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) if holds_nul(&value) => Err(AttributeError::Nul("metadata")),
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(AttributeError::NoObject),
        Err(error) => Err(AttributeError::NoJson(error.to_string())),
    }
}

/// PostgreSQL's `jsonb` has no place for `\u0000`.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Text of 1 to `most` characters that is not blank.
fn bounded(text: &str, what: &'static str, most: usize) -> Result<String, AttributeError> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Err(AttributeError::Empty(what))
    } else if text.contains('\0') {
        Err(AttributeError::Nul(what))
    } else if length > most {
        Err(AttributeError::TooLong { what, most, length })
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_must_be_an_object() {
        assert!(metadata("{\"a\": 1}").is_ok());
        for text in [
            "[1]",
            "{",
            "",
            "\"a\"",
            "{\"a\": [\"\\u0000\"]}",
            "{\"\\u0000\": 1}",
        ] {
            assert!(metadata(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn names_have_a_length() {
        assert!(name(&"é".repeat(255)).is_ok());
        assert!(name(&"é".repeat(256)).is_err());
        assert!(name("  ").is_err());
        assert!(name("a\0b").is_err());
    }
}
