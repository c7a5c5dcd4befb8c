-- Rules other than those that make a view.
SELECT c.relnamespace AS schema,
       'pg_rewrite'::regclass::oid AS class,
       CASE k.kind WHEN 'rule' THEN r.oid END AS id,
       k.kind,
       format('%I ON %I', r.rulename, c.relname) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       'pg_rewrite'::regclass::oid AS needs_class,
       CASE k.kind WHEN 'rule state' THEN r.oid END AS needs_id,
       CASE k.kind WHEN 'rule' THEN rtrim({unqualified:pg_get_ruledef(r.oid)|c}, ';') ELSE k.sql END AS sql,
       k.sql AS change,
       CASE k.kind WHEN 'rule' THEN format('DROP RULE %I ON %I', r.rulename, c.relname)
                   ELSE format('ALTER TABLE %I ENABLE RULE %I', c.relname, r.rulename) END AS drop,
       CASE k.kind WHEN 'rule' THEN format('RULE %I ON %I', r.rulename, c.relname) END AS target
  FROM pg_class c
  JOIN pg_rewrite r ON r.ev_class = c.oid
 CROSS JOIN LATERAL (
       SELECT 'rule' AS kind, NULL AS sql
        UNION ALL
       SELECT 'rule state',
              format('ALTER TABLE %I %s RULE %I', c.relname,
                     CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
                     r.rulename)
        WHERE r.ev_enabled <> 'O') k
 WHERE r.rulename <> '_RETURN'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
