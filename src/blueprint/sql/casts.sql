-- Casts from or to a type of the schema. They live in no schema; those of the copy are about the copy's types.
SELECT t.typnamespace AS schema,
       'pg_cast'::regclass::oid AS class,
       c.oid AS id,
       'cast' AS kind,
       s.signature AS name,
       format('CREATE CAST %s %s%s', s.signature,
              CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION' WHEN 'i' THEN 'WITH INOUT'
                                ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END,
              CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' END) AS sql,
       'DROP CAST ' || s.signature AS drop,
       'CAST ' || s.signature AS target
  FROM pg_cast c
  JOIN pg_type source ON source.oid = c.castsource
  JOIN pg_type target ON target.oid = c.casttarget
  JOIN pg_type t ON t.oid = CASE WHEN source.oid = ANY ($3) THEN source.oid ELSE target.oid END
 CROSS JOIN LATERAL (
       SELECT format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS signature) s
 WHERE t.oid = ANY ($3)
   AND {not_of_an_extension:pg_cast c}
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
