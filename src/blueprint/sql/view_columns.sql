-- Columns of views and composite types, and indexes of constraints, for what is said about them: comments, grants.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       a.attrelid AS id,
       a.attnum::int AS sub,
       'view column' AS kind,
       format('%I.%I', c.relname, a.attname) AS name,
       CASE c.relkind WHEN 'c' THEN 'pg_type'::regclass::oid ELSE 'pg_class'::regclass::oid END AS parent_class,
       CASE c.relkind WHEN 'c' THEN c.reltype ELSE c.oid END AS parent_id,
       format('COLUMN %I.%I', c.relname, a.attname) AS target,
       c.relowner AS owner,
       a.attacl::text[] AS acl,
       'c'::"char" AS acl_type,
       quote_ident(c.relname) AS grant_on,
       format(' (%I)', a.attname) AS grant_column
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('v', 'm', 'c')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND (EXISTS (SELECT FROM aclexplode(nullif(a.attacl, '{}')) x
                 WHERE NOT {is_own_role:x.grantee|c.relnamespace})
        OR EXISTS (SELECT FROM pg_description d
                    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum))
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
UNION ALL
SELECT c.relnamespace,
       'pg_class'::regclass,
       c.oid,
       0,
       'view column',
       quote_ident(c.relname),
       'pg_class'::regclass,
       i.indrelid,
       'INDEX ' || quote_ident(c.relname),
       c.relowner,
       NULL,
       'r',
       NULL,
       NULL
  FROM pg_class c
  JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_constraint x ON x.conindid = c.oid AND x.conrelid = i.indrelid AND x.contype IN ('p', 'u', 'x')
 WHERE EXISTS (SELECT FROM pg_description d
                WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0)
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
