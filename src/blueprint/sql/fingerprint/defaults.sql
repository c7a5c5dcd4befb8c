-- Defaults of columns, and what generated columns are made of. Each is deparsed once for all tables that have it: beside
-- the stored expression, its text depends on nothing but the names of the table and of its columns. An expression without
-- columns is deparsed without its table, which need not be opened for it.
WITH expressions AS MATERIALIZED (
    SELECT d.oid, {digest:d.adbin::text}, CASE WHEN a.attgenerated = '' THEN '' ELSE {names:c} END AS names,
           c.relnamespace AS schema, c.relkind, c.relname, a.attname, a.attgenerated
      FROM pg_class c
      JOIN pg_attrdef d ON d.adrelid = c.oid
      JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
     WHERE c.relkind IN ('r', 'p', 'f', 'v')
       AND c.oid = ANY ($2)
       AND {not_of_an_extension:pg_class c}
), texts AS MATERIALIZED (
    SELECT e.one, e.two, e.names, {settled:pg_get_expr(d.adbin, CASE e.names WHEN '' THEN 0 ELSE d.adrelid END)} AS text
      FROM (SELECT one, two, names, min(oid) AS oid FROM expressions GROUP BY one, two, names) e
      JOIN pg_attrdef d ON d.oid = e.oid
)
SELECT e.schema, concat(e.relkind {|} e.relname {|} e.attname {|} e.attgenerated {|} t.text) AS text
  FROM expressions e
  JOIN texts t ON t.one = e.one AND t.two = e.two AND t.names = e.names
