//! What a file of demo data can ask for.

use std::fmt;
use std::ops::RangeInclusive;

use jiff::civil::{Date, date};

use crate::db::QuotedText;

/// How many users a tenant can get.
pub const USERS: RangeInclusive<i64> = 1..=1000;
/// How many days of data a tenant can get.
pub const DAYS: RangeInclusive<i64> = 1..=400;
/// The day before which the data ends.
pub const UNTIL: RangeInclusive<Date> = date(2000, 1, 1)..=date(2099, 12, 31);

/// A parameter by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    Days,
    Users,
    Seed,
    Until,
    Tenant,
    Plan,
    PasswordHash,
}

/// The values of the parameters for one tenant.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) days: u16,
    pub(super) users: u16,
    pub(super) seed: i64,
    pub(super) until: Date,
    pub(super) tenant: String,
    pub(super) plan: String,
    pub(super) password_hash: String,
}

impl Parameter {
    pub const ALL: [Self; 7] = [
        Self::Days,
        Self::Users,
        Self::Seed,
        Self::Until,
        Self::Tenant,
        Self::Plan,
        Self::PasswordHash,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Users => "users",
            Self::Seed => "seed",
            Self::Until => "until",
            Self::Tenant => "tenant",
            Self::Plan => "plan",
            Self::PasswordHash => "password_hash",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|parameter| parameter.name() == name)
    }

    /// Whether it is a number, which needs no quotes.
    fn is_number(self) -> bool {
        matches!(self, Self::Days | Self::Users | Self::Seed)
    }
}

/// As it is best written in a file.
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_number() {
            true => write!(f, ":{}", self.name()),
            false => write!(f, ":'{}'", self.name()),
        }
    }
}

impl Values {
    /// A value as it stands in SQL. Texts are always quoted.
    pub(super) fn written(&self, parameter: Parameter, quoted: bool) -> String {
        let text = match parameter {
            Parameter::Days => self.days.to_string(),
            Parameter::Users => self.users.to_string(),
            Parameter::Seed => self.seed.to_string(),
            Parameter::Until => self.until.to_string(),
            Parameter::Tenant => self.tenant.clone(),
            Parameter::Plan => self.plan.clone(),
            Parameter::PasswordHash => self.password_hash.clone(),
        };
        match parameter.is_number() && !quoted {
            true => text,
            false => QuotedText::new(&text).to_string(),
        }
    }
}
