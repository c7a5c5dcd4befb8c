//! Reads a named service from `~/.pg_service.conf` or the system's `pg_service.conf`.
//!
//! The format is libpq's: sections in brackets, `keyword=value` lines without spaces around the `=`, comments.

use std::io;
use std::path::{Path, PathBuf};

use super::conninfo_error::{ConnInfoError, Origin};
use super::environment::Env;
use super::keyword;

/// Where packages of PostgreSQL look when `PGSYSCONFDIR` is not set.
const SYSTEM_DIRECTORIES: &[&str] = &["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];

type Entry = (&'static str, String, Origin);

/// The settings of one service. The user's file is asked first, then the system's.
pub(super) fn read(name: &str, env: &Env<'_>) -> Result<Vec<Entry>, ConnInfoError> {
    let candidates = candidates(env);
    for path in &candidates {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                if let Some(entries) = section(&text, name, path)? {
                    return Ok(entries);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(ConnInfoError::Unreadable {
                    path: path.clone(),
                    source,
                });
            }
        }
    }
    Err(ConnInfoError::UnknownService {
        name: name.to_owned(),
        searched: candidates,
    })
}

fn candidates(env: &Env<'_>) -> Vec<PathBuf> {
    let own = env
        .get("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| env.in_home(".pg_service.conf"));
    let system = match env.get("PGSYSCONFDIR") {
        Some(directory) => vec![PathBuf::from(directory)],
        None => SYSTEM_DIRECTORIES.iter().map(PathBuf::from).collect(),
    };
    own.into_iter()
        .chain(
            system
                .into_iter()
                .map(|directory| directory.join("pg_service.conf")),
        )
        .collect()
}

/// The entries of the section, or nothing when the file has no such section. Other sections are not judged.
fn section(text: &str, name: &str, path: &Path) -> Result<Option<Vec<Entry>>, ConnInfoError> {
    let mut entries: Option<Vec<Entry>> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if entries.is_some() {
                break;
            }
            if header.split_once(']').is_some_and(|(found, _)| found == name) {
                entries = Some(Vec::new());
            }
        } else if let Some(entries) = &mut entries {
            let (keyword, value) = entry(line, path, index + 1)?;
            entries.push((
                keyword,
                value,
                Origin::ServiceFile {
                    path: path.to_owned(),
                    line: index + 1,
                },
            ));
        }
    }
    Ok(entries)
}

fn entry(line: &str, path: &Path, number: usize) -> Result<(&'static str, String), ConnInfoError> {
    let refuse = |problem| {
        Err(ConnInfoError::ServiceFile {
            path: path.to_owned(),
            line: number,
            problem,
        })
    };
    if line.starts_with("ldap") {
        return refuse("services in LDAP are not supported");
    }
    let Some((name, value)) = line.split_once('=') else {
        return refuse("expected `keyword=value`");
    };
    if name.ends_with(char::is_whitespace) {
        return refuse("there must be no space before the `=`");
    }
    if name == "service" {
        return refuse("a service cannot refer to another");
    }
    match keyword::find(name) {
        Some(known) => Ok((known.name, value.to_owned())),
        None => {
            let name = keyword::looks_like_one(name).then(|| name.to_owned());
            Err(ConnInfoError::UnknownKeyword {
                nearest: name.as_deref().and_then(keyword::nearest),
                name,
                origin: Origin::ServiceFile {
                    path: path.to_owned(),
                    line: number,
                },
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# services\n\n[other]\nthis is=not judged\n[prod]\nhost=db.example\r\n  port=5433\n\
                        # comment\npassword= a=b \nport=1\n[prod]\nhost=second\n";

    fn read_section(text: &str, name: &str) -> Result<Option<Vec<Entry>>, ConnInfoError> {
        section(text, name, Path::new("services"))
    }

    #[test]
    fn only_the_first_section_of_the_name_is_read() {
        let entries = read_section(FILE, "prod").unwrap().unwrap();
        let pairs: Vec<_> = entries
            .iter()
            .map(|(keyword, value, _)| (*keyword, value.as_str()))
            .collect();

        assert_eq!(
            pairs,
            [
                ("host", "db.example"),
                ("port", "5433"),
                ("password", " a=b"),
                ("port", "1")
            ]
        );
        assert_eq!(entries[0].2.to_string(), "services:6");
        assert!(read_section(FILE, "absent").unwrap().is_none());
    }

    #[test]
    fn bad_lines_are_named_by_file_and_line_and_not_shown() {
        let shown = |line: &str| {
            read_section(&format!("[a]\n{line}\n"), "a")
                .unwrap_err()
                .to_string()
        };

        assert_eq!(shown("s3cret"), "services:2: expected `keyword=value`");
        assert_eq!(
            shown("password = x"),
            "services:2: there must be no space before the `=`"
        );
        assert_eq!(
            shown("service=b"),
            "services:2: a service cannot refer to another"
        );
        assert_eq!(
            shown("ldap://host/x"),
            "services:2: services in LDAP are not supported"
        );
        assert_eq!(shown("hots=x"), "unknown setting `hots` in services:2");
    }

    #[test]
    fn an_unknown_service_says_where_it_was_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        std::fs::write(home.path().join(".pg_service.conf"), "[prod]\nhost=h\n").unwrap();
        let lookup = |name: &str| ["HOME", "PGSYSCONFDIR"].contains(&name).then(|| path.clone());
        let env = Env::new(&lookup);

        assert_eq!(read("prod", &env).unwrap().len(), 1);
        assert_eq!(
            read("absent", &env).unwrap_err().to_string(),
            format!(
                "service `absent` is not defined in `{path}/.pg_service.conf` or `{path}/pg_service.conf`"
            )
        );
    }
}
