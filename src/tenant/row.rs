//! A tenant's row of the registry, as SQL for messages that hold more.

use super::Tenant;
use crate::db::QuotedText;

impl Tenant {
    /// What tells its row from all others, and from that of a later tenant of its name.
    pub(crate) fn condition_sql(&self) -> String {
        format!(
            "id = '{}' AND schema_name = {}",
            self.id,
            QuotedText::new(self.schema.as_str())
        )
    }

    /// An expression that says whether its row is still there.
    pub(crate) fn is_registered_sql(&self) -> String {
        format!(
            "EXISTS (SELECT FROM public.tenants WHERE {})",
            self.condition_sql()
        )
    }

    /// Writes down that its schema has come to a version. What it is like now, nobody has looked at yet.
    pub(crate) fn came_to_sql(&self, version: Option<i64>) -> String {
        let version = version.map_or_else(|| "NULL".to_owned(), |version| version.to_string());
        format!(
            "UPDATE public.tenants SET schema_version = {version}, schema_fingerprint = NULL WHERE id = '{}'",
            self.id
        )
    }
}
