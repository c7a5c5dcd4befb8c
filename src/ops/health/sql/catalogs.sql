-- The catalogs that grow with every tenant: bytes of the table, bytes of its indexes, rows, dead rows, bytes that a row
-- takes at most, where rows do not differ much.
SELECT class.relname,
       pg_relation_size(class.oid),
       (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = class.oid)::bigint,
       greatest(pg_stat_get_live_tuples(class.oid), class.reltuples::bigint, 0),
       pg_stat_get_dead_tuples(class.oid),
       known.width
FROM (VALUES ('pg_attribute', 150), ('pg_attrdef', NULL), ('pg_class', 300), ('pg_constraint', NULL), ('pg_depend', 64),
             ('pg_description', NULL), ('pg_index', NULL), ('pg_inherits', 48), ('pg_policy', NULL), ('pg_proc', NULL),
             ('pg_sequence', 80), ('pg_shdepend', 64), ('pg_statistic', NULL), ('pg_trigger', NULL), ('pg_type', 250))
     AS known (relname, width)
JOIN pg_class AS class ON class.relname = known.relname AND class.relnamespace = 'pg_catalog'::regnamespace
ORDER BY 1
