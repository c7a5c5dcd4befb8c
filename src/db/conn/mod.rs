//! Finds a database and connects to it the way libpq's users expect.
//!
//! [`ConnectTarget::resolve`] turns a connection string, the environment, the service file and the password file into
//! one value; [`connect()`] goes there, over TLS as strict as asked, and says in a [`ConnectError`] what went wrong at
//! which server and what to do about it. [`Manager`] does the same for a pool.
//!
//! How large a pool is, what a session is used for and how errors are shown is left to those above. The environment
//! is never read here: it comes in as an [`Env`].

mod connect;
mod connect_error;
mod connection;
mod conninfo;
mod conninfo_error;
mod endpoint;
mod environment;
mod failure;
mod keyword;
mod manager;
mod pgpass;
mod private_file;
mod random;
mod retry;
mod secret;
mod service;
mod settings;
mod target;
mod tls;
mod tls_settings;
mod url;
mod verifier;

pub use connect::connect;
pub use connect_error::{ConnectError, ConnectErrorKind};
pub use connection::{Canceller, Connection};
pub use conninfo_error::{ConnInfoError, Origin};
pub use endpoint::{Address, Endpoint};
pub use environment::Env;
pub use keyword::libpq_variables;
pub(super) use manager::clean_up;
pub use manager::{Manager, Pool, PoolError, Pooled};
pub(super) use random::fraction;
pub use retry::connect_with_retry;
pub use secret::Secret;
pub use target::{ConnectTarget, TargetSessionAttrs};
pub use tls_settings::SslMode;
