//! Answers as documents: JSON and CSV.

use std::io;

use serde::Serialize;

use super::safe;
use super::table::Table;

/// The version of every JSON document; raised when a field changes its meaning or goes.
const JSON_VERSION: u32 = 1;

/// A command's answer. Its fields are the JSON document, its tables what people and CSV readers get.
pub(crate) trait View: Serialize {
    /// The answer as tables.
    fn tables(&self) -> Vec<Table>;

    /// The answer as CSV where the tables are not.
    fn csv(&self) -> Option<Table> {
        None
    }

    /// The answer for people where a table would be too much.
    fn plain(&self) -> Option<String> {
        None
    }
}

/// A JSON document or the last line of a stream.
#[derive(Serialize)]
struct Versioned<'a, V> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    version: u32,
    #[serde(flatten)]
    view: &'a V,
}

/// The document, over many lines.
pub(super) fn json<V: View>(view: &V) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(&Versioned {
        event: None,
        version: JSON_VERSION,
        view,
    })?;
    text.push('\n');
    Ok(safe::json(&text))
}

/// The same as one line, which may be one of a stream.
pub(super) fn line<V: View>(event: Option<&'static str>, view: &V) -> anyhow::Result<String> {
    let text = serde_json::to_string(&Versioned {
        event,
        version: JSON_VERSION,
        view,
    })?;
    Ok(safe::json(&text) + "\n")
}

/// Tables one after the other, each with its heading.
pub(super) fn csv(tables: &[Table]) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for table in tables {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(table.keys())?;
        for row in table.raw_rows() {
            writer.write_record(row)?;
        }
        parts.push(String::from_utf8(writer.into_inner()?)?);
    }
    Ok(safe::data(parts.join("\n"), &io::stdout()))
}
