-- The triggers behind foreign keys that are switched off, or on in another way. Their names hold numbers that differ from
-- copy to copy.
SELECT c.relnamespace AS schema,
       'foreign key trigger' AS kind,
       format('%s of %I of %I ON %I', g.tgfoid::regproc, x.conname, k.relname, c.relname) AS name,
       'pg_constraint'::regclass::oid AS parent_class,
       x.oid AS parent_id,
       'DO ' || quote_literal(format(s.text, c.relname,
              CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
              x.conname, k.relname, g.tgfoid::regproc)) AS sql,
       'DO ' || quote_literal(format(s.text, c.relname,
              CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
              x.conname, k.relname, g.tgfoid::regproc)) AS change,
       'DO ' || quote_literal(format(s.text, c.relname, 'ENABLE', x.conname, k.relname, g.tgfoid::regproc)) AS drop
  FROM pg_trigger g
  JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_constraint x ON x.oid = g.tgconstraint
  JOIN pg_class k ON k.oid = x.conrelid
 CROSS JOIN (SELECT
'DECLARE
    found pg_catalog.name;
BEGIN
    SELECT g.tgname INTO STRICT found
      FROM pg_catalog.pg_trigger g
      JOIN pg_catalog.pg_constraint x ON x.oid OPERATOR(pg_catalog.=) g.tgconstraint
     WHERE g.tgrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.quote_ident(%1$L))
       AND x.conname OPERATOR(pg_catalog.=) %3$L
       AND x.conrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.quote_ident(%4$L))
       AND g.tgfoid OPERATOR(pg_catalog.=) pg_catalog.to_regproc(%5$L);
    EXECUTE pg_catalog.format(''ALTER TABLE %%I %2$s TRIGGER %%I'', %1$L, found);
END'::text) s (text)
 WHERE g.tgisinternal
   AND g.tgenabled <> 'O'
   AND x.contype = 'f'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
