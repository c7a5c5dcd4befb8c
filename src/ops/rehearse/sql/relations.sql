-- The relations of schema $1: number, name, where the contents are kept, and of an index the table.
SELECT c.oid, c.relname::text, c.relfilenode, i.indrelid
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE n.nspname = $1
  AND c.relkind IN ('r', 'p', 'm', 'f', 'v', 'i', 'I')
