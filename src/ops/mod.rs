//! The work of the commands: a `Request` in, a report out. Operations know PostgreSQL and nothing of the terminal.

pub mod application;
pub mod backup;
pub mod clone;
pub mod create;
pub mod drift;
pub mod drop;
pub mod exec;
pub mod forward;
pub mod health;
pub mod history;
pub mod init;
pub mod lint;
pub mod local;
pub mod log;
pub mod migrate;
pub mod migration_files;
pub mod original;
pub mod rehearse;
pub mod retention;
pub mod scaffold;
pub mod seed;
pub mod sizes;
pub mod status;
pub mod template;
pub mod update;
pub mod whole_file;
