//! The lowest layer: everything that speaks to PostgreSQL and knows nothing of tenants or terminals.

pub mod conn;
pub mod local;
