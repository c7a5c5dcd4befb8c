//! The private server as commands use it: found, started, and with the database that is wanted.

use crate::config::{Environment, LocalSettings};
use crate::db::local::{LocalError, LocalOptions, LocalServer};
use crate::db::{Db, QuotedIdent, Type};

pub use crate::db::local::Started;

/// The server that the settings describe; nothing is started.
pub fn server(settings: &LocalSettings, environment: &Environment) -> Result<LocalServer, LocalError> {
    let options = LocalOptions {
        data_dir: settings.data_dir.clone(),
        bin_dir: settings.bin_dir.clone(),
        user: settings.user.clone(),
    };
    LocalServer::new(options, &|name| environment.get(name).map(str::to_owned))
}

/// Starts the server unless it runs.
pub async fn start(server: &LocalServer) -> anyhow::Result<Started> {
    let server = server.clone();
    Ok(tokio::task::spawn_blocking(move || server.start()).await??)
}

/// Makes a database unless it is there. `maintenance` is a connection to another one.
pub async fn ensure_database(maintenance: &Db, name: &str) -> anyhow::Result<()> {
    const EXISTS: &str = "SELECT 1 FROM pg_database WHERE datname = $1";
    let session = maintenance.session().await?;
    if session.query_opt(EXISTS, &[(&name, Type::TEXT)]).await?.is_some() {
        return Ok(());
    }
    match session
        .script(&format!("CREATE DATABASE {}", QuotedIdent::new(name)))
        .await
    {
        // Another run was faster, by a lot or by a little.
        Err(error) if matches!(error.sqlstate(), Some("42P04" | "23505")) => Ok(()),
        result => Ok(result?),
    }
}
