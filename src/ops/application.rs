//! Which of the program's applications a database was made for. Its template's history tells: no second record could
//! be wrong about it, and a project that keeps the files in a folder of its own is known as well.

use crate::db::migrator::{HISTORY_TABLE, History};
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
    let found = session
        .text_query(&format!(
            "SELECT {}, EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace({}))",
            History::is_there(template.quoted()),
            QuotedText::new(&schema)
        ))
        .await?;
    match (db::is_so(&found, 0), db::is_so(&found, 1)) {
        (false, false) => return Ok(Origin::Nothing),
        (false, true) => return Ok(Origin::Other),
        (true, _) => {}
    }
    let answers = session
        .text_query(&format!(
            "SELECT concat_ws(' ', version, name, checksum) FROM {schema}.{HISTORY_TABLE} ORDER BY version LIMIT 1"
        ))
        .await?;
    let Some(line) = db::told(&answers, 0) else {
        return Ok(Origin::Nothing);
    };
    Ok(App::of_first_line(line).map_or(Origin::Other, Origin::App))
}
