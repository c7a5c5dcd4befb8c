//! Reads a connection string, in either of libpq's forms, into keywords and values.
//!
//! This file knows the `keyword=value` form and [`url`] the other. What the values mean, and where the
//! missing ones come from, is left to `settings` and `target`.

use std::collections::BTreeMap;

use super::conninfo_error::{ConnInfoError, Origin};
use super::{keyword, url};

/// Keyword and value; the last of several wins, as in libpq.
pub(super) type Pairs = BTreeMap<&'static str, String>;

/// Reads a URL or `keyword=value` pairs.
pub(super) fn parse(text: &str) -> Result<Pairs, ConnInfoError> {
    let text = text.trim();
    if text.contains('\0') {
        return Err(ConnInfoError::Malformed("contains a zero byte"));
    }
    if text.starts_with(['"', '\'']) {
        return Err(ConnInfoError::Malformed(
            "is wrapped in quotes, which do not belong to it",
        ));
    }
    if let Some(rest) = text
        .strip_prefix("postgresql://")
        .or_else(|| text.strip_prefix("postgres://"))
    {
        return url::parse(rest);
    }
    match text.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => Err(ConnInfoError::UnknownScheme(scheme.to_owned())),
        _ => parse_pairs(text),
    }
}

fn parse_pairs(text: &str) -> Result<Pairs, ConnInfoError> {
    let mut pairs = Pairs::new();
    let mut previous = "";
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let end = rest.find(|c| c == '=' || is_space(c)).unwrap_or(rest.len());
        let (name, after_name) = rest.split_at(end);
        let Some(after_equals) = after_name.trim_start_matches(is_space).strip_prefix('=') else {
            return Err(ConnInfoError::Malformed(
                "is neither a URL nor a list of keyword=value pairs",
            ));
        };
        let Some(known) = keyword::find(name) else {
            return Err(unknown(name, !keyword::is_secret(previous)));
        };
        let (value, after_value) = take_value(after_equals.trim_start_matches(is_space))?;
        pairs.insert(known.name, value);
        previous = known.name;
        rest = after_value.trim_start_matches(is_space);
    }
    Ok(pairs)
}

/// Takes a plain or quoted value off the front. A doubled quote inside quotes stands for one, which libpq calls an
/// error; elsewhere the rules are the same.
fn take_value(text: &str) -> Result<(String, &str), ConnInfoError> {
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted && chars.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && is_space(c) => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(ConnInfoError::Malformed("has a quote that is never closed"));
    }
    Ok((value, ""))
}

/// The error for a keyword nobody knows. It is shown only when it cannot be a piece of a password.
pub(super) fn unknown(name: &str, may_be_shown: bool) -> ConnInfoError {
    let shown = may_be_shown && keyword::looks_like_one(name);
    ConnInfoError::UnknownKeyword {
        name: shown.then(|| name.to_owned()),
        nearest: if shown { keyword::nearest(name) } else { None },
        origin: Origin::ConnectionString,
    }
}

/// C's `isspace`, which libpq splits at.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 24
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(&'static str, String)> {
        parse(text).unwrap().into_iter().collect()
    }

    fn pair(name: &'static str, value: &str) -> (&'static str, String) {
        (name, value.to_owned())
    }

    fn quote(value: &str) -> String {
        format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        assert_eq!(pairs("host=a port=1"), [pair("host", "a"), pair("port", "1")]);
        assert_eq!(
            pairs("  host = a\tport =1\n"),
            [pair("host", "a"), pair("port", "1")]
        );
        assert_eq!(
            pairs("host='a b'port=1"),
            [pair("host", "a b"), pair("port", "1")]
        );
        assert_eq!(
            pairs(r"password='it''s \' quoted'"),
            [pair("password", "it's ' quoted")]
        );
        assert_eq!(pairs(r"password=a\ b\\c\'"), [pair("password", r"a b\c'")]);
        assert_eq!(pairs("host='' user=x"), [pair("host", ""), pair("user", "x")]);
        assert_eq!(pairs("host="), [pair("host", "")]);
        // Space after the equals sign is skipped, even where that swallows the next pair.
        assert_eq!(pairs("host= port=1"), [pair("host", "port=1")]);
        assert_eq!(pairs("host=a host=b"), [pair("host", "b")]);
        assert_eq!(pairs(r"user=a\"), [pair("user", "a")]);
    }

    #[test]
    fn broken_pairs_are_refused_without_being_shown() {
        for text in [
            "s3cret",
            "password=my s3cret",
            "password=my s3cret=1",
            "password='s3cret",
            "'s3cret=1'",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn an_unknown_keyword_is_named_with_its_neighbour() {
        let error = parse("host=a sslmod=require").unwrap_err();

        assert_eq!(
            error.to_string(),
            "unknown setting `sslmod` in the connection string"
        );
        assert_eq!(error.hint().unwrap(), "did you mean `sslmode`?");
    }

    #[test]
    fn another_scheme_is_refused_by_name() {
        for scheme in ["mysql", "jdbc:postgresql", "postgresql+psycopg2", "POSTGRES"] {
            let error = parse(&format!("{scheme}://app:s3cret@db/acme")).unwrap_err();
            assert!(!error.to_string().contains("s3cret"));
            assert!(error.hint().unwrap().contains("postgresql://"));
        }
    }

    proptest! {
        #[test]
        fn quoting_survives_the_round_trip(user in "[^\0]*", password in "[^\0]*") {
            let text = format!("user={} password={}", quote(&user), quote(&password));
            prop_assert_eq!(pairs(&text), [pair("password", &password), pair("user", &user)]);
        }

        #[test]
        fn hostile_text_never_panics(text in ".*") {
            let _ = parse(&text);
            let _ = parse(&format!("postgres://{text}"));
        }

        #[test]
        fn text_of_syntax_never_panics(text in r"[ '\\=%@:/?&,\[\]a1]*") {
            let _ = parse(&text);
            let _ = parse(&format!("host={text}"));
            let _ = parse(&format!("postgres://{text}"));
        }
    }
}
