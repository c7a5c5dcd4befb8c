-- Statistics targets of index columns, and indexes of partitions that belong to one of the partitioned table.
SELECT c.relnamespace AS schema,
       'index statistics' AS kind,
       format('%I.%s', c.relname, a.attnum) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       NULL::oid AS needs_class,
       NULL::oid AS needs_id,
       format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', c.relname, a.attnum, a.attstattarget) AS sql,
       format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', c.relname, a.attnum, a.attstattarget) AS change,
       format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS -1', c.relname, a.attnum) AS drop
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('i', 'I')
   AND a.attnum > 0
   AND a.attstattarget >= 0
   AND c.oid = ANY ($2)
UNION ALL
SELECT c.relnamespace,
       'index partition',
       format('%s OF %s', i.inhrelid::regclass, i.inhparent::regclass),
       'pg_class'::regclass::oid,
       i.inhrelid,
       'pg_class'::regclass::oid,
       i.inhparent,
       format('ALTER INDEX %s ATTACH PARTITION %s', i.inhparent::regclass, i.inhrelid::regclass),
       NULL,
       NULL
  FROM pg_class c
  JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relkind IN ('i', 'I')
   AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = c.oid AND x.indisexclusion)
   AND c.oid = ANY ($2)
