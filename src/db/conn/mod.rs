//! Finds a database and connects to it the way libpq's users expect.

mod conninfo;
mod conninfo_error;
mod endpoint;
mod environment;
mod keyword;
mod pgpass;
mod private_file;
mod secret;
mod service;
mod settings;
mod target;
mod tls;
mod tls_settings;
mod url;
mod verifier;

pub use conninfo_error::{ConnInfoError, Origin};
pub use endpoint::{Address, Endpoint};
pub use environment::Env;
pub use keyword::libpq_variables;
pub use secret::Secret;
pub use target::{ConnectTarget, TargetSessionAttrs};
pub use tls_settings::SslMode;
