-- Indexes, those of constraints as well, and what is set on them. One that a failed CREATE INDEX CONCURRENTLY left is no
-- part of the definition. Expressions and predicates are deparsed once for all tables that have them.
WITH found AS MATERIALIZED (
    SELECT c.relnamespace AS schema, i.indexrelid, i.indrelid,
           i.indkey, i.indclass, i.indcollation, i.indoption,
           {digest:concat(i.indexprs, chr(1), i.indpred)},
           CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN '' ELSE {names:t} END AS names,
           concat(c.relkind {|} c.relname {|} t.relname {|} c.relam {|} i.indisunique {|} {nulls_not_distinct:i} {|}
                  i.indnkeyatts {|} c.reltablespace {|} c.reloptions {|} i.indisclustered {|}
                  t.relreplident = 'i' AND i.indisreplident {|}
                  CASE WHEN c.relispartition THEN
                      (SELECT h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = c.oid) END) AS text
      FROM pg_class c
      JOIN pg_index i ON i.indexrelid = c.oid
      JOIN pg_class t ON t.oid = i.indrelid
     WHERE c.relkind IN ('i', 'I')
       AND t.relkind IN ('r', 'p', 'm')
       AND (i.indisvalid OR c.relkind = 'I')
       AND c.oid = ANY ($2)
       AND {not_of_an_extension:pg_class t}
), texts AS MATERIALIZED (
    SELECT e.one, e.two, e.names,
           concat({settled:pg_get_expr(i.indexprs, i.indrelid)} {|} {settled:pg_get_expr(i.indpred, i.indrelid)}) AS text
      FROM (SELECT one, two, names, min(indexrelid) AS oid FROM found WHERE names <> '' GROUP BY one, two, names) e
      JOIN pg_index i ON i.indexrelid = e.oid
), keys AS MATERIALIZED (
    SELECT i.indexrelid,
           string_agg(concat(a.attname {|} {operator_class:i.indclass[k.attnum - 1]} {|}
                             {collation:i.indcollation[k.attnum - 1]} {|} i.indoption[k.attnum - 1] {|}
                             k.attoptions {|} nullif(k.attstattarget, -1)), E'\x02' ORDER BY k.attnum) AS text
      FROM found i
      JOIN pg_attribute k ON k.attrelid = i.indexrelid AND k.attnum > 0
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.attnum - 1] AND a.attnum <> 0
     GROUP BY i.indexrelid
)
SELECT i.schema, concat(i.text {|} k.text {|} t.text) AS text
  FROM found i
  JOIN keys k ON k.indexrelid = i.indexrelid
  LEFT JOIN texts t ON t.one = i.one AND t.two = i.two AND t.names = i.names
