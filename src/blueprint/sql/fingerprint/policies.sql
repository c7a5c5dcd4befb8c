-- Row security policies. An expression without columns is deparsed without its table, which need not be opened for it, and
-- the others once for all tables that have them, as defaults are.
WITH expressions AS MATERIALIZED (
    SELECT p.oid, {digest:concat(p.polqual, chr(1), p.polwithcheck)},
           CASE WHEN strpos(concat(p.polqual, p.polwithcheck), '{VAR ') = 0 THEN '' ELSE {names:c} END AS names,
           c.relnamespace AS schema,
           concat(p.polname {|} c.relname {|} p.polpermissive {|} p.polcmd {|} d.description {|}
                  ARRAY(SELECT unnest(p.polroles) ORDER BY 1)) AS text
      FROM pg_class c
      JOIN pg_policy p ON p.polrelid = c.oid
      LEFT JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid AND d.objsubid = 0
     WHERE c.oid = ANY ($2)
       AND {not_of_an_extension:pg_class c}
), texts AS MATERIALIZED (
    SELECT e.one, e.two, e.names,
           concat({settled:pg_get_expr(p.polqual, e.relation)} {|} {settled:pg_get_expr(p.polwithcheck, e.relation)}) AS text
      FROM (SELECT one, two, names, min(oid) AS oid FROM expressions GROUP BY one, two, names) g
      JOIN pg_policy p ON p.oid = g.oid
     CROSS JOIN LATERAL (SELECT g.one, g.two, g.names, CASE g.names WHEN '' THEN 0 ELSE p.polrelid END AS relation) e
)
SELECT e.schema, concat(e.text {|} t.text) AS text
  FROM expressions e
  JOIN texts t ON t.one = e.one AND t.two = e.two AND t.names = e.names
