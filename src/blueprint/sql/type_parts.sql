-- What stands inside a type: labels of enums, attributes of composites, constraints of domains.
SELECT t.typnamespace AS schema,
       0::oid AS class,
       0::oid AS id,
       0 AS sub,
       'enum label' AS kind,
       format('%I.%s', t.typname, quote_literal(e.enumlabel)) AS name,
       'pg_type'::regclass::oid AS parent_class,
       t.oid AS parent_id,
       row_number() OVER (PARTITION BY t.oid ORDER BY e.enumsortorder)::int AS position,
       quote_literal(e.enumlabel) AS inline,
       format('ALTER TYPE %I ADD VALUE %L%s', t.typname, e.enumlabel,
              coalesce(' AFTER ' || quote_literal(lag(e.enumlabel) OVER w),
                       ' BEFORE ' || quote_literal(lead(e.enumlabel) OVER w))) AS sql,
       NULL AS change,
       NULL AS drop,
       NULL AS target
  FROM pg_enum e
  JOIN pg_type t ON t.oid = e.enumtypid
 WHERE t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
WINDOW w AS (PARTITION BY t.oid ORDER BY e.enumsortorder)
UNION ALL
SELECT t.typnamespace,
       'pg_class'::regclass,
       c.oid,
       a.attnum,
       'attribute',
       format('%I.%I', t.typname, a.attname),
       'pg_type'::regclass,
       t.oid,
       row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum)::int,
       concat(quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END),
       concat(format('ALTER TYPE %I ADD ATTRIBUTE %I ', t.typname, a.attname), format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END),
       concat(format('ALTER TYPE %I ALTER ATTRIBUTE %I TYPE ', t.typname, a.attname),
              format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END),
       format('ALTER TYPE %I DROP ATTRIBUTE %I', t.typname, a.attname),
       NULL
  FROM pg_type t
  JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  JOIN pg_attribute a ON a.attrelid = c.oid
  JOIN pg_type at ON at.oid = a.atttypid
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
UNION ALL
SELECT t.typnamespace,
       'pg_constraint'::regclass,
       x.oid,
       0,
       'domain constraint',
       format('%I ON %I', x.conname, t.typname),
       'pg_type'::regclass,
       t.oid,
       row_number() OVER (PARTITION BY t.oid ORDER BY x.conname)::int,
       CASE WHEN x.convalidated THEN format('CONSTRAINT %I %s', x.conname, pg_get_constraintdef(x.oid)) END,
       format('ALTER DOMAIN %I ADD CONSTRAINT %I %s', t.typname, x.conname, pg_get_constraintdef(x.oid)),
       NULL,
       format('ALTER DOMAIN %I DROP CONSTRAINT %I', t.typname, x.conname),
       format('CONSTRAINT %I ON DOMAIN %I', x.conname, t.typname)
  FROM pg_constraint x
  JOIN pg_type t ON t.oid = x.contypid
 WHERE x.contype = 'c'
   AND x.conrelid = 0
   AND t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
UNION ALL
-- Since PostgreSQL 17 a constraint with a name.
SELECT t.typnamespace,
       'pg_constraint'::regclass,
       x.oid,
       0,
       'domain not null',
       quote_ident(t.typname),
       'pg_type'::regclass,
       t.oid,
       0,
       concat('CONSTRAINT ' || quote_ident(x.conname) || ' ', 'NOT NULL'),
       format('ALTER DOMAIN %I %s', t.typname,
              coalesce('ADD CONSTRAINT ' || quote_ident(x.conname) || ' NOT NULL', 'SET NOT NULL')),
       NULL,
       format('ALTER DOMAIN %I DROP NOT NULL', t.typname),
       CASE WHEN x.oid IS NOT NULL THEN format('CONSTRAINT %I ON DOMAIN %I', x.conname, t.typname) END
  FROM pg_type t
  LEFT JOIN pg_constraint x ON x.contypid = t.oid AND x.contype = 'n'
 WHERE t.typtype = 'd'
   AND t.typnotnull
   AND t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
UNION ALL
SELECT t.typnamespace,
       0,
       0,
       0,
       'domain default',
       quote_ident(t.typname),
       'pg_type'::regclass,
       t.oid,
       0,
       'DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)),
       format('ALTER DOMAIN %I SET DEFAULT %s', t.typname,
              coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault))),
       format('ALTER DOMAIN %I SET DEFAULT %s', t.typname,
              coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault))),
       format('ALTER DOMAIN %I DROP DEFAULT', t.typname),
       NULL
  FROM pg_type t
 WHERE t.typtype = 'd'
   AND coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) IS NOT NULL
   AND t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
