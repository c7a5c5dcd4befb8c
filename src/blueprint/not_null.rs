//! How a `NOT NULL` with a name becomes another one.

use super::object::Object;

/// The statements for what PostgreSQL can change in its place, which is all but to take something back: that it holds,
/// and that children have it.
pub(super) fn change(expected: &Object, found: &Object) -> Option<String> {
    let (wanted, is) = (Named::of(expected)?, Named::of(found)?);
    let owner = wanted.owner;
    let mut statements = Vec::new();
    if is.name != wanted.name {
        statements.push(format!(
            "{owner} RENAME CONSTRAINT {} TO {}",
            is.name, wanted.name
        ));
    }
    match (is.is_inherited, wanted.is_inherited) {
        (true, false) => return None,
        (false, true) => statements.push(format!("{owner} ALTER CONSTRAINT {} INHERIT", wanted.name)),
        _ => {}
    }
    match (is.is_valid, wanted.is_valid) {
        (true, false) => return None,
        (false, true) => statements.push(format!("{owner} VALIDATE CONSTRAINT {}", wanted.name)),
        _ => {}
    }
    (!statements.is_empty()).then(|| statements.join(";\n"))
}

/// The pieces of `ALTER TABLE t ADD CONSTRAINT n NOT NULL c NO INHERIT NOT VALID`, or of the like for a domain.
struct Named<'a> {
    /// `ALTER TABLE t`
    owner: &'a str,
    name: &'a str,
    is_inherited: bool,
    is_valid: bool,
}

impl<'a> Named<'a> {
    fn of(object: &'a Object) -> Option<Self> {
        let text = object.create.as_deref()?;
        let words = ["ALTER TABLE ", "ALTER FOREIGN TABLE ", "ALTER DOMAIN "];
        let after = words.iter().find_map(|words| text.strip_prefix(words))?;
        let after = &after[identifier(after)..];
        let owner = &text[..text.len() - after.len()];
        let after = after.strip_prefix(" ADD CONSTRAINT ")?;
        let (name, after) = after.split_at(identifier(after));
        let after = after.strip_prefix(" NOT NULL")?;
        let valid = after.strip_suffix(" NOT VALID");
        Some(Self {
            owner,
            name,
            is_inherited: !valid.unwrap_or(after).ends_with(" NO INHERIT"),
            is_valid: valid.is_none(),
        })
    }
}

/// The length of the name that the text begins with.
fn identifier(text: &str) -> usize {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.find(' ').unwrap_or(text.len());
    };
    let mut end = 0;
    while let Some(quote) = quoted[end..].find('"') {
        end += quote + 1;
        if !quoted[end..].starts_with('"') {
            return end + 1;
        }
        end += 1;
    }
    text.len()
}
