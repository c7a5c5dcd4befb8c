-- Operators. A commutator or negator that comes later is filled in by it.
SELECT o.oprnamespace AS schema,
       'pg_operator'::regclass::oid AS class,
       o.oid AS id,
       'operator' AS kind,
       s.signature AS name,
       format('CREATE OPERATOR %s (%s)', o.oprname, (
           SELECT string_agg(p.name || coalesce(' = ' || nullif(p.value, ''), ''), ', ' ORDER BY p.number)
             FROM (VALUES (1, 'FUNCTION', {function:o.oprcode}),
                          (2, 'LEFTARG', CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END),
                          (3, 'RIGHTARG', CASE WHEN o.oprright <> 0 THEN format_type(o.oprright, NULL) END),
                          (4, 'COMMUTATOR', {operator:o.oprcom}),
                          (5, 'NEGATOR', {operator:o.oprnegate}),
                          (6, 'RESTRICT', {function:o.oprrest}),
                          (7, 'JOIN', {function:o.oprjoin}),
                          (8, 'HASHES', CASE WHEN o.oprcanhash THEN '' END),
                          (9, 'MERGES', CASE WHEN o.oprcanmerge THEN '' END)) p (number, name, value)
            WHERE p.value IS NOT NULL)) AS sql,
       'DROP OPERATOR ' || s.signature AS drop,
       'OPERATOR ' || s.signature AS target,
       o.oprowner AS owner
  FROM pg_operator o
 CROSS JOIN LATERAL (
       SELECT format('%s (%s, %s)', o.oprname,
                     CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
                     CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END) AS signature) s
 WHERE o.oprcode <> 0
   AND o.oprnamespace = ANY ($1)
   AND {not_of_an_extension:pg_operator o}
