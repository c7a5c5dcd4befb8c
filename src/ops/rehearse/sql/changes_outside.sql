-- Of the relations $1, those that this transaction has written rows of, made, altered or, among $2, emptied.
--
-- A foreign key to a table locks it and makes triggers on it; that is no change of the table.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN (SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid) AS own (xid)
WHERE c.oid = ANY ($1) AND (
      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) > 0
   OR pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) > 0
   OR pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) > 0
   OR c.xmin = own.xid AND c.oid = ANY ($2)
   OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.xmin = own.xid)
   OR EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.xmin = own.xid)
   OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.xmin = own.xid)
   OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
              WHERE t.tgrelid = c.oid AND t.xmin = own.xid AND NOT t.tgisinternal))
ORDER BY 1
