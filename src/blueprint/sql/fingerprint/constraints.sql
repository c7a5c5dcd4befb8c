-- Constraints of tables but NOT NULL, which is said with the columns. The columns of those that have an index are said with
-- the indexes. The text of a check is made once for all tables that have it, as that of a default. NO INHERIT can be said of
-- a check alone: the catalog has it of the key of a partition as well, depending on how that came to be one.
WITH tables AS MATERIALIZED (
    SELECT c.oid, c.relnamespace, c.relkind, c.relname, c.relispartition, {names:c} AS names
      FROM pg_class c
     WHERE c.relkind IN ('r', 'p', 'f')
       AND c.oid = ANY ($2)
       AND {not_of_an_extension:pg_class c}
), checks AS MATERIALIZED (
    SELECT x.oid, {digest:x.conbin::text}, c.names
      FROM tables c
      JOIN pg_constraint x ON x.conrelid = c.oid
     WHERE x.contype = 'c'
       AND CASE WHEN x.conislocal OR c.relispartition THEN true ELSE {inherits_later} END
), texts AS MATERIALIZED (
    SELECT t.one, t.two, t.names, {settled:pg_get_expr(x.conbin, x.conrelid)} AS text
      FROM (SELECT one, two, names, min(oid) AS oid FROM checks GROUP BY one, two, names) t
      JOIN pg_constraint x ON x.oid = t.oid
)
SELECT c.relnamespace AS schema,
       concat(x.contype {|} x.conname {|} c.relkind {|} c.relname {|} x.condeferrable {|} x.condeferred {|}
              x.convalidated {|} CASE x.contype WHEN 'c' THEN x.connoinherit END {|} {enforced:x} {|} {over_time:x} {|} d.description {|}
              CASE x.contype
              WHEN 'c' THEN t.text
              WHEN 'x' THEN {settled:pg_get_constraintdef(x.oid)}
              WHEN 'f' THEN
                  concat(x.confupdtype {|} x.confdeltype {|} x.confmatchtype {|}
                         CASE WHEN f.relnamespace = c.relnamespace THEN f.relname::text ELSE f.oid::regclass::text END {|}
                         -- Key by key: all columns of all schemas are many more than these.
                         (SELECT string_agg(concat(a.attname {|} r.attname), E'\x02' ORDER BY p.place)
                            FROM unnest(x.conkey, x.confkey) WITH ORDINALITY AS p (number, referred, place)
                            JOIN pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = p.number
                            JOIN pg_attribute r ON r.attrelid = x.confrelid AND r.attnum = p.referred) {|}
                         {set_by_delete:x}) END) AS text
  FROM tables c
  JOIN pg_constraint x ON x.conrelid = c.oid
  LEFT JOIN checks k ON k.oid = x.oid
  LEFT JOIN texts t ON t.one = k.one AND t.two = k.two AND t.names = k.names
  LEFT JOIN pg_class f ON f.oid = x.confrelid
  LEFT JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = x.oid AND d.objsubid = 0
 WHERE (x.contype IN ('p', 'u', 'x') OR x.contype = 'f' AND x.conparentid = 0 OR k.oid IS NOT NULL)
