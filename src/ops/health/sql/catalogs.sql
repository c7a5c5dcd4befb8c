-- The catalogs that grow with every tenant: bytes of the table, bytes of its indexes, rows, dead rows, bytes that a row
-- takes, as measured in catalogs without gaps.
SELECT class.relname,
       pg_relation_size(class.oid),
       (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = class.oid)::bigint,
       greatest(pg_stat_get_live_tuples(class.oid), class.reltuples::bigint, 0),
       pg_stat_get_dead_tuples(class.oid),
       known.width
FROM (VALUES ('pg_attribute', 150), ('pg_attrdef', 250), ('pg_class', 220), ('pg_constraint', 230), ('pg_depend', 64),
             ('pg_description', 110), ('pg_index', 230), ('pg_inherits', 48), ('pg_policy', 700), ('pg_proc', 300),
             ('pg_sequence', 80), ('pg_shdepend', 64), ('pg_statistic', 450), ('pg_trigger', 200), ('pg_type', 230))
     AS known (relname, width)
JOIN pg_class AS class ON class.relname = known.relname AND class.relnamespace = 'pg_catalog'::regnamespace
ORDER BY 1
