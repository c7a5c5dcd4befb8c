//! Every connection keyword libpq knows (PostgreSQL 15 to 18), the variable that supplies its default, and what
//! becomes of it here.
//!
//! A keyword is honoured, left alone because nothing is lost by it, or refused unless it has a harmless value.
//! Settings that make a connection safer are never left alone. The values of honoured keywords are read in
//! `target`, `endpoint` and `tls_settings`.

use crate::words;

/// One row of the table.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
    pub(super) treatment: Treatment,
}

#[derive(Debug)]
pub(super) enum Treatment {
    Honoured,
    Ignored,
    /// Refused with the reason, unless empty or one of the values.
    OnlyIf(&'static [&'static str], &'static str),
}

use Treatment::{Honoured, Ignored, OnlyIf};

const fn row(name: &'static str, variable: &'static str, treatment: Treatment) -> Keyword {
    let variable = if variable.is_empty() { None } else { Some(variable) };
    Keyword {
        name,
        variable,
        treatment,
    }
}

static KEYWORDS: &[Keyword] = &[
    row("service", "PGSERVICE", Honoured),
    row("user", "PGUSER", Honoured),
    row("password", "PGPASSWORD", Honoured),
    row("passfile", "PGPASSFILE", Honoured),
    row("channel_binding", "PGCHANNELBINDING", Honoured),
    row("connect_timeout", "PGCONNECT_TIMEOUT", Honoured),
    row("dbname", "PGDATABASE", Honoured),
    row("host", "PGHOST", Honoured),
    row("hostaddr", "PGHOSTADDR", Honoured),
    row("port", "PGPORT", Honoured),
    // The driver always asks for UTF8 and decodes what it gets, so text is right whatever is asked for here.
    row("client_encoding", "PGCLIENTENCODING", Ignored),
    row("options", "PGOPTIONS", Honoured),
    row("application_name", "PGAPPNAME", Honoured),
    row("fallback_application_name", "", Honoured),
    row("keepalives", "", Honoured),
    row("keepalives_idle", "", Honoured),
    row("keepalives_interval", "", Honoured),
    row("keepalives_count", "", Honoured),
    row("tcp_user_timeout", "", Honoured),
    row("sslmode", "PGSSLMODE", Honoured),
    row("sslnegotiation", "PGSSLNEGOTIATION", Honoured),
    // rustls never compresses.
    row("sslcompression", "PGSSLCOMPRESSION", Ignored),
    row("sslcert", "PGSSLCERT", Honoured),
    row("sslkey", "PGSSLKEY", Honoured),
    row(
        "sslcertmode",
        "PGSSLCERTMODE",
        OnlyIf(
            &["allow", "disable"],
            "the TLS library does not say whether the server asked for a certificate",
        ),
    ),
    // Encrypted keys are refused where the key is read; for a plain key libpq ignores this too.
    row("sslpassword", "", Ignored),
    row("sslrootcert", "PGSSLROOTCERT", Honoured),
    row("sslcrl", "PGSSLCRL", Honoured),
    row(
        "sslcrldir",
        "PGSSLCRLDIR",
        OnlyIf(
            &[],
            "directories of revocation lists are not read; name one file with `sslcrl`",
        ),
    ),
    row("sslsni", "PGSSLSNI", Honoured),
    row(
        "requirepeer",
        "PGREQUIREPEER",
        OnlyIf(&[], "the operating system user behind a socket cannot be checked"),
    ),
    row(
        "require_auth",
        "PGREQUIREAUTH",
        OnlyIf(
            &[],
            "the way of authentication cannot be restricted; `channel_binding=require` insists on SCRAM over TLS",
        ),
    ),
    row("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Honoured),
    row("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Honoured),
    // The driver speaks 3.0, which is less than any limit.
    row("max_protocol_version", "PGMAXPROTOCOLVERSION", Ignored),
    row(
        "min_protocol_version",
        "PGMINPROTOCOLVERSION",
        OnlyIf(&["3.0"], "only version 3.0 of the protocol is spoken"),
    ),
    // For who wants to read the traffic.
    row("sslkeylogfile", "", Ignored),
    row(
        "gssencmode",
        "PGGSSENCMODE",
        OnlyIf(
            &["disable", "prefer"],
            "encryption through Kerberos is not supported; use TLS",
        ),
    ),
    // Only read while authenticating through Kerberos, which ends in an error of its own here.
    row("krbsrvname", "PGKRBSRVNAME", Ignored),
    row("gsslib", "PGGSSLIB", Ignored),
    row("gssdelegation", "PGGSSDELEGATION", Ignored),
    // Only read while authenticating through OAuth, which ends in an error of its own here.
    row("oauth_issuer", "", Ignored),
    row("oauth_client_id", "", Ignored),
    row("oauth_client_secret", "", Ignored),
    row("oauth_scope", "", Ignored),
    row(
        "scram_client_key",
        "",
        OnlyIf(&[], "keys of SCRAM are not taken in place of a password"),
    ),
    row(
        "scram_server_key",
        "",
        OnlyIf(&[], "keys of SCRAM are not taken in place of a password"),
    ),
    row(
        "replication",
        "",
        OnlyIf(
            &["false", "off", "no", "0"],
            "replication connections cannot run the SQL this program needs",
        ),
    ),
    row("target_session_attrs", "PGTARGETSESSIONATTRS", Honoured),
    row("load_balance_hosts", "PGLOADBALANCEHOSTS", Honoured),
    // Prisma puts these into a DATABASE_URL. They size and tune its own pool and cache, except `sslaccept`, which
    // loosens or repeats what `sslmode` says, and `schema`, which a program that picks the schema must not follow.
    row("connection_limit", "", Honoured),
    row("sslaccept", "", Honoured),
    row("schema", "", Ignored),
    row("pool_timeout", "", Ignored),
    row("pgbouncer", "", Ignored),
    row("statement_cache_size", "", Ignored),
    row("socket_timeout", "", Ignored),
];

/// What other drivers call a thing, where spelling alone would not lead to our name for it.
const ALIASES: &[(&str, &str)] = &[
    ("database", "dbname"),
    ("db", "dbname"),
    ("username", "user"),
    ("hostname", "host"),
    ("server", "host"),
    ("pass", "password"),
    ("ssl", "sslmode"),
    ("timeout", "connect_timeout"),
    ("search_path", "options"),
];

pub(super) fn all() -> impl Iterator<Item = &'static Keyword> {
    KEYWORDS.iter()
}

pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The keyword that was probably meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(meant);
    }
    let known: Vec<&str> = all().map(|keyword| keyword.name).collect();
    words::nearest(&name, &known)
}

