//! What a look at the database comes to.

use std::time::Duration;

use super::finding::{Finding, Severity};

/// What the server says of itself.
#[derive(Debug, Clone, Default)]
pub struct Server {
    pub latency: Duration,
    pub version: String,
    pub major: i64,
    pub is_standby: bool,
    pub uptime: Duration,
    /// Seconds since 1970 by its clock.
    pub now: i64,
    pub max_connections: i64,
    /// Connections that are kept for superusers and such.
    pub reserved: i64,
    pub connections: i64,
    pub of_role: i64,
    pub idle: i64,
    pub in_database: i64,
    /// -1 for none, like the next.
    pub database_limit: i64,
    pub role_limit: i64,
    /// Locks that all transactions together may hold.
    pub lock_table: i64,
    pub locks_per_transaction: i64,
    pub autovacuum: bool,
    pub track_counts: bool,
    pub autovacuum_workers: i64,
    pub role: String,
    pub oldest_transaction_id: i64,
    pub oldest_multixact: i64,
}

/// How much is on it.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    pub tenants: i64,
    pub active: i64,
    /// Tenants' schemas that are there.
    pub schemas: i64,
    /// Tables of the whole database, catalogs apart.
    pub tables: i64,
    pub indexes: i64,
    /// The schema with the most in it, and the locks that dropping it takes.
    pub largest: Option<String>,
    pub locks: i64,
    pub catalog_bytes: i64,
}

/// How the database is.
#[derive(Debug)]
pub struct Report {
    pub server: Server,
    pub fleet: Fleet,
    /// The worst first.
    pub findings: Vec<Finding>,
    pub elapsed: Duration,
}

impl Report {
    /// How many findings are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// How bad the worst of it is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
