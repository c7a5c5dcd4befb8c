//! The applications that the program carries: what their tenants look like, demo tenants and demo data for them, and
//! what of it is thrown away in time. They are files in `fixtures/apps/`, and `tenant_template/`.

use std::fmt;

use crate::db::migrator::Migrations;

/// One of the applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// The one that is meant when none is named.
    Metrics,
    Sales,
    Inbox,
    Viral,
    Auth,
}

/// The files of an application, beside its migrations.
#[derive(Debug, Clone, Copy)]
struct Files {
    name: &'static str,
    about: &'static str,
    tenants: &'static str,
    seed: &'static str,
    retention: &'static str,
    readme: &'static str,
}

macro_rules! files {
    ($name:literal, $about:literal) => {
        Files {
            name: $name,
            about: $about,
            tenants: include_str!(concat!("../../fixtures/apps/", $name, "/tenants.toml")),
            seed: include_str!(concat!("../../fixtures/apps/", $name, "/seed.sql")),
            retention: include_str!(concat!("../../fixtures/apps/", $name, "/retention.toml")),
            readme: include_str!(concat!("../../fixtures/apps/", $name, "/README.md")),
        }
    };
}

impl App {
    pub const ALL: [Self; 5] = [Self::Metrics, Self::Sales, Self::Inbox, Self::Viral, Self::Auth];

    fn files(self) -> &'static Files {
        const METRICS: Files = files!("metrics", "work sessions, tool usage, dashboards");
        const SALES: Files = files!("sales", "prospects, campaigns, sequences of mails");
        const INBOX: Files = files!("inbox", "messages of all channels in one inbox");
        const VIRAL: Files = files!("viral", "ideas for videos, and what became of them");
        const AUTH: Files = files!("auth", "users who sign in by mail, and their posts");
        match self {
            Self::Metrics => &METRICS,
            Self::Sales => &SALES,
            Self::Inbox => &INBOX,
            Self::Viral => &VIRAL,
            Self::Auth => &AUTH,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.files().name
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        self.files().about
    }

    /// The migrations of its template.
    pub fn migrations(self) -> Migrations {
        Migrations::of_application(self.name()).unwrap_or_else(Migrations::template)
    }

    /// Its demo tenants, as a file for [`super::batch`].
    pub fn tenants(self) -> &'static str {
        self.files().tenants
    }

    /// The SQL of its demo data.
    pub fn seed(self) -> &'static str {
        self.files().seed
    }

    /// Its policies of retention.
    pub fn retention(self) -> &'static str {
        self.files().retention
    }

    /// What its features are in terms of this program.
    pub fn readme(self) -> &'static str {
        self.files().readme
    }

    /// The application whose template's history begins with this line: version, name and checksum.
    pub fn of_first_line(line: &str) -> Option<Self> {
        let begins_so = |app: &Self| app.migrations().first_line().is_some_and(|first| first == line);
        Self::ALL.into_iter().find(begins_so)
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Naming;
    use crate::tenant::batch::{self, Defaults, Format};

    #[test]
    fn every_application_has_three_demo_tenants_of_three_plans() {
        let template = crate::db::SchemaName::new("tenant_template").expect("a name");
        let naming = Naming::new("tenant_", template).expect("a prefix");
        let defaults = Defaults {
            plan: "none".to_owned(),
            region: None,
            metadata: serde_json::json!({}),
        };
        for app in App::ALL {
            let tenants = batch::read(app.tenants(), Format::Toml, &naming, &defaults)
                .unwrap_or_else(|error| panic!("{app}: {error}"));
            let plans: Vec<&str> = tenants.iter().map(|tenant| tenant.plan.as_str()).collect();
            assert_eq!(plans, ["basic", "pro", "enterprise"], "{app}");
            assert!(tenants.iter().all(|tenant| tenant.domain.is_some()), "{app}");
        }
    }

    #[test]
    fn every_application_is_known_by_its_first_migration() {
        for app in App::ALL {
            let first = app.migrations().first_line().expect("a migration");
            assert_eq!(App::of_first_line(&first), Some(app));
        }
        assert_eq!(App::of_first_line("1 users 42"), None);
    }

    #[test]
    fn the_migrations_of_applications_name_no_schema() {
        for app in App::ALL {
            for (file, sql) in app.migrations().texts() {
                for line in sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
                    let line = line.replace("pg_catalog.", "");
                    assert!(
                        !line.contains("public.") && !line.contains("tenant_template"),
                        "{app}, {file}: {line}"
                    );
                }
            }
        }
    }
}
