-- Tables that inherit from others and those that they inherit from, with their columns; partitions are no such tables. One
-- that is joined to its parents later is made without them.
WITH children AS MATERIALIZED (
    SELECT c.oid, {inherits_later} AS inherits_later
      FROM pg_class c
     WHERE c.relkind IN ('r', 'f')
       AND NOT c.relispartition
       AND c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhrelid = ANY ($2))
       AND c.oid = ANY ($2)
       AND {not_of_an_extension:pg_class c}
), members AS MATERIALIZED (
    SELECT oid FROM children
     UNION
    SELECT i.inhparent FROM children c JOIN pg_inherits i ON i.inhrelid = c.oid
)
SELECT 'pg_class'::regclass::oid,
       c.oid,
       c.oid::regclass::text,
       c.oid = ANY ($2) AND {not_of_an_extension:pg_class c},
       ARRAY(SELECT i.inhparent FROM children k JOIN pg_inherits i ON i.inhrelid = k.oid
              WHERE k.oid = c.oid AND NOT k.inherits_later
              ORDER BY i.inhseqno),
       a.names,
       a.numbers,
       a.locals,
       'pg_attrdef'::regclass::oid,
       a.expressions
  FROM members m
  JOIN pg_class c ON c.oid = m.oid
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}') AS names,
              coalesce(array_agg(a.attnum::int ORDER BY a.attnum), '{}') AS numbers,
              coalesce(array_agg(a.attislocal ORDER BY a.attnum), '{}') AS locals,
              coalesce(array_agg(coalesce(d.oid, 0::oid) ORDER BY a.attnum), '{}') AS expressions
         FROM pg_attribute a
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated <> ''
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a
