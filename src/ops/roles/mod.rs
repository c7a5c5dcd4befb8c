//! The roles that tenantctl needs, as SQL that is printed or applied: an owner for whatever changes schemas, an operator
//! for the registry and reports, and where it is configured, one for the application of each tenant.
//!
//! The SQL may be run at any time and any number of times: before there is a registry, after it, and on a fleet that
//! somebody else owns, which is handed over then. It changes nothing that is as it should be.

pub mod tenant;

use std::time::Duration;

use crate::db::{self, Db, Hold, LockName, QuotedText, RoleName, SchemaName, Session, SessionError, Type};
use crate::tenant::Naming;

/// Which roles there are to be.
#[derive(Debug, Clone)]
pub struct Request {
    pub owner: RoleName,
    pub operator: RoleName,
    /// Which schema is the template, and whether tenants have roles.
    pub naming: Naming,
    /// How long a change waits for somebody's lock on a table.
    pub lock_timeout: Duration,
}

/// What was done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub makes_owner: bool,
    pub makes_operator: bool,
    /// Schemas of template and tenants that belonged to somebody else.
    pub handed_over: u64,
    /// Tenants that had no role.
    pub tenant_roles: u64,
    /// Whether both see the server's statistics.
    pub sees_statistics: bool,
}

/// Why the roles are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{doing}")]
    Step { doing: &'static str, source: db::Error },
    #[error("{0}")]
    Sql(#[from] db::Error),
}

impl RolesError {
    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Step { source, .. } if source.sqlstate() == Some("42501") => Some(
                "connect as a superuser, or as the owner of the database with CREATEROLE; `tenantctl init --roles` \
                 prints the SQL for somebody else to run",
            ),
            Self::Step { source, .. } if source.sqlstate() == Some("55P03") => {
                Some("what was done stays; run it again to go on from there")
            }
            _ => None,
        }
    }
}

/// A statement with what it is for.
struct Part {
    /// What fails when it fails.
    doing: &'static str,
    comment: &'static str,
    sql: String,
}

impl Request {
    /// Everything, for `psql`.
    pub fn script(&self) -> String {
        let mut script = String::from(
            "-- The roles that tenantctl needs in this database. Run by a superuser, or by the owner of the database with\n\
             -- CREATEROLE; safe to run again, and due again when a fleet was taken over. Not in one transaction (-1):\n\
             --   tenantctl init --roles | psql -v ON_ERROR_STOP=1 -d DATABASE\n\
             SET search_path = pg_catalog;\n",
        );
        for part in self.parts() {
            for line in part.comment.lines() {
                script.push_str(&format!(
                    "{}-- {line}\n",
                    if script.ends_with(";\n") { "\n" } else { "" }
                ));
            }
            script.push_str(&format!("{};\n", part.sql));
        }
        let (owner, operator) = (self.owner.quoted(), self.operator.quoted());
        script.push_str(&format!(
            "\n-- Nobody logs in as these roles. Whoever works as the owner has to be it, so that what they make is the owner's:\n\
             --   GRANT {owner} TO deploy; ALTER ROLE deploy SET role = {owner};\n\
             --   GRANT {operator} TO support;\n"
        ));
        script
    }

    fn parts(&self) -> Vec<Part> {
        let (owner, operator) = (self.owner.quoted(), self.operator.quoted());
        let mut parts = vec![
            Part {
                doing: "making the roles",
                comment: "The owner makes and changes schemas. The operator reads the registry and reports, and changes what\n\
                          tenants are registered with.",
                sql: block(&self.filled(include_str!("sql/make.sql"))),
            },
            Part {
                doing: "granting what they need in `public`",
                comment: "The registry is in `public`. What is there is in everybody's search path: nobody else adds to it.",
                sql: format!(
                    "GRANT USAGE, CREATE ON SCHEMA public TO {owner};\n\
                     GRANT USAGE ON SCHEMA public TO {operator};\n\
                     REVOKE CREATE ON SCHEMA public FROM PUBLIC"
                ),
            },
            Part {
                doing: "handing the registry over",
                comment: "The registry, where it is there: its owner, and what the operator may do.",
                sql: block(
                    &self.filled(
                        &include_str!("sql/registry.sql")
                            .replace("{objects}", &objects(include_str!("sql/registry_objects.sql"))),
                    ),
                ),
            },
            Part {
                doing: "handing the template and the tenants over",
                comment: "The template and the tenants: their owner; and of each the operator sees the history of migrations and\n\
                          how far sequences are. No data.",
                sql: block(
                    &self.filled(
                        &include_str!("sql/schemas.sql")
                            .replace("{objects}", &objects(include_str!("sql/schema_objects.sql"))),
                    ),
                ),
            },
        ];
        if let Some(tenants) = self.tenants() {
            parts.push(Part {
                doing: "giving tenants their roles",
                comment: "A role for the application of each tenant, which reaches the tenant's schema and no other.",
                sql: block(&tenant::grants(&tenants, &self.settings(), tenant::Each::Committed)),
            });
        }
        parts
    }

    /// The query for the names of tenants' roles with their schemas, where tenants have roles.
    fn tenants(&self) -> Option<String> {
        let prefix = QuotedText::new(self.naming.role_prefix()?).to_string();
        Some(format!(
            "SELECT {prefix} || replace(t.slug, '-', '_') AS role_name, t.schema_name::text AS schema_name \
             FROM public.tenants t ORDER BY t.slug"
        ))
    }

