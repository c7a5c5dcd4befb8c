//! What a policy means in one schema: which rows are due, and whether it can be meant at all.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::shape::{Column, Shape, Table};
use crate::config::{PolicyAction, PolicySettings};
use crate::db::{QuotedIdent, QuotedText, SchemaName, Token, TokenKind, tokens};

/// A policy with the window that holds in this run.
#[derive(Debug, Clone)]
pub struct Rule {
    pub settings: PolicySettings,
    /// A window that was given for this very policy.
    pub own_days: Option<u32>,
    /// The window for policies that have none of their own.
    pub days: Option<u32>,
}

/// Why a policy does not fit a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("policy `{policy}`: there is no table `{table}`")]
    NoTable { policy: String, table: String },
    #[error("policy `{policy}`: `{table}` holds no rows of its own")]
    NotATable { policy: String, table: String },
    #[error("policy `{policy}`: table `{table}` has no column `{column}`")]
    NoColumn {
        policy: String,
        table: String,
        column: String,
    },
    #[error(
        "policy `{policy}`: column `{column}` of table `{table}` is of type {found}, which tells no time"
    )]
    NoTime {
        policy: String,
        table: String,
        column: String,
        found: String,
    },
    #[error("policy `{policy}`: its `{key}` is not one expression")]
    NotOneExpression { policy: String, key: String },
    #[error("policy `{policy}`: {reason}")]
    Refused { policy: String, reason: String },
    #[error(
        "policy `{policy}`: rows of `{table}` refer to each other in circles, and those that the database would \
         delete along are not archived"
    )]
    Circular { policy: String, table: String },
}

impl Rule {
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The days after which rows of a tenant on this plan are due.
    pub fn days_for(&self, plan: &str) -> Option<u32> {
        let of_plan = self.settings.days_by_plan.get(plan).copied();
        self.own_days.or(of_plan).or(self.settings.days).or(self.days)
    }

    /// Whether there may be tenants for whom nobody has said how many days.
    pub fn needs_days(&self) -> bool {
        self.own_days.or(self.settings.days).or(self.days).is_none()
    }

