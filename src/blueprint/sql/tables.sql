-- Tables, partitioned tables and foreign tables, without what is inside their parentheses.
SELECT c.relnamespace AS schema,
       'pg_class'::regclass::oid AS class,
       c.oid AS id,
       CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
       quote_ident(c.relname) AS name,
       format('%s %I%s',
              CASE WHEN c.relkind = 'f' THEN 'CREATE FOREIGN TABLE'
                   WHEN c.relpersistence = 'u' THEN 'CREATE UNLOGGED TABLE'
                   ELSE 'CREATE TABLE' END,
              c.relname,
              CASE WHEN c.reloftype <> 0 THEN ' OF ' || format_type(c.reloftype, NULL) ELSE '' END) AS sql,
       concat(
           {if children}
           CASE WHEN NOT c.relispartition AND NOT {inherits_later} THEN
               (SELECT ' INHERITS (' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) || ')'
                  FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
           {end}
           CASE c.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) END,
           CASE WHEN am.amname <> 'heap' THEN ' USING ' || quote_ident(am.amname) END,
           CASE c.relkind WHEN 'f' THEN ' SERVER ' || quote_ident(fs.srvname) || {options:ft.ftoptions} END,
           CASE WHEN c.reltablespace <> 0 THEN ' TABLESPACE ' || quote_ident(ts.spcname) END) AS tail,
       c.reloftype <> 0 AS optional_parentheses,
       CASE c.relkind WHEN 'f' THEN 'FOREIGN TABLE ' ELSE 'TABLE ' END || quote_ident(c.relname) AS target,
       c.relowner AS owner,
       c.relacl::text[] AS acl,
       'r'::"char" AS acl_type
  FROM pg_class c
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
  LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
 WHERE c.relkind IN ('r', 'p', 'f')
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