/// Whether the value must not be seen.
pub(super) fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "password" | "sslpassword" | "oauth_client_secret" | "scram_client_key" | "scram_server_key"
    )
}

/// Whether text can be shown as a mistyped keyword: a stray piece of a password must not be.
pub(super) fn looks_like_one(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
}

/// The variables a child process such as `psql` would read, all of which must be cleared before our own are set.
pub fn libpq_variables() -> impl Iterator<Item = &'static str> {
    const OTHERS: &[&str] = &["PGSERVICEFILE", "PGSYSCONFDIR", "PGREQUIRESSL"];
    KEYWORDS
        .iter()
        .filter_map(|keyword| keyword.variable)
        .chain(OTHERS.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_keywords_lead_to_the_right_ones() {
        assert_eq!(nearest("sslmod"), Some("sslmode"));
        assert_eq!(nearest("pasword"), Some("password"));
        assert_eq!(nearest("Host"), Some("host"));
        assert_eq!(nearest("database"), Some("dbname"));
        assert_eq!(nearest("conect_timeout"), Some("connect_timeout"));
        assert_eq!(nearest("colour"), None);
    }

    #[test]
    fn what_libpq_18_knows_is_known() {
        for name in [
            "min_protocol_version",
            "max_protocol_version",
            "sslkeylogfile",
            "oauth_issuer",
            "oauth_client_id",
            "oauth_client_secret",
            "oauth_scope",
            "scram_client_key",
            "scram_server_key",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn no_keyword_is_listed_twice() {
        let mut names: Vec<_> = all().map(|keyword| keyword.name).collect();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), KEYWORDS.len());
    }
}
