//! The questions that are put to the catalogs. Each file in `sql/` answers for some kinds of objects, for any number of
//! schemas at once; what several of them say is written once, as one of the `macros`.
//!
//! The parameters of all of them are `$1` the schemas, `$2` their relations, `$3` their types, `$4` their functions, as the
//! [`INVENTORY`] found them, and `$5` the search path of those who deparse.

use self::Digest::{Bodies, By, Places, Texts, Views};
use super::macros::Writer;

/// What a query says of its objects beside what makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extras {
    None,
    /// Objects may have comments.
    Comments,
    /// Objects may have comments and have owners.
    Owners,
    /// Objects may have comments and grants, and their owner is another object's.
    Grants,
    /// Objects may have comments and grants and have owners.
    All,
}

impl Extras {
    pub(super) fn comments(self) -> bool {
        self != Self::None
    }

    pub(super) fn owners(self) -> bool {
        matches!(self, Self::Owners | Self::All)
    }

    pub(super) fn grants(self) -> bool {
        matches!(self, Self::Grants | Self::All)
    }
}

/// How the objects of a query get into a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    /// By their texts.
    Texts,
    /// By their texts and their places.
    Places,
    /// By their texts, in which bodies are their author's.
    Bodies,
    /// By their texts, as they come out when they have been read back.
    Views,
    /// By the fingerprint's own query of that name, which makes no texts where numbers do.
    By(&'static str),
}

/// One query over the catalogs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    pub(super) extras: Extras,
    /// What the inventory must have found for the query to have an answer; empty where it always may have one.
    pub(super) found: &'static str,
    pub(super) digest: Digest,
}

macro_rules! sources {
    ($($file:literal $extras:ident $found:literal $digest:expr,)*) => {
        [$(Source {
            name: $file,
            sql: include_str!(concat!("sql/", $file, ".sql")),
            extras: Extras::$extras,
            found: $found,
            digest: $digest,
        },)*]
    };
}

/// Everything that makes up a schema.
pub(super) const SOURCES: [Source; 29] = sources! {
    "schema" All "" Texts,
    "types" All "pg_type" Texts,
    "type_parts" Comments "pg_type" Places,
    "texts" Owners "texts" Texts,
    "functions" All "pg_proc" Bodies,
    "aggregates" All "aggregates" Texts,
    "operators" Owners "pg_operator" Texts,
    "operator_families" Owners "pg_opfamily" Texts,
    "operator_classes" Owners "pg_opclass" Texts,
    "casts" Comments "casts" Texts,
    "sequences" All "sequences" By("sequences"),
    "sequence_owners" None "sequences" By("sequences"),
    "tables" All "pg_class" By("relations"),
    "columns" Grants "pg_class" By("columns"),
    "not_null" Comments "pg_class" By("columns"),
    "column_settings" None "pg_class" By("columns"),
    "defaults" None "pg_class" By("defaults"),
    "constraints" Comments "pg_class" By("constraints"),
    "inheritance" None "children" Texts,
    "views" All "views" Views,
    "view_columns" Grants "" By("remarks"),
    "indexes" Comments "pg_class" By("indexes"),
    "index_settings" None "pg_class" By("indexes"),
    "table_settings" None "pg_class" By("relations"),
    "statistics" Owners "pg_statistic_ext" Texts,
    "rules" Comments "rules" Texts,
    "triggers" Comments "triggers" By("triggers"),
    "foreign_key_triggers" None "triggers" By("triggers"),
    "policies" Comments "policies" By("policies"),
};

/// What else is said of the objects of a source: the columns `comment`, `owner_name` and `grants`, as far as it has
/// them, and the join that they need.
pub(super) fn extras(source: &Source, writer: &Writer<'_>) -> (String, &'static str) {
    let mut columns = String::new();
    if source.extras.comments() {
        columns.push_str(", d.description AS comment");
    }
    if source.extras.owners() {
        columns.push_str(", quote_ident(pg_get_userbyid(o.owner)) AS owner_name");
    }
    if source.extras.grants() {
        let column = if source.sql.contains("AS grant_column") {
            "o.grant_column"
        } else {
            "''"
        };
        let grants = include_str!("sql/grants.sql").trim_end();
        columns.push_str(", ");
        let born_with = match source.name {
            "schema" => include_str!("sql/born_with.sql").trim_end(),
            _ => "false",
        };
        let grants = grants
            .replace("{on}", granted_on(source))
            .replace("{column}", column)
            .replace("{born_with}", born_with);
        columns.push_str(&writer.expand(&grants));
        columns.push_str(" AS grants");
    }
    let join = match source.extras {
        Extras::None => "",
        Extras::Grants => {
            " LEFT JOIN pg_description d ON d.classoid = o.class AND d.objoid = o.id AND d.objsubid = o.sub"
        }
        _ => " LEFT JOIN pg_description d ON d.classoid = o.class AND d.objoid = o.id AND d.objsubid = 0",
    };
    (columns, join)
}

/// The statements that take a new object's privileges back to what PostgreSQL gives by itself, where the database has
/// default privileges of its own for what this role makes.
pub(super) fn resets(source: &Source, writer: &Writer<'_>) -> String {
    let resets = include_str!("sql/resets.sql").trim_end();
    writer.expand(resets).replace("{on}", granted_on(source))
}

fn granted_on(source: &Source) -> &'static str {
    if source.sql.contains("AS grant_on") {
        "o.grant_on"
    } else {
        "regexp_replace(o.target, '^(FOREIGN TABLE|VIEW|MATERIALIZED VIEW) ', 'TABLE ')"
    }
}

/// What those who put the questions set first, so that deparsers print the same in every session.
pub(super) const SETTINGS: &str = "\
SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = 0; SET LOCAL jit = off; \
SET LOCAL datestyle = iso; SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 1; \
SET LOCAL standard_conforming_strings = on; SET LOCAL quote_all_identifiers = off; SET LOCAL timezone = 'UTC'; \
SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'; SET LOCAL xmloption = content;";

/// What those set as well who ask about one schema. Its rows are few beside a whole catalog, and found by indexes; right
/// after many tenants were made, the server's statistics do not know that yet.
pub(super) const OF_ONE_SCHEMA: &str = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;";

/// What is in the schemas; see the file.
pub(super) const INVENTORY: &str = include_str!("sql/inventory.sql");
/// What needs what; see the file.
pub(super) const DEPENDENCIES: &str = include_str!("sql/dependencies.sql");
/// Rows that are part of an object; see the file.
pub(super) const ALIASES: &str = include_str!("sql/aliases.sql");
/// What cannot be copied, and what does not follow; see the file.
pub(super) const LIMITS: &str = include_str!("sql/limits.sql");
/// What extensions keep in the schema; see the file.
pub(super) const MEMBERS: &str = include_str!("sql/members.sql");
/// Tables that inherit; see the file.
pub(super) const FAMILIES: &str = include_str!("sql/families.sql");
/// What holds rows; see the file.
pub(super) const ROWS: &str = include_str!("sql/rows.sql");