    /// The window on this plan, and the moment before which rows are due by it.
    pub(super) fn window(&self, now: Timestamp, plan: &str) -> Option<(u32, Timestamp)> {
        let days = self.days_for(plan)?;
        let cut_off = now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24));
        Some((days, cut_off.ok()?))
    }

    pub(super) fn redacts(&self) -> Option<&BTreeMap<String, String>> {
        match &self.settings.action {
            PolicyAction::Redact(set) => Some(set),
            PolicyAction::Delete | PolicyAction::Archive => None,
        }
    }

    pub fn archives(&self) -> bool {
        self.settings.action == PolicyAction::Archive
    }

    /// Finds what cannot be meant before any database is asked.
    pub fn check(&self) -> Result<(), Unfit> {
        let condition = self.settings.condition.iter().map(|sql| ("where", sql));
        let set = self.redacts().into_iter().flatten();
        let set = set.map(|(column, sql)| (column.as_str(), sql));
        for (key, sql) in condition.chain(set) {
            if !is_one_expression(sql) {
                return Err(Unfit::NotOneExpression {
                    policy: self.name().to_owned(),
                    key: key.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The policy's table in a schema, and its column.
    pub(super) fn find<'a>(
        &self,
        shape: &'a Shape,
        schema: &SchemaName,
    ) -> Result<(&'a Table, &'a Column), Unfit> {
        let policy = self.name().to_owned();
        let table = self.settings.table.clone();
        let Some(found) = shape.table(schema, &table) else {
            return Err(Unfit::NoTable { policy, table });
        };
        if !matches!(found.kind.as_str(), "r" | "p") || found.units.iter().any(|unit| unit.kind != "r") {
            return Err(Unfit::NotATable { policy, table });
        }
        let missing = |column: &str| Unfit::NoColumn {
            policy: policy.clone(),
            table: table.clone(),
            column: column.to_owned(),
        };
        for column in self.redacts().into_iter().flat_map(BTreeMap::keys) {
            found.column(column).ok_or_else(|| missing(column))?;
        }
        let column = found
            .column(&self.settings.column)
            .ok_or_else(|| missing(&self.settings.column))?;
        if literal(&column.base, Timestamp::UNIX_EPOCH).is_none() {
            return Err(Unfit::NoTime {
                policy,
                table,
                column: column.name.clone(),
                found: column.r#type.clone(),
            });
        }
        Ok((found, column))
    }

    /// That a row is due: older than the cut-off, of those that the policy is about, and not redacted yet.
    pub(super) fn due(&self, table: &Table, column: &Column, cut_off: Timestamp) -> String {
        let alias = self.alias();
        let mut due = self.meant(column, cut_off);
        if let Some(set) = self.redacts() {
            let changes: Vec<String> = assignments(table, set)
                .map(|(name, value, is_json)| match is_json {
                    true => format!("{alias}.{name}::text IS DISTINCT FROM ({value})::text"),
                    false => format!("{alias}.{name} IS DISTINCT FROM {value}"),
                })
                .collect();
            due.push_str(&format!(" AND ({})", changes.join(" OR ")));
        }
        due
    }

    /// That a row which is redacted now would be due in another run. What tells the time is the same within this one and
    /// another then, so only what else the policy says can leave the row out.
    pub(super) fn due_again(&self, table: &Table, column: &Column, cut_off: Timestamp) -> String {
        let mut set = self.redacts().into_iter().flat_map(BTreeMap::values);
        match set.any(|sql| tells_time(sql)) {
            true => self.meant(column, cut_off),
            false => self.due(table, column, cut_off),
        }
    }

    /// That a row is older than the cut-off, and of those that the policy is about.
    fn meant(&self, column: &Column, cut_off: Timestamp) -> String {
        let alias = self.alias();
        let name = QuotedIdent::new(&column.name);
        let before = literal(&column.base, cut_off).unwrap_or_else(|| "NULL".to_owned());
        // What has been there for ever is no date.
        let mut due = format!("{alias}.{name} < {before} AND {alias}.{name} > '-infinity'");
        if let Some(condition) = &self.settings.condition {
            due.push_str(&format!(" AND (\n{condition}\n)"));
        }
        due
    }

    /// What an `UPDATE` sets.
    pub(super) fn set_list(&self, table: &Table) -> String {
        let set = self.redacts().into_iter().flat_map(|set| assignments(table, set));
        set.map(|(name, value, _)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The columns of a row as they are once it is redacted, unless a trigger or a generated column says otherwise.
    pub(super) fn redacted_row(&self, table: &Table) -> String {
        let set = self.redacts().into_iter().flat_map(|set| assignments(table, set));
        let values: BTreeMap<String, String> = set.map(|(name, value, _)| (name, value)).collect();
        let columns = table.column_names().map(|name| {
            let name = QuotedIdent::new(name).to_string();
            match values.get(&name) {
                Some(value) => format!("{value} AS {name}"),
                None => name,
            }
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The table goes by its own name in statements, so that conditions may use it.
    pub(super) fn alias(&self) -> String {
        QuotedIdent::new(&self.settings.table).to_string()
    }
}

/// Columns with the values they get, as the columns' own types, and whether values of that type cannot be compared.
fn assignments<'a>(
    table: &'a Table,
    set: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String, bool)> + 'a {
    set.iter().filter_map(|(name, expression)| {
        let column = table.column(name)?;
        let value = format!("CAST((\n{expression}\n) AS {})", column.r#type);
        Some((QuotedIdent::new(name).to_string(), value, column.base == "json"))
    })
}

/// A moment as a constant of a type that tells time. Without a time zone it is UTC; a date is due once its day is over.
pub(super) fn literal(r#type: &str, moment: Timestamp) -> Option<String> {
    let text = match r#type {
        "timestamp with time zone" => moment.to_string(),
        "timestamp without time zone" => moment.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        "date" => moment.strftime("%Y-%m-%d").to_string(),
        _ => return None,
    };
    Some(format!("{}::{}", QuotedText::new(&text), r#type))
}

/// Whether an expression has the clock in it.
fn tells_time(sql: &str) -> bool {
    const CLOCKS: [&str; 10] = [
        "now",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "transaction_timestamp",
        "statement_timestamp",
        "clock_timestamp",
        "timeofday",
    ];
    /// As constants they are the time at which they are read.
    const WORDS: [&str; 4] = ["'now'", "'today'", "'tomorrow'", "'yesterday'"];
    let is_clock = |token: &Token<'_>| {
        CLOCKS.iter().any(|clock| token.is_word(clock))
            || WORDS.iter().any(|word| token.text.eq_ignore_ascii_case(word))
    };
    tokens(sql).is_ok_and(|tokens| tokens.iter().any(is_clock))
}

/// Whether the text stays where it is put and is one value: no statement ends in it, no parenthesis closes that it has
/// not opened, and no comma makes it a list.
fn is_one_expression(sql: &str) -> bool {
    let Ok(tokens) = tokens(sql) else { return false };
    let mut open = 0_usize;
    let mut is_empty = true;
    for token in tokens {
        match (token.kind, token.text) {
            (TokenKind::Semicolon, _) => return false,
            (_, ",") if open == 0 => return false,
            (_, "(" | "[") => open += 1,
            (_, ")" | "]") => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return false,
            },
            _ => {}
        }
        is_empty &= token.is_blank();
    }
    open == 0 && !is_empty
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(days: Option<u32>, by_plan: &[(&str, u32)], own_days: Option<u32>, flag: Option<u32>) -> Rule {
        let plans = by_plan.iter().map(|(plan, days)| ((*plan).to_owned(), *days));
        Rule {
            settings: PolicySettings {
                name: "p".to_owned(),
                table: "t".to_owned(),
                column: "c".to_owned(),
                days,
                days_by_plan: plans.collect(),
                condition: None,
                batch_size: None,
                max_fraction: None,
                action: PolicyAction::Delete,
            },
            own_days,
            days: flag,
        }
    }

    #[test]
    fn the_nearest_word_on_days_counts() {
        let plans = [("enterprise", 365)];
        assert_eq!(rule(None, &[], None, Some(30)).days_for("pro"), Some(30));
        assert_eq!(rule(Some(7), &[], None, Some(30)).days_for("pro"), Some(7));
        assert_eq!(
            rule(Some(7), &plans, None, Some(30)).days_for("enterprise"),
            Some(365)
        );
        assert_eq!(
            rule(Some(7), &plans, Some(2), Some(30)).days_for("enterprise"),
            Some(2)
        );
        assert!(rule(None, &plans, None, None).needs_days());
    }

    #[test]
    fn a_moment_is_written_as_its_column_has_it() {
        let moment: Timestamp = "2026-11-21T14:05:06.789012Z".parse().expect("a moment");
        let written = |r#type| literal(r#type, moment).unwrap_or_default();
        assert_eq!(
            written("timestamp with time zone"),
            "'2026-11-21T14:05:06.789012Z'::timestamp with time zone"
        );
        assert_eq!(
            written("timestamp without time zone"),
            "'2026-11-21 14:05:06.789012'::timestamp without time zone"
        );
        assert_eq!(written("date"), "'2026-11-21'::date");
        assert_eq!(literal("text", moment), None);
    }

    #[test]
    fn a_condition_cannot_leave_its_parentheses() {
        for sql in [
            "a = ')'",
            "(a) OR (b)",
            "a -- )",
            "f(x, (1))",
            "(ARRAY[a, ','])[1]",
        ] {
            assert!(is_one_expression(sql), "{sql}");
        }
        for sql in [
            "true) OR (true",
            "a; b",
            "(a",
            "",
            "-- nothing",
            "'open",
            "NULL, b = 1",
        ] {
            assert!(!is_one_expression(sql), "{sql}");
        }
    }

    #[test]
    fn an_expression_that_has_the_clock_in_it_is_known() {
        for sql in [
            "now()",
            "coalesce(a, CURRENT_DATE)",
            "'Today'::date",
            "to_char(Now(), 'YYYY')",
        ] {
            assert!(tells_time(sql), "{sql}");
        }
        for sql in ["''", "'now and then'", "\"now\"", "known", "a -- now()"] {
            assert!(!tells_time(sql), "{sql}");
        }
    }
}
