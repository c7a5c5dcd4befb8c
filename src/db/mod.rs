//! The lowest layer: everything that speaks to PostgreSQL and knows nothing of tenants or terminals.
//!
//! [`conn`] finds and opens connections, [`Db`] pools them, a [`Session`] is one in use. Names reach SQL through
//! [`SchemaName`], a tenant's schema is entered through [`Session::open_tenant`], and refinery lives in [`migrator`].

pub mod backoff;
pub mod conn;
mod copy;
mod error;
mod ident;
pub mod local;
mod lock;
mod message;
pub mod migrator;
mod opening;
mod pool;
mod running;
mod session;
mod sql_text;
mod tenant_conn;
mod text_result;
mod timeout;

pub use tokio_postgres::Row;
pub use tokio_postgres::types::{FromSql, Type};

pub use self::copy::{
    CopyError, OWN_ZONE, RowsIn, TOLD_VALUES, TOLD_ZONE, copy_rows, read_rows, readable, readable_in,
    writable_in,
};
pub use self::error::Error;
pub use self::ident::{
    MAX_NAME_BYTES, NameError, QuotedIdent, QuotedText, RoleName, RoleNameError, SchemaName, bare, unquoted,
    with_constants,
};
pub use self::lock::{Hold, LockHeld, LockName};
pub use self::message::{Commit, Undone, clean_up_after_all};
pub use self::opening::{Opening, Snapshot};
pub use self::pool::{Db, PoolOptions, PoolState, SessionError};
pub use self::session::{Param, Session, StatementLimits, Transaction};
pub use self::sql_text::{
    Control, Statement, Token, TokenKind, Unterminated, statements, tokens, without_secrets,
};
pub use self::tenant_conn::{
    Access, OpenTenantError, SchemaMissing, TenantOptions, local_settings, settings,
};
pub use self::text_result::TextResult;
pub(crate) use self::text_result::{is_so, told};
pub use self::timeout::{NO_TRANSACTION_LIMIT, limit_in_ms, optional_limit_in_ms};
