//! PostgreSQL's lexical rules: where a token begins and ends.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Space,
    Comment,
    /// An identifier or a keyword without quotes.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A string constant of any form, dollar quotes included.
    Text,
    Number,
    /// `;`
    Semicolon,
    /// A single other character.
    Symbol,
}

/// A piece of SQL text. The tokens of a text, one after the other, are that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
}

impl Token<'_> {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }
}

/// A quote or a comment that is opened and never closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: this {what} is never closed")]
pub struct Unterminated {
    pub what: &'static str,
    pub line: usize,
}

/// Cuts `sql` into tokens.
pub fn tokens(sql: &str) -> Result<Vec<Token<'_>>, Unterminated> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first).map_err(|what| Unterminated {
            what,
            line: sql[..sql.len() - rest.len()].matches('\n').count() + 1,
        })?;
        let (text, after) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = after;
    }
    Ok(tokens)
}

fn measure(rest: &str, first: char) -> Result<(TokenKind, usize), &'static str> {
    let while_true = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
    match first {
        _ if is_space(first) => Ok((TokenKind::Space, while_true(is_space))),
        '-' if rest.starts_with("--") => {
            Ok((TokenKind::Comment, rest.find(['\n', '\r']).unwrap_or(rest.len())))
        }
        '/' if rest.starts_with("/*") => Ok((TokenKind::Comment, block_comment(rest).ok_or("comment")?)),
        '\'' => Ok((
            TokenKind::Text,
            quoted(rest, 1, '\'', Escapes::None).ok_or("string")?,
        )),
        '"' => Ok((
            TokenKind::Quoted,
            quoted(rest, 1, '"', Escapes::None).ok_or("quoted name")?,
        )),
        '$' => match dollar_quoted(rest) {
            Some(Ok(length)) => Ok((TokenKind::Text, length)),
            Some(Err(())) => Err("dollar-quoted string"),
            // A parameter such as `$1`, or a stray sign.
            None => Ok((TokenKind::Symbol, 1)),
        },
        ';' => Ok((TokenKind::Semicolon, 1)),
        '0'..='9' => Ok((
            TokenKind::Number,
            while_true(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')),
        )),
        _ if begins_word(first) => {
            prefixed(rest).unwrap_or_else(|| Ok((TokenKind::Word, while_true(continues_word))))
        }
        other => Ok((TokenKind::Symbol, other.len_utf8())),
    }
}

/// String and identifier forms that begin with a letter: `E''`, `B''`, `X''`, `N''`, `U&''` and `U&""`.
fn prefixed(rest: &str) -> Option<Result<(TokenKind, usize), &'static str>> {
    let bytes = rest.as_bytes();
    let string = |length: Option<usize>| length.map(|length| (TokenKind::Text, length)).ok_or("string");
    let plain = |opening| string(quoted(rest, opening, '\'', Escapes::None));
    match (bytes[0].to_ascii_lowercase(), bytes.get(1), bytes.get(2)) {
        (b'e', Some(b'\''), _) => Some(string(escaped(rest))),
        (b'b' | b'x' | b'n', Some(b'\''), _) => Some(plain(2)),
        (b'u', Some(b'&'), Some(b'\'')) => Some(plain(3)),
        (b'u', Some(b'&'), Some(b'"')) => Some(
            quoted(rest, 3, '"', Escapes::None)
                .map(|length| (TokenKind::Quoted, length))
                .ok_or("quoted name"),
        ),
        _ => None,
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\x0b')
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn continues_word(c: char) -> bool {
    begins_word(c) || c.is_ascii_digit() || c == '$'
}

#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    None,
    Backslash,
}

/// The length of a quoted form whose content begins at `from`. A doubled quote stands for itself.
fn quoted(rest: &str, from: usize, quote: char, escapes: Escapes) -> Option<usize> {
    let mut characters = rest[from..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes == Escapes::Backslash {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return Some(from + at + 1);
            }
        }
    }
    None
}

/// The length of an `E''` string with the parts that continue it on later lines: they have escapes too.
fn escaped(rest: &str) -> Option<usize> {
    let mut end = quoted(rest, 2, '\'', Escapes::Backslash)?;
    while let Some(blanks) = continuation(&rest[end..]) {
        end = quoted(rest, end + blanks + 1, '\'', Escapes::Backslash)?;
    }
    Some(end)
}

/// The length of the blanks, a line break among them, before the next part of a string.
fn continuation(rest: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let tail = &rest[at..];
        let length = match tail.chars().next()? {
            '-' if tail.starts_with("--") => tail.find(['\n', '\r'])?,
            c if is_space(c) => c.len_utf8(),
            '\'' => return rest[..at].contains(['\n', '\r']).then_some(at),
            _ => return None,
        };
        at += length;
    }
}

fn dollar_quoted(rest: &str) -> Option<Result<usize, ()>> {
    let tag_end = rest[1..].find('$')? + 1;
    let tag = &rest[1..tag_end];
    let is_tag =
        tag.chars().all(|c| continues_word(c) && c != '$') && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let delimiter = &rest[..=tag_end];
    let body = &rest[delimiter.len()..];
    Some(
        body.find(delimiter)
            .map(|end| delimiter.len() + end + delimiter.len())
            .ok_or(()),
    )
}

fn block_comment(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}
