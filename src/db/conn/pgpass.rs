//! Looks a password up in a password file: `host:port:database:user:password` lines, the first match wins.

use std::io;
use std::path::Path;

use super::private_file;
use super::secret::Secret;

/// Whom a password is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// Any of these matches: a default socket is known by its directory and as `localhost`.
    pub(super) hosts: &'a [&'a str],
    pub(super) port: u16,
    pub(super) dbname: &'a str,
    pub(super) user: &'a str,
}

/// The password in the file. A file that is absent has none; one that others may read is not trusted, and said so.
pub(super) fn look_up(path: &Path, login: Login<'_>) -> Option<Secret> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() {
        tracing::warn!(
            "password file `{}` is not a plain file; it is not used",
            path.display()
        );
        return None;
    }
    if private_file::is_open_to_others(&metadata) {
        tracing::warn!(
            "password file `{}` can be read by others; it is not used until `chmod 0600` is run on it",
            path.display()
        );
        return None;
    }
    match std::fs::read(path) {
        Ok(bytes) => find(&String::from_utf8_lossy(&bytes), login),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("cannot read password file `{}`: {error}", path.display());
            None
        }
    }
}

fn find(text: &str, login: Login<'_>) -> Option<Secret> {
    let port = login.port.to_string();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(fields)
        .filter(|fields| fields.len() >= 5)
        .find(|fields| {
            fields[0].matches_any(login.hosts)
                && fields[1].matches_any(&[&port])
                && fields[2].matches_any(&[login.dbname])
                && fields[3].matches_any(&[login.user])
        })
        .map(|mut fields| Secret::new(fields.swap_remove(4).text))
}

/// One field, without its backslashes. An escaped star is a name and not the wildcard.
#[derive(Debug, Default)]
struct Field {
    text: String,
    escaped: bool,
}

impl Field {
    fn matches_any(&self, names: &[&str]) -> bool {
        (self.text == "*" && !self.escaped) || names.contains(&self.text.as_str())
    }
}

fn fields(line: &str) -> Vec<Field> {
    let mut fields = vec![];
    let mut field = Field::default();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => fields.push(std::mem::take(&mut field)),
            '\\' => {
                field.escaped = true;
                field.text.push(chars.next().unwrap_or('\\'));
            }
            c => field.text.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOGIN: Login<'_> = Login {
        hosts: &["db", "localhost"],
        port: 5432,
        dbname: "acme",
        user: "app",
    };

    fn password(text: &str) -> Option<String> {
        find(text, LOGIN).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_matching_line_wins() {
        let text = "# comment\n\nother:5432:acme:app:1\ndb:5433:acme:app:2\n*:*:*:other:3\n\
                    *:5432:*:app:first\r\ndb:5432:acme:app:second\n";

        assert_eq!(password(text).as_deref(), Some("first"));
        assert_eq!(password("localhost:*:*:*:socket").as_deref(), Some("socket"));
        assert_eq!(password("db:5432:acme:nobody:x"), None);
    }

    #[test]
    fn backslashes_escape_colons_and_themselves() {
        assert_eq!(password(r"*:*:*:*:a\:b\\c").as_deref(), Some(r"a:b\c"));
        assert_eq!(password(r"*:*:*:*:a:ignored").as_deref(), Some("a"));
        assert_eq!(password(r"\*:*:*:*:x"), None, "an escaped star is no wildcard");
        assert_eq!(password(r"*:*:*:*:trailing\").as_deref(), Some(r"trailing\"));
        let login = Login {
            dbname: "a:b",
            ..LOGIN
        };
        assert!(find(r"*:*:a\:b:*:x", login).is_some());
    }

    #[test]
    fn short_lines_are_skipped() {
        assert_eq!(password("*:*:*:*\n*:*:*:*:x").as_deref(), Some("x"));
        assert_eq!(password("*:*:*:*:").as_deref(), Some(""));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "*:*:*:*:x").unwrap();
        let with_mode = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            look_up(file.path(), LOGIN)
        };

        assert_eq!(with_mode(0o600), Some(Secret::new("x")));
        assert_eq!(with_mode(0o640), None);
        assert_eq!(with_mode(0o604), None);
        assert_eq!(look_up(file.path().parent().unwrap(), LOGIN), None);
        assert_eq!(look_up(Path::new("/nowhere/at/all"), LOGIN), None);
    }

    proptest! {
        #[test]
        fn any_password_can_be_written(password in "[^\r\n]+") {
            let escaped = password.replace('\\', r"\\").replace(':', r"\:");
            let found = find(&format!("db:5432:acme:app:{escaped}"), LOGIN).unwrap();
            prop_assert_eq!(found.expose(), password);
        }

        #[test]
        fn any_file_can_be_read(text in r"[ *:\\a\n#]*") {
            let _ = find(&text, LOGIN);
        }
    }
}