    /// What gives locks up in time, within a block.
    fn settings(&self) -> String {
        format!(
            "PERFORM set_config('search_path', 'pg_catalog', true), set_config('lock_timeout', '{}', true);",
            db::optional_limit_in_ms(self.lock_timeout)
        )
    }

    fn filled(&self, sql: &str) -> String {
        let sql = with_parts(sql);
        fill(
            &sql,
            &[
                ("settings", &self.settings()),
                ("owner_text", &QuotedText::new(self.owner.as_str()).to_string()),
                ("owner", &self.owner.quoted().to_string()),
                (
                    "operator_text",
                    &QuotedText::new(self.operator.as_str()).to_string(),
                ),
                ("operator", &self.operator.quoted().to_string()),
                (
                    "template_text",
                    &QuotedText::new(self.naming.template().as_str()).to_string(),
                ),
            ],
        )
    }
}

/// A text with the parts that others have as well.
fn with_parts(sql: &str) -> String {
    let operator_registry = include_str!("sql/operator_registry.sql").trim_end();
    let operator_schema = include_str!("sql/operator_schema.sql").trim_end();
    sql.trim_end()
        .replace("{operator_registry}", operator_registry)
        .replace("{operator_schema}", operator_schema)
}

/// The objects of a query in the hands of the owner, as the blocks have it.
fn objects(of: &str) -> String {
    include_str!("sql/objects.sql")
        .trim_end()
        .replace("{objects}", of.trim_end())
}

/// Puts values in the places of their names in braces. What comes in by a value is not looked at again.
fn fill(sql: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, after)| Some((values.iter().find(|(known, _)| *known == name)?.1, after)));
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// A block of PL/pgSQL as a statement, in dollars that do not occur in it.
fn block(body: &str) -> String {
    let tag = (0..)
        .map(|number| match number {
            0 => "$roles$".to_owned(),
            number => format!("$roles{number}$"),
        })
        .find(|tag| !body.contains(tag.as_str()))
        .unwrap_or_default();
    format!("DO {tag}\n{}\n{tag}", body.trim_end())
}

/// Makes the roles and grants what they need. What is done stays when something fails.
pub async fn apply(db: &Db, request: &Request, dry_run: bool) -> Result<Report, RolesError> {
    let session = db.direct().await?.unlimited();
    let before = survey(&session, request).await?;
    if dry_run {
        return Ok(before);
    }
    for part in request.parts() {
        session
            .script(&part.sql)
            .await
            .map_err(|source| RolesError::Step {
                doing: part.doing,
                source,
            })?;
    }
    Ok(Report {
        sees_statistics: survey(&session, request).await?.sees_statistics,
        ..before
    })
}

/// What there is to do.
async fn survey(session: &Session, request: &Request) -> Result<Report, db::Error> {
    const REGISTERED: &str = include_str!("sql/survey_registry.sql");
    let prefix = request.naming.role_prefix();
    let (owner, operator) = (request.owner.as_str(), request.operator.as_str());
    let template = request.naming.template().as_str();
    let rows = session
        .query(
            include_str!("sql/survey.sql"),
            &[
                (&owner, Type::NAME),
                (&operator, Type::NAME),
                (&template, Type::NAME),
            ],
        )
        .await?;
    let row = rows.first().expect("an answer of one row");
    let mut report = Report {
        makes_owner: !row.get::<_, bool>(0),
        makes_operator: !row.get::<_, bool>(1),
        sees_statistics: row.get(2),
        handed_over: row.get::<_, i64>(4).unsigned_abs(),
        tenant_roles: 0,
    };
    if row.get(3) {
        let rows = session
            .query(REGISTERED, &[(&owner, Type::NAME), (&prefix, Type::TEXT)])
            .await?;
        if let Some(row) = rows.first() {
            report.handed_over += row.get::<_, i64>(0).unsigned_abs();
            report.tenant_roles = row.get::<_, i64>(1).unsigned_abs();
        }
    }
    Ok(report)
}

/// Grants the operator what belongs to it of a registry, and of a template without tenants, that were made or changed
/// just now. Where the roles were not set up for this database it does nothing.
pub async fn complete(
    session: &Session,
    operator: &RoleName,
    template: &SchemaName,
) -> Result<(), db::Error> {
    let body = fill(
        &with_parts(include_str!("sql/complete.sql")),
        &[
            ("operator_text", &QuotedText::new(operator.as_str()).to_string()),
            ("template_text", &QuotedText::new(template.as_str()).to_string()),
        ],
    );
    // Two runs at once would both change what the same tables grant.
    let lock = LockName::Registry.taken(Hold::Alone);
    session.script(&format!("SELECT {lock};\n{}", block(&body))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(owner: &str) -> Request {
        let template = SchemaName::new("tenant_template").expect("a name");
        Request {
            owner: RoleName::new(owner).expect("a name"),
            operator: RoleName::new("an operator").expect("a name"),
            naming: Naming::new("tenant_", template)
                .expect("a prefix")
                .with_roles("app_")
                .expect("a prefix"),
            lock_timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let script = request("owner").script();
        let left = script.find('{').map(|at| &script[at..script.len().min(at + 40)]);
        assert_eq!(left, None);
    }

    #[test]
    fn a_name_ends_where_it_should_whatever_it_holds() {
        for name in ["o'wner\"", "{operator}", "$roles$; DROP", "a\\b"] {
            let sql = request(name).script();
            let plain = request("owner").script();
            let count = |sql: &str| db::statements(sql).expect("complete").len();
            assert_eq!(count(&sql), count(&plain), "{name}: {sql}");
            assert!(sql.contains(&RoleName::new(name).expect("a name").quoted().to_string()));
        }
    }
}
