-- What holds rows and numbers: tables with their columns, sequences, and materialized views that are filled.
--
-- A value of one of the schema's own types is of another type in a copy, and gets there by way of its text: through
-- `bpchar`, which keeps it as it is and to which nobody defines casts of his own. Columns that hold object identifiers
-- are named in words.
SELECT c.relkind::text,
       quote_ident(c.relname),
       coalesce(a.names, ''),
       coalesce(a.values, ''),
       coalesce(a.identifiers, '{}'),
       coalesce((SELECT array_agg(quote_ident(s.relname))
                   FROM pg_depend d
                   JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')), '{}')
  FROM pg_class c
  LEFT JOIN LATERAL (
       SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names,
              string_agg(CASE WHEN t.typnamespace = c.relnamespace
                               AND (t.typtype <> 'd' OR b.typnamespace = c.relnamespace) THEN
                                  format('%I::pg_catalog.bpchar::%s', a.attname,
                                         -- Without the schema, wherever the search path points.
                                         substr(format_type(a.atttypid, a.atttypmod),
                                                CASE WHEN starts_with(format_type(a.atttypid, a.atttypmod), p.prefix)
                                                     THEN length(p.prefix) + 1 ELSE 1 END))
                              ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum) AS values,
              array_agg(format('%I.%I (%s)', c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
                        ORDER BY a.attnum)
                  FILTER (WHERE coalesce(nullif(b.typelem, 0), b.oid) = 'oid'::regtype
                             OR coalesce(e.typname, b.typname) ~ '^reg'
                            AND coalesce(e.typnamespace, b.typnamespace) = 'pg_catalog'::regnamespace) AS identifiers
         FROM pg_attribute a
        CROSS JOIN LATERAL (SELECT c.relnamespace::regnamespace::text || '.' AS prefix) p
         JOIN pg_type t ON t.oid = a.atttypid
        CROSS JOIN LATERAL (
              WITH RECURSIVE up (oid, base) AS (
                  SELECT t.oid, t.typbasetype
                   UNION ALL
                  SELECT n.oid, n.typbasetype FROM up JOIN pg_type n ON n.oid = up.base WHERE up.base <> 0)
              SELECT y.* FROM up JOIN pg_type y ON y.oid = up.oid WHERE up.base = 0) b
         LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') a ON c.relkind = 'r'
 WHERE c.relkind IN ('r', 'S', 'm')
   AND (c.relkind <> 'm' OR c.relispopulated)
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
 ORDER BY c.relkind, c.relname
