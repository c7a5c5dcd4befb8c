-- Views. The stand-in has the same columns and nothing behind them; it is used where views and functions need each
-- other.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       c.oid AS id,
       'view' AS kind,
       quote_ident(c.relname) AS name,
       v.head || ' AS' || chr(10) || v.body || v.ending AS sql,
       format('CREATE VIEW %I AS SELECT %s', c.relname,
              (SELECT string_agg(format('NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod),
                                        CASE WHEN a.attcollation <> t.typcollation
                                             THEN ' COLLATE ' || a.attcollation::regcollation END,
                                        a.attname), ', ' ORDER BY a.attnum)
                 FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                WHERE a.attrelid = c.oid AND a.attnum > 0)) AS stand_in,
       overlay(v.head PLACING 'CREATE OR REPLACE' FROM 1 FOR 6) || ' AS' || chr(10) || v.body || v.ending AS change,
       format('DROP VIEW %I', c.relname) AS drop,
       'VIEW ' || quote_ident(c.relname) AS target,
       c.relowner AS owner,
       c.relacl::text[] AS acl,
       'r'::"char" AS acl_type
  FROM pg_class c
 CROSS JOIN LATERAL (
       SELECT format('CREATE VIEW %I%s', c.relname,
                     (SELECT ' WITH (' || string_agg(format('%I=%L', o.option_name, o.option_value), ', ') || ')'
                        FROM pg_options_to_table(c.reloptions) o
                       WHERE o.option_name <> 'check_option')) AS head,
              rtrim(pg_get_viewdef(c.oid), ';') AS body,
              (SELECT format(chr(10) || ' WITH %s CHECK OPTION', upper(o.option_value))
                 FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'check_option') AS ending_or_null) w
 CROSS JOIN LATERAL (SELECT w.head, w.body, coalesce(w.ending_or_null, '') AS ending) v
 WHERE c.relkind = 'v'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
UNION ALL
SELECT c.relnamespace,
       'pg_class'::regclass,
       c.oid,
       'materialized view',
       quote_ident(c.relname),
       format('CREATE MATERIALIZED VIEW %I%s%s AS%s%s%s  WITH NO DATA', c.relname,
              ' USING ' || quote_ident(nullif(am.amname, 'heap')),
              ' TABLESPACE ' || quote_ident(ts.spcname),
              chr(10), rtrim(pg_get_viewdef(c.oid), ';'), chr(10)),
       NULL,
       NULL,
       format('DROP MATERIALIZED VIEW %I', c.relname),
       'MATERIALIZED VIEW ' || quote_ident(c.relname),
       c.relowner,
       c.relacl::text[],
       'r'
  FROM pg_class c
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE c.relkind = 'm'
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
