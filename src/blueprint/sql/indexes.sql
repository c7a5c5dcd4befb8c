-- Indexes that no constraint makes. One that a failed CREATE INDEX CONCURRENTLY left is no part of the definition.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       c.oid AS id,
       'index' AS kind,
       quote_ident(c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       t.oid AS parent_id,
       {unqualified:pg_get_indexdef(c.oid)|t} AS sql,
       format('DROP INDEX %I', c.relname) AS drop,
       'INDEX ' || quote_ident(c.relname) AS target
  FROM pg_class c
  JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_class t ON t.oid = i.indrelid
 WHERE c.relkind IN ('i', 'I')
   AND t.relkind IN ('r', 'p', 'm')
   AND (i.indisvalid OR c.relkind = 'I')
   AND NOT EXISTS (SELECT FROM pg_constraint x
                    WHERE x.conindid = c.oid AND x.conrelid = t.oid AND x.contype IN ('p', 'u', 'x'))
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class t}
