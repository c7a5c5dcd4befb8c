-- Constraints of tables. Those that a parent table brings along are left to it, as are exclusion constraints of
-- partitions: PostgreSQL cannot tell that one is that of the partitioned table, and attaches none that was made before.
-- OFFSET keeps the planner from hashing whole catalogs for the few constraints of one schema.
SELECT c.relnamespace AS schema,
       'pg_constraint'::regclass::oid AS class,
       x.oid AS id,
       CASE x.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' ELSE 'constraint' END AS kind,
       format('%I ON %I', x.conname, c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       CASE WHEN x.contype IN ('p', 'u', 'x') THEN x.conindid END AS alias_id,
       CASE WHEN x.convalidated AND (x.contype = 'c' OR c.relkind = 'r'
                                     AND NOT c.relispartition
                                     AND (x.contype <> 'f'
                                          OR EXISTS (SELECT FROM pg_class f WHERE f.oid = x.confrelid
                                                        AND f.relkind = 'r' AND NOT f.relispartition OFFSET 0))
                                     -- CREATE TABLE makes one of two constraints on the same columns.
                                     AND NOT EXISTS (SELECT FROM pg_constraint same
                                                      WHERE same.conrelid = x.conrelid AND same.conkey = x.conkey
                                                        AND same.contype IN ('p', 'u') AND same.oid <> x.oid
                                                     OFFSET 0)) THEN
           format('CONSTRAINT %I %s', x.conname, pg_get_constraintdef(x.oid)) END AS inline,
       format('ALTER %s %I ADD CONSTRAINT %I %s',
              CASE WHEN c.relkind = 'f' THEN 'FOREIGN TABLE'
                   WHEN c.relkind = 'p' AND (x.contype = 'f' OR x.conexclop IS NOT NULL) THEN 'TABLE'
                   WHEN x.contype = 'c' AND NOT x.connoinherit THEN 'TABLE'
                   ELSE 'TABLE ONLY' END,
              c.relname, x.conname, pg_get_constraintdef(x.oid)) AS sql,
       format('ALTER TABLE %I DROP CONSTRAINT %I', c.relname, x.conname) AS drop,
       format('CONSTRAINT %I ON %I', x.conname, c.relname) AS target
  FROM pg_constraint x
  JOIN pg_class c ON c.oid = x.conrelid
 WHERE x.contype IN ('c', 'f', 'p', 'u', 'x')
   AND (x.contype <> 'f' AND x.conexclop IS NULL OR x.conparentid = 0)
   AND (x.contype <> 'c' OR x.conislocal OR c.relispartition OR {inherits_later})
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
