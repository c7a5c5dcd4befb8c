//! The questions that are put to the catalogs. Each file in `sql/` answers for some kinds of objects, for any number of
//! schemas at once; what several of them say is written here once, as a macro `{name}` or `{name:argument}`.
//!
//! The parameters of all of them are `$1` the schemas, `$2` their relations, `$3` their types, `$4` their functions, as the
//! [`INVENTORY`] found them, and `$5` the search path of those who deparse.

use self::Digest::{Bodies, By, Places, Texts, Views};
use super::own_role::is_own_role;
use super::settle::settled_sql;

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
    "aggregates" All "pg_proc" Texts,
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
pub(super) fn extras(source: &Source) -> (String, &'static str) {
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
        columns.push_str(
            &grants
                .replace("{on}", granted_on(source))
                .replace("{column}", column)
                .replace("{is_own_role}", &is_own_role("e.grantee", "o.schema")),
        );
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
pub(super) fn resets(source: &Source) -> String {
    include_str!("sql/resets.sql")
        .trim_end()
        .replace("{on}", granted_on(source))
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
SET LOCAL standard_conforming_strings = on; SET LOCAL quote_all_identifiers = off;";

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

/// What becomes of the schema's name where PostgreSQL always writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// It is taken out.
    Relative,
    /// It stays; whoever asks takes all of them out of the whole text.
    Qualified,
}

/// A query with its macros written out, for a server of this version.
pub(super) fn expand(sql: &str, version: i32, names: Names) -> String {
    let mut expanded = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some(start) = rest.find('{') {
        let (before, after) = rest.split_at(start);
        expanded.push_str(before);
        match macro_at(after, version, names) {
            Some((text, length)) => {
                expanded.push_str(&text);
                rest = &after[length..];
            }
            None => {
                expanded.push('{');
                rest = &after[1..];
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The text of the macro at the beginning of `text`, and the macro's length.
fn macro_at(text: &str, version: i32, names: Names) -> Option<(String, usize)> {
    let end = text.find('}')?;
    let (name, argument) = text[1..end].split_once(':').unwrap_or((&text[1..end], ""));
    Some((written_out(name, argument, version, names)?, end + 1))
}

fn written_out(name: &str, argument: &str, version: i32, names: Names) -> Option<String> {
    let text = match name {
        "own" => super::text::OWN.to_owned(),
        "not_of_an_extension" => {
            let (catalog, alias) = argument.split_once(' ')?;
            // By the index over what is depended on, once a query, whatever the number of schemas.
            format!(
                "{alias}.oid NOT IN (SELECT e.objid FROM pg_depend e WHERE e.refclassid = 'pg_extension'::regclass \
                 AND e.classid = '{catalog}'::regclass AND e.deptype = 'e')"
            )
        }
        "inherits_later" => INHERITS_LATER.to_owned(),
        "alter_only" => format!(
            "CASE {argument}.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' \
             WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE ONLY' END"
        ),
        "options" => format!(
            "coalesce((SELECT ' OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')' \
             FROM pg_options_to_table({argument})), '')"
        ),
        "sequence_options" => format!(
            "format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', {argument}.seqstart, \
             {argument}.seqincrement, {argument}.seqmin, {argument}.seqmax, {argument}.seqcache, \
             CASE WHEN {argument}.seqcycle THEN ' CYCLE' ELSE ' NO CYCLE' END)"
        ),
        "function" => format!(
            "(SELECT CASE WHEN pg_function_is_visible(fp.oid) THEN quote_ident(fp.proname) \
             ELSE format('%I.%I', fn.nspname, fp.proname) END \
             FROM pg_proc fp JOIN pg_namespace fn ON fn.oid = fp.pronamespace WHERE fp.oid = {argument})"
        ),
        "operator" => format!(
            "(SELECT CASE WHEN pg_operator_is_visible(op.oid) THEN op.oprname::text \
             ELSE format('OPERATOR(%I.%s)', n.nspname, op.oprname) END \
             FROM pg_operator op JOIN pg_namespace n ON n.oid = op.oprnamespace WHERE op.oid = {argument})"
        ),
        "for_order_by" => format!(
            "(SELECT ' FOR ORDER BY ' || CASE WHEN pg_opfamily_is_visible(s.oid) THEN quote_ident(s.opfname) \
             ELSE format('%I.%I', n.nspname, s.opfname) END \
             FROM pg_opfamily s JOIN pg_namespace n ON n.oid = s.opfnamespace WHERE s.oid = {argument}.amopsortfamily)"
        ),
        "unqualified" => {
            let (text, relation) = argument.split_once('|')?;
            if names == Names::Qualified {
                return Some(text.to_owned());
            }
            format!(
                "(SELECT overlay(u.text PLACING quote_ident({relation}.relname) \
                 FROM strpos(u.text, ' ' || u.name) + 1 FOR length(u.name)) \
                 FROM (SELECT {text} AS text, \
                 format('%s.%I', {relation}.relnamespace::regnamespace, {relation}.relname) AS name) u)"
            )
        }
        "collation_locale" => match version {
            170_000.. => format!("{argument}.colllocale"),
            150_000.. => format!("{argument}.colliculocale"),
            _ => "NULL".to_owned(),
        },
        "collation_rules" => match version {
            160_000.. => format!("{argument}.collicurules"),
            _ => "NULL".to_owned(),
        },
        "|" => r", E'\x01', ".to_owned(),
        "type" => {
            let (kind, modifier) = argument.split_once('|')?;
            own_or_number(
                kind,
                &format!("format_type({kind}, {modifier})"),
                &format!("concat({kind}, ':', {modifier})"),
            )
        }
        "collation" => own_or_number(
            argument,
            &format!("{argument}::regcollation::text"),
            &format!("{argument}::text"),
        ),
        "operator_class" => own_or_number(
            argument,
            &format!(
                "(SELECT format('%I.%I', n.nspname, oc.opcname) FROM pg_opclass oc \
                 JOIN pg_namespace n ON n.oid = oc.opcnamespace WHERE oc.oid = {argument})"
            ),
            &format!("{argument}::text"),
        ),
        "columns" => {
            let (numbers, relation) = argument.split_once('|')?;
            format!(
                "(SELECT string_agg(quote_ident(n.attname), ',' ORDER BY k.place) \
                 FROM unnest({numbers}::int2[]) WITH ORDINALITY k (number, place) \
                 JOIN pg_attribute n ON n.attrelid = {relation} AND n.attnum = k.number)"
            )
        }
        "names" => format!(
            "(SELECT concat({argument}.relname, ':', sum(hashtextextended(n.attname::text, n.attnum))) \
             FROM pg_attribute n WHERE n.attrelid = {argument}.oid AND n.attnum > 0)"
        ),
        "acl" => {
            let (acl, default) = argument.split_once('|')?;
            let grantee = "(SELECT x.grantee FROM aclexplode(ARRAY[g.item]) x LIMIT 1)";
            format!(
                "CASE WHEN {acl} IS NOT NULL THEN nullif(ARRAY(SELECT g.item::text FROM unnest({acl}) g (item) \
                 WHERE NOT {} ORDER BY 1), \
                 ARRAY(SELECT unnest(acldefault({default}))::text ORDER BY 1)) END",
                is_own_role(grantee, "c.relnamespace")
            )
        }
        "is_own_role" => {
            let (role, schema) = argument.split_once('|')?;
            is_own_role(role, schema)
        }
        "digest" => format!("hashtextextended({argument}, 0) AS one, hashtextextended({argument}, 1) AS two"),
        "settled" => format!(
            "(SELECT {} FROM (SELECT {argument} AS text OFFSET 0) s)",
            settled_sql("s.text")
        ),
        // Until 14 the triggers that a partition has from its parent count as PostgreSQL's own.
        "users_trigger" => match version {
            150_000.. => format!("NOT {argument}.tgisinternal"),
            _ => format!("(NOT {argument}.tgisinternal OR {argument}.tgparentid <> 0)"),
        },
        "may_differ_in_expression" => (version >= 160_000).to_string(),
        "names_not_null" => (version >= 180_000).to_string(),
        "has_unlogged_sequences" => (version >= 150_000).to_string(),
        "publication_of_schema" => match version {
            150_000.. => " OR EXISTS (SELECT FROM pg_publication_namespace s \
                          WHERE s.pnpubid = p.oid AND s.pnnspid = ANY ($1))"
                .to_owned(),
            _ => String::new(),
        },
        _ => return None,
    };
    Some(text)
}

/// What is the same in all schemas goes by its number, what may be a schema's own by its name.
fn own_or_number(number: &str, name: &str, otherwise: &str) -> String {
    format!("CASE WHEN {number} < 16384 THEN {otherwise} ELSE {name} END")
}

/// Whether the columns of child table `c` stand in another order than `CREATE TABLE … INHERITS` would give them, and
/// all of them are its own as well, so that it can be joined to its parents later.
const INHERITS_LATER: &str = concat!(
    "(",
    include_str!("sql/misplaced_columns.sql"),
    " AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 \
     AND NOT a.attisdropped AND NOT a.attislocal))"
);
