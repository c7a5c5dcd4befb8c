-- What is set on a relation as a whole: storage parameters, row security, replica identity, clustering.
SELECT c.relnamespace AS schema,
       s.kind,
       quote_ident(c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       'pg_class'::regclass::oid AS needs_class,
       s.also AS needs_id,
       format('ALTER %s %I ', k.word, c.relname) || s.sql AS sql,
       format('ALTER %s %I ', k.word, c.relname) || s.change AS change,
       format('ALTER %s %I ', k.word, c.relname) || s.drop AS drop
  FROM pg_class c
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
  JOIN (VALUES ('r', 'TABLE ONLY'), ('p', 'TABLE ONLY'), ('f', 'FOREIGN TABLE'), ('v', 'VIEW'),
               ('m', 'MATERIALIZED VIEW'), ('i', 'INDEX'), ('I', 'INDEX')) k (letter, word) ON k.letter = c.relkind::text
 CROSS JOIN LATERAL (
       SELECT 'storage parameters' AS kind, NULL::oid AS also,
              'SET (' || o.list || ')' AS sql,
              'SET (' || o.list || ')' AS change,
              'RESET (' || o.names || ')' AS drop
         FROM (SELECT string_agg(o.name || '=' || quote_literal(o.value), ', ' ORDER BY o.number) AS list,
                      string_agg(o.name, ', ' ORDER BY o.number) AS names
                 FROM (SELECT number, quote_ident(name) AS name, value
                         FROM pg_options_to_table(c.reloptions) WITH ORDINALITY r (name, value, number)
                        UNION ALL
                       SELECT 1000 + number, 'toast.' || quote_ident(name), value
                         FROM pg_options_to_table(toast.reloptions) WITH ORDINALITY r (name, value, number)) o) o
        WHERE (c.reloptions IS NOT NULL OR toast.reloptions IS NOT NULL)
          AND c.relkind <> 'v'
       UNION ALL
       SELECT 'tablespace', NULL, 'SET TABLESPACE ' || quote_ident(ts.spcname),
              'SET TABLESPACE ' || quote_ident(ts.spcname), 'SET TABLESPACE pg_default'
         FROM pg_tablespace ts
        WHERE c.relkind IN ('i', 'I') AND ts.oid = c.reltablespace
       UNION ALL
       SELECT 'row security', NULL, 'ENABLE ROW LEVEL SECURITY', NULL, 'DISABLE ROW LEVEL SECURITY'
        WHERE c.relrowsecurity
       UNION ALL
       SELECT 'forced row security', NULL, 'FORCE ROW LEVEL SECURITY', NULL, 'NO FORCE ROW LEVEL SECURITY'
        WHERE c.relforcerowsecurity
       UNION ALL
       SELECT 'replica identity', i.indexrelid, r.sql, r.sql, 'REPLICA IDENTITY DEFAULT'
         FROM (SELECT (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) AS indexrelid) i,
              LATERAL (SELECT CASE c.relreplident
                              WHEN 'f' THEN 'REPLICA IDENTITY FULL'
                              WHEN 'n' THEN 'REPLICA IDENTITY NOTHING'
                              ELSE format('REPLICA IDENTITY USING INDEX %s', i.indexrelid::regclass) END AS sql) r
        WHERE c.relkind IN ('r', 'p', 'm') AND c.relreplident <> 'd'
          AND (c.relreplident <> 'i' OR i.indexrelid IS NOT NULL)
       UNION ALL
       SELECT 'clustering', i.indexrelid, format('CLUSTER ON %s', i.indexrelid::regclass),
              format('CLUSTER ON %s', i.indexrelid::regclass), 'SET WITHOUT CLUSTER'
         FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisclustered) s
 WHERE NOT (c.relkind IN ('i', 'I') AND s.kind = 'storage parameters'
            AND NOT EXISTS (SELECT FROM pg_constraint x
                             WHERE x.conindid = c.oid AND x.contype IN ('p', 'u', 'x')))
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
