//! The macros of the queries over the catalogs: `{name}` or `{name:argument}`, and `{if condition} … {else} … {end}`, written
//! out for the version of a server and for what there is in the schemas. Planning the queries is most of a session's work
//! on one schema, and a part that has no answer is planned as well as all others.

use super::inventory::Inventory;
use super::own_role::{self, is_own_role};
use super::settle::settled_sql;

/// What becomes of the schema's name where PostgreSQL always writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// It is taken out.
    Relative,
    /// It stays; whoever asks takes all of them out of the whole text.
    Qualified,
}

/// For whom queries are written out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    /// That of the server, as a number.
    version: i32,
    names: Names,
    inventory: &'a Inventory,
}

impl<'a> Writer<'a> {
    pub(super) fn new(version: i32, names: Names, inventory: &'a Inventory) -> Self {
        Self {
            version,
            names,
            inventory,
        }
    }

    /// A query with its macros written out.
    pub(super) fn expand(&self, sql: &str) -> String {
        let mut expanded = String::with_capacity(sql.len() * 2);
        let mut rest = sql;
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            expanded.push_str(before);
            match self.branch_at(after).or_else(|| self.macro_at(after)) {
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

    /// What the condition at the beginning of `text` leaves of all up to its end, and how long all of it is.
    fn branch_at(&self, text: &str) -> Option<(String, usize)> {
        const END: &str = "{end}";
        let (condition, inside) = text.strip_prefix("{if ")?.split_once('}')?;
        let inside = &inside[..inside.find(END)?];
        let (then, otherwise) = inside.split_once("{else}").unwrap_or((inside, ""));
        let chosen = if self.holds(condition) { then } else { otherwise };
        let length = "{if }".len() + condition.len() + inside.len() + END.len();
        Some((self.expand(chosen), length))
    }

    fn holds(&self, condition: &str) -> bool {
        match condition {
            "named_not_null" => self.version >= 180_000,
            "of_the_cluster" => self.inventory.is_of_the_cluster(),
            found => self.inventory.may_hold(found),
        }
    }

    /// The text of the macro at the beginning of `text`, and the macro's length.
    fn macro_at(&self, text: &str) -> Option<(String, usize)> {
        let end = text.find('}')?;
        let (name, argument) = text[1..end].split_once(':').unwrap_or((&text[1..end], ""));
        Some((written_out(name, argument, self)?, end + 1))
    }
}

fn written_out(name: &str, argument: &str, writer: &Writer<'_>) -> Option<String> {
    let Writer {
        version,
        names,
        inventory,
    } = *writer;
    let text = match name {
        "own" => super::text::OWN.to_owned(),
        "not_of_an_extension" => {
            let (catalog, alias) = argument.split_once(' ')?;
            // A cast is in no schema that could tell.
            if catalog != "pg_cast" && !inventory.may_hold("members") {
                return Some("true".to_owned());
            }
            // By the index over what is depended on, once a query, whatever the number of schemas.
            format!(
                "{alias}.oid NOT IN (SELECT e.objid FROM pg_depend e WHERE e.refclassid = 'pg_extension'::regclass \
                 AND e.classid = '{catalog}'::regclass AND e.deptype = 'e')"
            )
        }
        "inherits_later" if inventory.may_hold("children") => INHERITS_LATER.to_owned(),
        "inherits_later" => "false".to_owned(),
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
            columns(numbers, relation)
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
                own_roles(writer, grantee, "c.relnamespace")
            )
        }
        "is_own_role" => {
            let (role, schema) = argument.split_once('|')?;
            own_roles(writer, role, schema)
        }
        "own_role_remark" => own_role::REMARK.to_owned(),
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
        "nulls_not_distinct" => match version {
            150_000.. => format!("{argument}.indnullsnotdistinct"),
            _ => "false".to_owned(),
        },
        "set_by_delete" => match version {
            150_000.. => format!(
                "CASE WHEN {argument}.confdelsetcols IS NOT NULL THEN {} END",
                columns(
                    &format!("{argument}.confdelsetcols"),
                    &format!("{argument}.conrelid")
                )
            ),
            _ => "NULL".to_owned(),
        },
        "enforced" => match version {
            180_000.. => format!("{argument}.conenforced"),
            _ => "true".to_owned(),
        },
        "over_time" => match version {
            180_000.. => format!("{argument}.conperiod"),
            _ => "false".to_owned(),
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

/// The names of columns by their numbers.
fn columns(numbers: &str, relation: &str) -> String {
    format!(
        "(SELECT string_agg(quote_ident(n.attname), ',' ORDER BY k.place) \
         FROM unnest({numbers}::int2[]) WITH ORDINALITY k (number, place) \
         JOIN pg_attribute n ON n.attrelid = {relation} AND n.attnum = k.number)"
    )
}

/// Whether the role belongs to the schema, where any role belongs to one.
fn own_roles(writer: &Writer<'_>, role: &str, schema: &str) -> String {
    match writer.inventory.may_hold("own_roles") {
        true => is_own_role(role, schema),
        false => "false".to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::blueprint::catalog::INVENTORY;

    /// The conditions in the queries of a folder.
    fn conditions(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                conditions(&path, found);
                continue;
            }
            let sql = fs::read_to_string(&path).expect("SQL");
            let parts = sql.split("{if ").skip(1);
            found.extend(parts.map(|part| part.split('}').next().unwrap_or_default().to_owned()));
        }
    }

    #[test]
    fn every_condition_is_one_that_the_server_or_the_inventory_can_meet() {
        let mut found = Vec::new();
        let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/blueprint/sql");
        conditions(&sql, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for condition in found {
            let is_known = ["named_not_null", "of_the_cluster"].contains(&condition.as_str());
            assert!(
                is_known || INVENTORY.contains(&format!("SELECT '{condition}'")),
                "{condition}"
            );
        }
        for condition in ["members", "children", "own_roles"] {
            assert!(
                INVENTORY.contains(&format!("SELECT '{condition}'")),
                "{condition}"
            );
        }
    }

    #[test]
    fn of_two_branches_one_is_left() {
        let inventory = Inventory::default();
        let written = |version, sql| Writer::new(version, Names::Relative, &inventory).expand(sql);
        let sql = "a {if named_not_null}b {|} c{else}d{end} e {if named_not_null}f{end}";
        assert_eq!(written(180_000, sql), r"a b , E'\x01',  c e f");
        assert_eq!(written(170_000, sql), "a d e ");
        assert_eq!(
            written(170_000, "'{if' {if named_not_null} {"),
            "'{if' {if named_not_null} {"
        );
    }
}
