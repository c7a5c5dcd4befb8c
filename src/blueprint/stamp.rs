//! A word that changes whenever a schema's definition does: the catalog rows that are there, and who wrote them.

use super::inventory::Inventory;

/// What must be in the schema for the rows to be, and which rows of which catalog they are.
///
/// Every catalog costs a new session some time to plan for, so those that few schemas have rows in are asked only where
/// the inventory has found what they belong to. Parts of what is listed here, such as the range of a range type, never
/// change without it.
const ROWS: [(&str, &str); 34] = [
    ("", "pg_namespace x WHERE x.oid = ANY ($1)"),
    (
        "",
        "pg_depend x WHERE x.refclassid = 'pg_namespace'::regclass AND x.refobjid = ANY ($1)",
    ),
    ("", "pg_default_acl x WHERE x.defaclnamespace = ANY ($1)"),
    (
        "",
        "pg_description x WHERE x.objoid = ANY ($1 || $2 || ARRAY(SELECT objid FROM pg_depend \
         WHERE refclassid = 'pg_namespace'::regclass AND refobjid = ANY ($1)))",
    ),
    ("pg_class", "pg_class x WHERE x.oid = ANY ($2)"),
    ("pg_class", "pg_attribute x WHERE x.attrelid = ANY ($2)"),
    ("pg_class", "pg_attrdef x WHERE x.adrelid = ANY ($2)"),
    ("pg_class", "pg_index x WHERE x.indrelid = ANY ($2)"),
    ("pg_class", "pg_constraint x WHERE x.conrelid = ANY ($2)"),
    (
        "pg_class",
        "pg_description x JOIN pg_constraint o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_constraint'::regclass AND o.conrelid = ANY ($2)",
    ),
    ("sequences", "pg_sequence x WHERE x.seqrelid = ANY ($2)"),
    (
        "sequences",
        "pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = ANY ($2) AND x.deptype = 'a'",
    ),
    ("children", "pg_inherits x WHERE x.inhrelid = ANY ($2)"),
    ("rules", "pg_rewrite x WHERE x.ev_class = ANY ($2)"),
    (
        "rules",
        "pg_description x JOIN pg_rewrite o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_rewrite'::regclass AND o.ev_class = ANY ($2)",
    ),
    ("triggers", "pg_trigger x WHERE x.tgrelid = ANY ($2)"),
    (
        "triggers",
        "pg_description x JOIN pg_trigger o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_trigger'::regclass AND o.tgrelid = ANY ($2)",
    ),
    ("policies", "pg_policy x WHERE x.polrelid = ANY ($2)"),
    (
        "policies",
        "pg_description x JOIN pg_policy o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_policy'::regclass AND o.polrelid = ANY ($2)",
    ),
    ("foreign tables", "pg_foreign_table x WHERE x.ftrelid = ANY ($2)"),
    ("pg_type", "pg_type x WHERE x.oid = ANY ($3)"),
    ("pg_type", "pg_enum x WHERE x.enumtypid = ANY ($3)"),
    (
        "pg_type",
        "pg_constraint x WHERE x.conrelid = 0 AND x.contypid = ANY ($3)",
    ),
    (
        "pg_type",
        "pg_description x JOIN pg_constraint o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_constraint'::regclass AND o.conrelid = 0 AND o.contypid = ANY ($3)",
    ),
    ("pg_proc", "pg_proc x WHERE x.oid = ANY ($4)"),
    (
        "casts",
        "pg_cast x WHERE x.castsource = ANY ($3) OR x.casttarget = ANY ($3)",
    ),
    (
        "casts",
        "pg_description x JOIN pg_cast o ON x.objoid = o.oid \
         WHERE x.classoid = 'pg_cast'::regclass AND (o.castsource = ANY ($3) OR o.casttarget = ANY ($3))",
    ),
    ("pg_operator", "pg_operator x WHERE x.oprnamespace = ANY ($1)"),
    ("pg_opclass", "pg_opclass x WHERE x.opcnamespace = ANY ($1)"),
    ("pg_opfamily", "pg_opfamily x WHERE x.opfnamespace = ANY ($1)"),
    (
        "pg_opfamily",
        "pg_amop x WHERE x.amopfamily IN (SELECT oid FROM pg_opfamily WHERE opfnamespace = ANY ($1))",
    ),
    (
        "pg_opfamily",
        "pg_amproc x WHERE x.amprocfamily IN (SELECT oid FROM pg_opfamily WHERE opfnamespace = ANY ($1))",
    ),
    (
        "pg_statistic_ext",
        "pg_statistic_ext x WHERE x.stxrelid = ANY ($2)",
    ),
    (
        "pg_ts_config",
        "pg_ts_config_map x WHERE x.mapcfg IN (SELECT oid FROM pg_ts_config WHERE cfgnamespace = ANY ($1))",
    ),
];

/// Catalogs with a name and a schema, of which few schemas have rows.
const TEXTS: [(&str, &str); 6] = [
    ("pg_collation", "collnamespace"),
    ("pg_conversion", "connamespace"),
    ("pg_ts_config", "cfgnamespace"),
    ("pg_ts_dict", "dictnamespace"),
    ("pg_ts_parser", "prsnamespace"),
    ("pg_ts_template", "tmplnamespace"),
];

/// The query for the stamp of what the inventory has found.
pub(super) fn query(inventory: &Inventory) -> String {
    let rows = ROWS.iter().filter(|(found, _)| inventory.may_hold(found));
    let texts = TEXTS.iter().filter(|(catalog, _)| inventory.may_hold(catalog));
    let texts = texts.map(|(catalog, column)| format!("{catalog} x WHERE x.{column} = ANY ($1)"));
    let sums: Vec<String> = rows
        .map(|(_, rows)| (*rows).to_owned())
        .chain(texts)
        .map(|rows| {
            format!(
                "coalesce((SELECT sum(hashtextextended(x.xmin::text || x.ctid::text, 0)) FROM {rows}), 0)"
            )
        })
        .collect();
    format!("SELECT md5(concat_ws('/', {}))", sums.join(",\n"))
}
