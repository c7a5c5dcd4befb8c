//! The configuration file: what it may hold, where it is found, and what is said of a mistake in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::duration::{WrittenAge, WrittenDuration};
use super::retention::RetentionTable;
use super::{ConfigError, Environment};
use crate::words::nearest;

/// The name under which the file is looked for.
pub(super) const FILE_NAME: &str = "tenantctl.toml";

/// A configuration file as it was written: every key optional, nothing resolved.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) database: DatabaseTable,
    pub(super) tenants: TenantsTable,
    pub(super) roles: RolesTable,
    pub(super) fleet: FleetTable,
    pub(super) registry: MigrationsTable,
    pub(super) template: TemplateTable,
    pub(super) seed: SeedTable,
    pub(super) lint: LintTable,
    pub(super) sizes: SizesTable,
    pub(super) retention: RetentionTable,
    pub(super) health: HealthTable,
    pub(super) backup: BackupTable,
    pub(super) output: OutputTable,
    pub(super) local: LocalTable,
    pub(super) targets: BTreeMap<String, TargetTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DatabaseTable {
    pub(super) url: Option<String>,
    pub(super) direct_url: Option<String>,
    pub(super) shadow_url: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) pool_min: Option<usize>,
    pub(super) pool_max: Option<usize>,
    pub(super) pool_timeout: Option<WrittenDuration>,
    pub(super) query_timeout: Option<WrittenDuration>,
    pub(super) slow_query: Option<WrittenDuration>,
    pub(super) connect_wait: Option<WrittenDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TenantsTable {
    pub(super) prefix: Option<String>,
    pub(super) template: Option<String>,
    pub(super) search_path: Option<Vec<String>>,
    pub(super) default_plan: Option<String>,
    pub(super) lock_timeout: Option<WrittenDuration>,
    pub(super) role_prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RolesTable {
    pub(super) owner: Option<String>,
    pub(super) operator: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FleetTable {
    pub(super) jobs: Option<usize>,
    pub(super) retries: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MigrationsTable {
    pub(super) migrations: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TemplateTable {
    pub(super) migrations: Option<PathBuf>,
    pub(super) reference_tables: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SeedTable {
    pub(super) tenants: Option<PathBuf>,
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LintTable {
    pub(super) exclude: Option<Vec<String>>,
    pub(super) include: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SizesTable {
    pub(super) exact_up_to: Option<usize>,
    pub(super) keep: Option<WrittenAge>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HealthTable {
    pub(super) skip: Option<Vec<String>>,
    pub(super) fail_on: Option<super::FailOn>,
    pub(super) long_transaction: Option<WrittenDuration>,
    pub(super) idle_in_transaction: Option<WrittenDuration>,
    pub(super) blocked: Option<WrittenDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BackupTable {
    pub(super) dir: Option<PathBuf>,
    pub(super) recipients: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OutputTable {
    pub(super) format: Option<super::OutputFormat>,
    pub(super) color: Option<super::ColorChoice>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LocalTable {
    pub(super) enabled: Option<bool>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) bin_dir: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) database: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TargetTable {
    pub(super) url: Option<String>,
    pub(super) direct_url: Option<String>,
    pub(super) shadow_url: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads the file that was asked for, else the nearest one, else nothing. Relative paths in it are meant from
    /// the folder that it stands in.
    pub(super) fn find(
        asked_for: Option<&Path>,
        environment: &Environment,
    ) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let named = asked_for.or_else(|| environment.get("TENANTCTL_CONFIG").map(Path::new));
        if let Some(path) = named {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ConfigError::in_file(path, None, None, format!("cannot be read: {error}"))
            })?;
            return Ok((Self::parse(path, &text)?, Some(path.to_owned())));
        }
        for folder in environment.config_folders() {
            let path = folder.join(FILE_NAME);
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok((Self::parse(&path, &text)?, Some(path))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
                Err(error) => {
                    return Err(ConfigError::in_file(
                        &path,
                        None,
                        None,
                        format!("cannot be read: {error}"),
                    ));
                }
            }
        }
        Ok((Self::default(), None))
    }

    /// Reads a file's text; `path` is for messages and for the relative paths inside.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut file: Self = toml::from_str(text).map_err(|error| explain(path, text, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut paths: Vec<&mut Option<PathBuf>> = vec![
            &mut file.database.password_file,
            &mut file.backup.dir,
            &mut file.registry.migrations,
            &mut file.template.migrations,
            &mut file.seed.tenants,
            &mut file.seed.file,
            &mut file.local.data_dir,
            &mut file.local.bin_dir,
            &mut file.retention.archive_dir,
            &mut file.retention.file,
        ];
        paths.extend(file.targets.values_mut().map(|target| &mut target.password_file));
        for path in paths.into_iter().flatten() {
            *path = folder.join(&*path);
        }
        Ok(file)
    }
}

/// Turns the parser's words into ours: place, key, what is wrong, the nearest right name; never the line itself.
pub(super) fn explain(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map(|span| span.start);
    let line = offset.map(|offset| text[..offset].matches('\n').count() + 1);
    let key = offset.and_then(|offset| key_at(text, offset));
    let message = error.message();

    if let Some(rest) = message.strip_prefix("unknown field ") {
        let mut names = rest.split('`').skip(1).step_by(2);
        let unknown = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        let error = ConfigError::in_file(path, line, key, "there is no such key");
        return match nearest(unknown, &known) {
            Some(name) => error.with_hint(format!("did you mean `{name}`?")),
            None => error.with_hint(format!("known here: {}", known.join(", "))),
        };
    }
    if let Some((found, expected)) = message.split_once(", expected ") {
        if let Some(kind) = found
            .strip_prefix("invalid type: ")
            .or(found.strip_prefix("invalid value: "))
        {
            let kind = kind.split(['"', '`']).next().unwrap_or(kind).trim();
            return ConfigError::in_file(
                path,
                line,
                key,
                format!("expected {}, found {kind}", plain_type(expected)),
            );
        }
        if let Some(unknown) = found.strip_prefix("unknown variant ") {
            let message = format!(
                "`{}` is not possible here, expected {expected}",
                unknown.trim_matches('`')
            );
            return ConfigError::in_file(path, line, key, message);
        }
    }
    ConfigError::in_file(path, line, key, message)
}

fn plain_type(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "usize" | "u16" | "u32" | "u64" => "a whole number, 0 or more",
        other => other,
    }
}

/// The dotted key that the text at `offset` belongs to. A file that is no TOML at all has none.
fn key_at(text: &str, offset: usize) -> Option<String> {
    fn search(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>) -> bool {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            if key.span().contains(&offset) {
                return true;
            }
            if let DeValue::Table(inner) = value.get_ref()
                && search(inner, offset, path)
            {
                return true;
            }
            if value.span().contains(&offset) && !matches!(value.get_ref(), DeValue::Table(_)) {
                return true;
            }
            path.pop();
        }
        false
    }
    let table = DeTable::parse(text).ok()?;
    let mut path = Vec::new();
    search(table.get_ref(), offset, &mut path).then(|| path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> (String, Option<String>) {
        let error = ConfigFile::parse(Path::new("t.toml"), text).expect_err("a mistake");
        (error.to_string(), error.hint().map(str::to_owned))
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_right_one() {
        let (message, hint) = mistake("[database]\nurl = 'x'\npol_max = 3\n");
        assert_eq!(
            message,
            "t.toml, line 3, key `database.pol_max`: there is no such key"
        );
        assert_eq!(hint.as_deref(), Some("did you mean `pool_max`?"));
    }

    #[test]
    fn an_unknown_table_is_named_too() {
        let (message, hint) = mistake("\n[databas]\nurl = 'x'\n");
        assert_eq!(message, "t.toml, line 2, key `databas`: there is no such key");
        assert_eq!(hint.as_deref(), Some("did you mean `database`?"));
    }

    #[test]
    fn a_key_unlike_any_other_lists_what_is_known() {
        let (_, hint) = mistake("[fleet]\ncolour = 3\n");
        assert_eq!(hint.as_deref(), Some("known here: jobs, retries"));
    }

    #[test]
    fn a_wrong_type_says_what_was_expected() {
        let (message, _) = mistake("[database]\npool_max = 'many'\n");
        assert_eq!(
            message,
            "t.toml, line 2, key `database.pool_max`: expected a whole number, 0 or more, found string"
        );
        let (message, _) = mistake("[output]\nformat = 'xml'\n");
        assert!(
            message.contains("`xml` is not possible here, expected one of `human`, `json`, `csv`"),
            "{message}"
        );
    }

    #[test]
    fn a_bad_duration_says_how_to_write_one() {
        let (message, _) = mistake("[database]\npool_timeout = '5'\n");
        assert!(
            message.starts_with("t.toml, line 2, key `database.pool_timeout`: duration `5` needs a unit"),
            "{message}"
        );
    }

    #[test]
    fn a_mistake_never_shows_the_text_around_it() {
        for text in [
            "[database]\nurl = 'postgres://u:hunter2@h\n",
            "[database]\nurl = 'a'\nurl = 'postgres://u:hunter2@h'\n",
            "[database]\npool_max = 'postgres://u:hunter2@h'\n",
            "[fleet]\njobs = 'hunter2\"'\n",
        ] {
            let (message, hint) = mistake(text);
            assert!(!format!("{message}{hint:?}").contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn keys_inside_targets_are_named_in_full() {
        let (message, hint) = mistake("[targets.eu]\nur = 'x'\n");
        assert_eq!(
            message,
            "t.toml, line 2, key `targets.eu.ur`: there is no such key"
        );
        assert_eq!(hint.as_deref(), Some("did you mean `url`?"));
    }

    #[test]
    fn relative_paths_are_meant_from_the_files_own_folder() {
        let file = ConfigFile::parse(
            Path::new("/etc/tenantctl/tenantctl.toml"),
            "[database]\npassword_file = 'pw'\n",
        )
        .expect("valid");
        assert_eq!(
            file.database.password_file,
            Some(PathBuf::from("/etc/tenantctl/pw"))
        );
    }
}
