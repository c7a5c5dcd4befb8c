-- Triggers and their state, and the state of those behind foreign keys, whose names differ from copy to copy.
SELECT c.relnamespace AS schema,
       CASE WHEN g.tgisinternal THEN concat(f.proname {|} x.conname {|} k.relname {|} c.relname {|} g.tgenabled)
       ELSE concat(g.tgname {|} c.relkind {|} c.relname {|} g.tgenabled {|} d.description {|}
                   CASE WHEN g.tgparentid = 0 THEN
                       concat(g.tgtype {|} f.proname {|}
                              CASE WHEN f.pronamespace <> c.relnamespace THEN f.pronamespace::regnamespace END {|}
                              g.tgargs {|} g.tgoldtable {|} g.tgnewtable {|}
                              g.tgconstraint <> 0 {|} g.tgdeferrable {|} g.tginitdeferred {|}
                              CASE WHEN g.tgconstrrelid <> 0 THEN g.tgconstrrelid::regclass END {|}
                              CASE WHEN g.tgattr::text <> '' THEN {columns:g.tgattr|g.tgrelid} END {|}
                              CASE WHEN g.tgqual IS NOT NULL THEN {settled:pg_get_triggerdef(g.oid)} END) END) END AS text
  FROM pg_class c
  JOIN pg_trigger g ON g.tgrelid = c.oid
  JOIN pg_proc f ON f.oid = g.tgfoid
  LEFT JOIN pg_constraint x ON x.oid = g.tgconstraint
  LEFT JOIN pg_class k ON k.oid = x.conrelid
  LEFT JOIN pg_description d ON d.classoid = 'pg_trigger'::regclass AND d.objoid = g.oid AND d.objsubid = 0
 WHERE CASE WHEN g.tgisinternal THEN g.tgenabled <> 'O' AND x.contype = 'f'
            ELSE g.tgparentid = 0 OR g.tgenabled <> 'O' END
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
