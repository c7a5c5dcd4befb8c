-- Aggregates.
SELECT p.pronamespace AS schema,
       'pg_proc'::regclass::oid AS class,
       p.oid AS id,
       'aggregate' AS kind,
       s.signature AS name,
       format('CREATE AGGREGATE %I(%s) (%s)', p.proname,
              coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), (
           SELECT string_agg(o.name || coalesce(' = ' || nullif(o.value, ''), ''), ', ' ORDER BY o.number)
             FROM (VALUES (1, 'SFUNC', {function:a.aggtransfn}),
                          (2, 'STYPE', format_type(a.aggtranstype, NULL)),
                          (3, 'SSPACE', nullif(a.aggtransspace, 0)::text),
                          (4, 'FINALFUNC', {function:a.aggfinalfn}),
                          (5, 'FINALFUNC_EXTRA', CASE WHEN a.aggfinalextra THEN '' END),
                          (6, 'FINALFUNC_MODIFY', CASE WHEN a.aggfinalfn <> 0 THEN m.final END),
                          (7, 'COMBINEFUNC', {function:a.aggcombinefn}),
                          (8, 'SERIALFUNC', {function:a.aggserialfn}),
                          (9, 'DESERIALFUNC', {function:a.aggdeserialfn}),
                          (10, 'INITCOND', quote_literal(a.agginitval)),
                          (11, 'MSFUNC', {function:a.aggmtransfn}),
                          (12, 'MINVFUNC', {function:a.aggminvtransfn}),
                          (13, 'MSTYPE', CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END),
                          (14, 'MSSPACE', nullif(a.aggmtransspace, 0)::text),
                          (15, 'MFINALFUNC', {function:a.aggmfinalfn}),
                          (16, 'MFINALFUNC_EXTRA', CASE WHEN a.aggmfinalextra THEN '' END),
                          (17, 'MFINALFUNC_MODIFY', CASE WHEN a.aggmfinalfn <> 0 THEN m.moving END),
                          (18, 'MINITCOND', quote_literal(a.aggminitval)),
                          (19, 'SORTOP', {operator:a.aggsortop}),
                          (20, 'PARALLEL', CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END),
                          (21, 'HYPOTHETICAL', CASE a.aggkind WHEN 'h' THEN '' END)) o (number, name, value)
            WHERE o.value IS NOT NULL)) AS sql,
       'DROP AGGREGATE ' || s.signature AS drop,
       'AGGREGATE ' || s.signature AS target,
       p.proowner AS owner,
       p.proacl::text[] AS acl,
       'f'::"char" AS acl_type,
       format('FUNCTION %I(%s)', p.proname, oidvectortypes(p.proargtypes)) AS grant_on
  FROM pg_proc p
  JOIN pg_aggregate a ON a.aggfnoid = p.oid
 CROSS JOIN LATERAL (
       SELECT format('%I(%s)', p.proname, coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*')) AS signature) s
 CROSS JOIN LATERAL (
       SELECT CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS final,
              CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END AS moving) m
 WHERE p.oid = ANY ($4)
   AND {not_of_an_extension:pg_proc p}
