-- Triggers and their state. Those of partitions come with the partitioned table; their state may be their own.
SELECT c.relnamespace AS schema,
       'pg_trigger'::regclass::oid AS class,
       CASE k.kind WHEN 'trigger' THEN g.oid END AS id,
       k.kind,
       format('%I ON %I', g.tgname, c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       'pg_trigger'::regclass::oid AS needs_class,
       CASE k.kind WHEN 'trigger state' THEN coalesce(nullif(g.tgparentid, 0), g.oid) END AS needs_id,
       CASE k.kind WHEN 'trigger' THEN {unqualified:pg_get_triggerdef(g.oid)|c} ELSE k.sql END AS sql,
       k.sql AS change,
       CASE k.kind WHEN 'trigger' THEN format('DROP TRIGGER %I ON %I', g.tgname, c.relname)
                   ELSE format('ALTER TABLE ONLY %I ENABLE TRIGGER %I', c.relname, g.tgname) END AS drop,
       CASE k.kind WHEN 'trigger' THEN format('TRIGGER %I ON %I', g.tgname, c.relname) END AS target
  FROM pg_class c
  JOIN pg_trigger g ON g.tgrelid = c.oid
 CROSS JOIN LATERAL (
       SELECT 'trigger' AS kind, NULL AS sql
        WHERE g.tgparentid = 0
        UNION ALL
       SELECT 'trigger state',
              format('ALTER %s %I %s TRIGGER %I', CASE c.relkind WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE ONLY' END, c.relname,
                     CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                                      ELSE 'ENABLE ALWAYS' END, g.tgname)
        WHERE g.tgenabled <> 'O') k
 WHERE {users_trigger:g}
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
