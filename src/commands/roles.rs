use clap::ValueEnum;
use serde::Serialize;

use crate::context::Context;
use crate::exit::ExitStatus;
use crate::ops::roles::{self, Report, Request};
use crate::ui::{Cell, Column, Table, View};
use crate::words;

/// What `init --roles` does with the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RolesMode {
    /// Print it; no database is asked
    Print,
    /// Run it in the database
    Apply,
}

#[derive(Debug, Serialize)]
struct SqlView {
    owner: String,
    operator: String,
    sql: String,
}

impl View for SqlView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([Column::text("sql")]);
        table.push(vec![self.sql.as_str().into()]);
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        Some(self.sql.trim_end().to_owned())
    }
}

#[derive(Debug, Serialize)]
struct RolesView {
    dry_run: bool,
    owner: RoleView,
    operator: RoleView,
    /// Schemas of template and tenants that belonged to somebody else.
    handed_over: u64,
    /// Tenants that had no role; `null` where tenants have none.
    tenant_roles: Option<u64>,
}

#[derive(Debug, Serialize)]
struct RoleView {
    role: String,
    made: bool,
}

impl View for RolesView {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            Column::text("part"),
            Column::text("role"),
            Column::number("changed"),
        ]);
        let mut push = |part: &str, role: &str, changed: u64| {
            table.push(vec![part.into(), role.into(), Cell::Count(changed)]);
        };
        for (part, role) in [("owner", &self.owner), ("operator", &self.operator)] {
            push(part, &role.role, u64::from(role.made));
        }
        push("schemas", &self.owner.role, self.handed_over);
        if let Some(roles) = self.tenant_roles {
            push("tenants", "", roles);
        }
        vec![table]
    }

    fn plain(&self) -> Option<String> {
        let verb = |done: &'static str, would: &'static str| match self.dry_run {
            true => would,
            false => done,
        };
        let mut lines: Vec<String> = [&self.owner, &self.operator]
            .iter()
            .map(|role| {
                let is = match role.made {
                    true => verb("was made", "would be made"),
                    false => "is there",
                };
                format!("role `{}` {is}", role.role)
            })
            .collect();
        if self.handed_over > 0 {
            lines.push(format!(
                "{} {} to `{}`",
                words::count(self.handed_over, "schema"),
                verb("handed over", "would be handed over"),
                self.owner.role
            ));
        }
        if let Some(roles @ 1..) = self.tenant_roles {
            lines.push(format!(
                "{} {}",
                words::count(roles, "tenant"),
                verb("given a role of their own", "would be given a role of their own")
            ));
        }
        Some(lines.join("\n"))
    }
}

/// Prints the SQL for the roles, or runs it: `init --roles`.
pub(super) async fn run(cx: &Context, mode: RolesMode, dry_run: bool) -> anyhow::Result<ExitStatus> {
    let settings = &cx.settings;
    let request = Request {
        owner: settings.roles.owner.clone(),
        operator: settings.roles.operator.clone(),
        naming: settings.tenants.naming.clone(),
        lock_timeout: settings.tenants.lock_timeout,
    };
    if mode == RolesMode::Print {
        cx.ui.answer(&SqlView {
            owner: request.owner.to_string(),
            operator: request.operator.to_string(),
            sql: request.script(),
        })?;
        return Ok(ExitStatus::Done);
    }
    let Report {
        makes_owner,
        makes_operator,
        handed_over,
        tenant_roles,
        sees_statistics,
    } = roles::apply(cx.db().await?, &request, dry_run).await?;
    if !sees_statistics && !dry_run {
        cx.ui.warn(format!(
            "a superuser has to add: GRANT pg_read_all_stats TO {}, {}; without it `cleanup` does not see how far \
             replicas are behind, and `health` not what sessions do",
            request.owner.quoted(),
            request.operator.quoted()
        ));
    }
    cx.ui.answer(&RolesView {
        dry_run,
        owner: RoleView {
            role: request.owner.to_string(),
            made: makes_owner,
        },
        operator: RoleView {
            role: request.operator.to_string(),
            made: makes_operator,
        },
        handed_over,
        tenant_roles: settings.tenants.naming.role_prefix().map(|_| tenant_roles),
    })?;
    if dry_run {
        cx.ui.note("dry run: nothing was changed");
    } else {
        cx.ui
            .note("nobody logs in as these roles; docs/roles.md says how they are granted");
    }
    Ok(ExitStatus::Done)
}
