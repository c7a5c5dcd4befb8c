//! Reads the URL form of a connection string: `postgresql://user:password@host:port,host:port/dbname?keyword=value`.
//!
//! It cuts where libpq cuts, with two additions. An `=` inside a query value is kept, as every other driver does.
//! And where an `@` or `?` shows that a password was not percent-encoded, the URL is refused: going on would put a
//! piece of the password where a host or database name is expected, and then into messages.

use super::conninfo::{Pairs, unknown};
use super::conninfo_error::ConnInfoError;
use super::keyword;

use ConnInfoError::Malformed;

/// Reads what follows the scheme.
pub(super) fn parse(rest: &str) -> Result<Pairs, ConnInfoError> {
    let mut pairs = Pairs::new();

    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    let rest = match authority.find('@') {
        Some(at) => {
            read_login(&rest[..at], &mut pairs)?;
            &rest[at + 1..]
        }
        None => rest,
    };

    let (hosts, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    read_hosts(hosts, &mut pairs)?;

    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let dbname = path.strip_prefix('/').unwrap_or_default();
    if dbname.contains('@') {
        return Err(Malformed(
            "has an `@` in the database name, which must be written %40",
        ));
    }
    store(&mut pairs, "dbname", dbname)?;
    read_query(query, &mut pairs)?;
    Ok(pairs)
}

fn read_login(login: &str, pairs: &mut Pairs) -> Result<(), ConnInfoError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if user.contains('?') {
        return Err(Malformed("has a `?` before the `@`, which must be written %3F"));
    }
    store(pairs, "user", user)?;
    store(pairs, "password", password)
}

/// Reads `host:port,[::1]:port` into two lists, as the `host` and `port` keywords have them.
fn read_hosts(text: &str, pairs: &mut Pairs) -> Result<(), ConnInfoError> {
    if text.contains('@') {
        return Err(Malformed(
            "has more than one `@`; one in the password must be written %40",
        ));
    }
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for one in text.split(',') {
        let (host, port) = match one.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed
                    .split_once(']')
                    .ok_or(Malformed("has a `[` without its `]`"))?;
                if host.is_empty() {
                    return Err(Malformed("has an empty address in brackets"));
                }
                match after.strip_prefix(':') {
                    Some(port) => (host, port),
                    None if after.is_empty() => (host, ""),
                    None => {
                        return Err(Malformed(
                            "has something other than a port after an address in brackets",
                        ));
                    }
                }
            }
            None => one.split_once(':').unwrap_or((one, "")),
        };
        if port.contains(':') {
            return Err(Malformed(
                "has two colons in a host; an IPv6 address must stand in brackets",
            ));
        }
        hosts.push(host);
        ports.push(port);
    }
    store_list(pairs, "host", &hosts)?;
    store_list(pairs, "port", &ports)
}

fn read_query(query: &str, pairs: &mut Pairs) -> Result<(), ConnInfoError> {
    let mut previous = "";
    let mut rest = query;
    while !rest.is_empty() {
        let (one, after) = rest.split_once('&').unwrap_or((rest, ""));
        let (name, value) = one
            .split_once('=')
            .ok_or(Malformed("has a query parameter without an `=`"))?;
        let (name, value) = match (decode(name)?, decode(value)?) {
            // The way of JDBC, which libpq understands too.
            (name, value) if name == "ssl" && value == "true" => ("sslmode".to_owned(), "require".to_owned()),
            pair => pair,
        };
        let Some(known) = keyword::find(&name) else {
            return Err(unknown(
                &name,
                !keyword::is_secret(previous) && !rest.contains('@'),
            ));
        };
        pairs.insert(known.name, value);
        previous = known.name;
        rest = after;
    }
    Ok(())
}

fn store_list(pairs: &mut Pairs, keyword: &'static str, values: &[&str]) -> Result<(), ConnInfoError> {
    store(pairs, keyword, &values.join(","))
}

/// Keeps a part of the URL, unless it was left out.
fn store(pairs: &mut Pairs, keyword: &'static str, encoded: &str) -> Result<(), ConnInfoError> {
    if !encoded.is_empty() {
        pairs.insert(keyword, decode(encoded)?);
    }
    Ok(())
}

fn decode(encoded: &str) -> Result<String, ConnInfoError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut pieces = encoded.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let byte = piece
            .get(..2)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or(Malformed(
                "has a `%` without two hexadecimal digits; a plain one must be written %25",
            ))?;
        if byte == 0 {
            return Err(Malformed("contains a zero byte"));
        }
        bytes.push(byte);
        bytes.extend(piece.bytes().skip(2));
    }
    String::from_utf8(bytes).map_err(|_| Malformed("is not UTF-8 once decoded"))
}

