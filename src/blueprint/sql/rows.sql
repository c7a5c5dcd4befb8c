-- What holds rows and numbers: tables with their columns, sequences, and materialized views that are filled.
SELECT c.relkind::text,
       quote_ident(c.relname),
       coalesce((SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                   FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), ''),
       coalesce((SELECT array_agg(quote_ident(s.relname))
                   FROM pg_depend d
                   JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')), '{}')
  FROM pg_class c
 WHERE c.relkind IN ('r', 'S', 'm')
   AND (c.relkind <> 'm' OR c.relispopulated)
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
 ORDER BY c.relkind, c.relname
