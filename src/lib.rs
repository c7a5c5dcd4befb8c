//! Runs fleets of schema-per-tenant PostgreSQL tenants.

pub mod config;
pub mod db;
pub mod exit;
pub mod fleet;
pub mod ops;
pub mod tenant;