/// Percent-encodes everything that could be taken for syntax.
#[cfg(test)]
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                encoded.push(char::from(byte));
            } else {
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(url: &str) -> Vec<(&'static str, String)> {
        super::super::conninfo::parse(url).unwrap().into_iter().collect()
    }

    fn expect(url: &str, wanted: &[(&'static str, &str)]) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        assert_eq!(read(url), wanted, "{url}");
    }

    /// The examples of libpq's documentation and of its own test of URLs.
    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        expect("postgresql://", &[]);
        expect("postgresql://localhost", &[("host", "localhost")]);
        expect(
            "postgresql://localhost:5433",
            &[("host", "localhost"), ("port", "5433")],
        );
        expect(
            "postgresql://localhost/mydb",
            &[("dbname", "mydb"), ("host", "localhost")],
        );
        expect(
            "postgresql://user:secret@localhost",
            &[("host", "localhost"), ("password", "secret"), ("user", "user")],
        );
        expect(
            "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
            &[
                ("application_name", "myapp"),
                ("connect_timeout", "10"),
                ("dbname", "otherdb"),
                ("host", "localhost"),
                ("user", "other"),
            ],
        );
        expect(
            "postgresql://host1:123,host2:456/somedb?target_session_attrs=any",
            &[
                ("dbname", "somedb"),
                ("host", "host1,host2"),
                ("port", "123,456"),
                ("target_session_attrs", "any"),
            ],
        );
        expect(
            "postgresql:///mydb?host=localhost&port=5433",
            &[("dbname", "mydb"), ("host", "localhost"), ("port", "5433")],
        );
        expect(
            "postgresql://[2001:db8::1234]/database",
            &[("dbname", "database"), ("host", "2001:db8::1234")],
        );
        expect(
            "postgres://[::1]:5433,db2",
            &[("host", "::1,db2"), ("port", "5433,")],
        );
        expect(
            "postgresql:///dbname?host=/var/lib/postgresql",
            &[("dbname", "dbname"), ("host", "/var/lib/postgresql")],
        );
        expect(
            "postgresql://%2Fvar%2Flib%2Fpostgresql/dbname",
            &[("dbname", "dbname"), ("host", "/var/lib/postgresql")],
        );
        expect(
            "postgres://user:p%40ss%2F%25@host/",
            &[("host", "host"), ("password", "p@ss/%"), ("user", "user")],
        );
        expect(
            "postgres://host?ssl=true",
            &[("host", "host"), ("sslmode", "require")],
        );
        expect(
            "postgres://u:a:b?c@host",
            &[("host", "host"), ("password", "a:b?c"), ("user", "u")],
        );
        expect("postgres://:12345", &[("port", "12345")]);
        expect("postgres://@host", &[("host", "host")]);
        expect(
            "postgres://host/db?options=-csearch_path%3Da&user=b",
            &[
                ("dbname", "db"),
                ("host", "host"),
                ("options", "-csearch_path=a"),
                ("user", "b"),
            ],
        );
        expect(
            "postgres://host?options=-ca=b",
            &[("host", "host"), ("options", "-ca=b")],
        );
    }

    #[test]
    fn broken_urls_are_refused_without_being_shown() {
        for rest in [
            "app:s3cret@x@host/db",
            "app:s3cret/x@host/db",
            "app:s3cret/@host/db",
            "app:%s3cret@host",
            "app:s3cret%0@host",
            "app:s3cret%00@host",
            "app:s3cret%ff@host",
            "app:x@host?s3cret",
            "app:x@host?s3cret=1",
            "app:x@y?s3cret=1@host",
            "app:x@host?password=x&secret=1",
            "host?password=s3cret@x",
            "[s3cret",
            "[]",
            "[::1]s3cret",
            "::1",
        ] {
            let error = super::super::conninfo::parse(&format!("postgres://{rest}")).unwrap_err();
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(
                !shown.contains("s3cret") && !shown.contains("secret"),
                "{rest}: {shown}"
            );
        }
    }

    proptest! {
        #[test]
        fn encoding_survives_the_round_trip(user in "[^\0]+", password in "[^\0]+", dbname in "[^\0]+") {
            let url = format!("postgres://{}:{}@h/{}", encode(&user), encode(&password), encode(&dbname));
            prop_assert_eq!(read(&url), [
                ("dbname", dbname), ("host", "h".to_owned()), ("password", password), ("user", user),
            ]);
        }
    }
}
