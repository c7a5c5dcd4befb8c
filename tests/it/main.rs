//! The integration tests: the real binary on a real server, one file per command or subject.

mod architecture;
mod chaos;
mod clone;
mod config;
mod connections;
mod create;
mod create_from_file;
mod create_safety;
mod db;
mod drop;
mod exec;
mod exec_statements;
mod exit_codes;
mod fidelity;
mod init;
mod judge;
mod library;
mod one_trip;
mod output;
mod pgbouncer;
mod registry;
mod sql_text;
mod support;
mod template;
mod template_schema;
mod tls;
