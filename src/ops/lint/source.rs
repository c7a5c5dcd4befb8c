//! A file as the rules see it: its statements word by word, each with its place.

use std::ops::Range;

use crate::db::{Token, TokenKind, Unterminated, statements, tokens, unquoted};

/// The comment before the first statement that asks for no transaction.
pub(super) use crate::db::migrator::NO_TRANSACTION;

/// A file's text, taken apart.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    /// Whether all statements are one transaction.
    pub(super) in_transaction: bool,
    pub(super) statements: Vec<Statement<'a>>,
    pub(super) comments: Vec<Comment<'a>>,
}

/// One statement, without its semicolon.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub(super) span: Range<usize>,
    /// Its tokens, blanks and comments left out.
    pub(super) words: Vec<Word<'a>>,
}

/// A token of a statement.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// How many parentheses are open around it.
    pub(super) depth: usize,
}

/// A comment and where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comment<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Source<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Unterminated> {
        let mut placed = Vec::new();
        let mut at = 0;
        for token in tokens(text)? {
            placed.push((at, token));
            at += token.text.len();
        }
        let mut spans = Vec::new();
        let mut rest = placed.as_slice();
        for statement in statements(text)? {
            let is_start =
                |(_, token): &(usize, Token<'_>)| !token.is_blank() && token.kind != TokenKind::Semicolon;
            let Some(first) = rest.iter().position(is_start) else {
                break;
            };
            let start = rest[first].0;
            let end = start + statement.text.len();
            let length = rest[first..].iter().take_while(|(at, _)| *at < end).count();
            spans.push((start..end, &rest[first..first + length]));
            rest = &rest[first + length..];
        }
        let comments = placed
            .iter()
            .filter(|(_, token)| token.kind == TokenKind::Comment);
        let comments: Vec<Comment<'a>> = comments
            .map(|(at, token)| Comment {
                text: token.text,
                at: *at,
            })
            .collect();
        let first = spans.first().map_or(text.len(), |(span, _)| span.start);
        Ok(Self {
            text,
            in_transaction: !comments
                .iter()
                .any(|comment| comment.at < first && comment.text.trim() == NO_TRANSACTION),
            statements: spans
                .into_iter()
                .map(|(span, tokens)| Statement::new(span, tokens))
                .collect(),
            comments,
        })
    }

    /// The statement that a place lies in.
    pub(super) fn statement_at(&self, at: usize) -> Option<usize> {
        self.statements
            .iter()
            .position(|statement| statement.span.contains(&at))
    }
}

impl<'a> Statement<'a> {
    fn new(span: Range<usize>, tokens: &[(usize, Token<'a>)]) -> Self {
        let mut depth = 0_usize;
        let mut words = Vec::new();
        for (at, token) in tokens.iter().filter(|(_, token)| !token.is_blank()) {
            if token.text == ")" {
                depth = depth.saturating_sub(1);
            }
            words.push(Word {
                kind: token.kind,
                text: token.text,
                at: *at,
                depth,
            });
            if token.text == "(" {
                depth += 1;
            }
        }
        Self { span, words }
    }

    /// Whether the words from `at` on are these keywords.
    pub(super) fn reads(&self, at: usize, keywords: &[&str]) -> bool {
        self.words
            .get(at..at + keywords.len())
            .is_some_and(|words| words.iter().zip(keywords).all(|(word, keyword)| word.is(keyword)))
    }

    pub(super) fn begins(&self, keywords: &[&str]) -> bool {
        self.reads(0, keywords)
    }

    /// Its first words in lower case.
    pub(super) fn opening(&self) -> Vec<String> {
        self.words
            .iter()
            .take_while(|word| word.kind == TokenKind::Word)
            .take(4)
            .map(|word| word.text.to_ascii_lowercase())
            .collect()
    }

    /// Where these keywords first stand one behind the other.
    pub(super) fn find(&self, keywords: &[&str]) -> Option<usize> {
        (0..self.words.len()).find(|at| self.reads(*at, keywords))
    }

    pub(super) fn has(&self, keywords: &[&str]) -> bool {
        self.find(keywords).is_some()
    }

    /// The place of one of its words.
    pub(super) fn span_of(&self, at: usize) -> Range<usize> {
        self.words
            .get(at)
            .map_or(self.span.clone(), |word| word.at..word.at + word.text.len())
    }

    /// The index after these keywords where they stand at `at`, else `at`.
    pub(super) fn past(&self, at: usize, keywords: &[&str]) -> usize {
        if self.reads(at, keywords) {
            at + keywords.len()
        } else {
            at
        }
    }

    /// The last part of the name at `at`, and the index after it.
    pub(super) fn name(&self, mut at: usize) -> Option<(String, usize)> {
        loop {
            let name = self.words.get(at)?.name()?;
            if self.words.get(at + 1).is_none_or(|word| word.text != ".") {
                return Some((name, at + 1));
            }
            at += 2;
        }
    }

    /// The names from `at` on that commas part.
    pub(super) fn names(&self, mut at: usize) -> Vec<String> {
        let mut names = Vec::new();
        while let Some((name, next)) = self.name(self.past(at, &["only"])) {
            names.push(name);
            let next = if self.words.get(next).is_some_and(|word| word.text == "*") {
                next + 1
            } else {
                next
            };
            if self.words.get(next).is_none_or(|word| word.text != ",") {
                break;
            }
            at = next + 1;
        }
        names
    }

    /// The index after the options in parentheses at `at`, if there are any.
    pub(super) fn past_parentheses(&self, at: usize) -> usize {
        match self.words.get(at) {
            Some(word) if word.text == "(" => {
                let end = self.words[at..]
                    .iter()
                    .position(|other| other.text == ")" && other.depth == word.depth);
                end.map_or(self.words.len(), |end| at + end + 1)
            }
            _ => at,
        }
    }
}

impl Word<'_> {
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// As a name: folded, or without its quotes.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::Quoted => unquoted(self.text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_know_their_places() {
        let text = "-- SELECT 1\n;; SELECT 1 ; /* x */ALTER TABLE ONLY a.\"B c\" ADD (x);";
        let source = Source::read(text).expect("readable");
        let spans: Vec<&str> = source
            .statements
            .iter()
            .map(|statement| &text[statement.span.clone()])
            .collect();
        assert_eq!(spans, ["SELECT 1", "ALTER TABLE ONLY a.\"B c\" ADD (x)"]);
        let alter = &source.statements[1];
        assert_eq!(alter.names(2), ["B c"]);
        let depths: Vec<usize> = alter.words.iter().map(|word| word.depth).collect();
        assert_eq!(depths, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn only_a_comment_before_the_first_statement_asks_for_no_transaction() {
        let is_one = |text: &str| Source::read(text).expect("readable").in_transaction;
        assert!(!is_one("-- tenantctl: no-transaction\nSELECT 1"));
        assert!(!is_one("-- words\n-- tenantctl: no-transaction\n"));
        assert!(is_one("SELECT 1;\n-- tenantctl: no-transaction\nSELECT 2"));
        assert!(is_one("SELECT '\n-- tenantctl: no-transaction\n'"));
    }
}
