-- The locks on tables that session $1 holds: the table, the mode, and its schema and name as far as it can be seen.
SELECT l.relation, l.mode, n.nspname::text, c.relname::text
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.pid = $1
  AND l.granted
  AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND (c.oid IS NULL
       OR c.relkind IN ('r', 'p', 'm', 'f', 'v')
          AND n.nspname <> 'information_schema'
          AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_'))
