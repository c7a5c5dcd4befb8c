//! Which of the program's applications a database was made for. Its template's history tells: no second record could
//! be wrong about it, and a project that keeps the files in a folder of its own is known as well.

use crate::db::migrator::HISTORY_TABLE;
use crate::db::{self, QuotedText, SchemaName, Session};
use crate::tenant::App;

/// What a template was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// There is no template, or nothing in it.
    Nothing,
    App(App),
    /// Other migrations, or none.
    Other,
}

impl Origin {
    pub fn app(self) -> Option<App> {
        match self {
            Self::App(app) => Some(app),
            Self::Nothing | Self::Other => None,
        }
    }
}

/// Looks at the first migration in the template's history.
pub async fn of_template(session: &Session, template: &SchemaName) -> Result<Origin, db::Error> {
    let schema = template.quoted().to_string();
    let history = format!("{schema}.{HISTORY_TABLE}");
    let found = session
        .text_query(&format!(
            "SELECT to_regclass({}) IS NOT NULL, \
             EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace({}))",
            QuotedText::new(&history),
            QuotedText::new(&schema)
        ))
        .await?;
    let row = found.first().and_then(|answer| answer.rows.first());
    let is_true = |column: usize| {
        row.and_then(|row| row.get(column)?.as_deref())
            .is_some_and(|value| value == "t")
    };
    match (is_true(0), is_true(1)) {
        (false, false) => return Ok(Origin::Nothing),
        (false, true) => return Ok(Origin::Other),
        (true, _) => {}
    }
    let answers = session
        .text_query(&format!(
            "SELECT concat_ws(' ', version, name, checksum) FROM {history} ORDER BY version LIMIT 1"
        ))
        .await?;
    let first = answers.first().and_then(|answer| answer.rows.first());
    let Some(line) = first.and_then(|row| row.first()?.as_deref()) else {
        return Ok(Origin::Nothing);
    };
    Ok(App::of_first_line(line).map_or(Origin::Other, Origin::App))
}
