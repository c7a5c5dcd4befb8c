-- The relations, types and functions of the schemas, found by what the schemas are needed by: the catalogs themselves have
-- no index by schema, and grow with every tenant. Only a schema that was made with the cluster, such as `public` under
-- whatever name, has nothing recorded; what is said of the cluster's own is there for those alone, since no plan would be
-- good for both.
WITH schemas AS MATERIALIZED (SELECT unnest($1::oid[]) AS oid),
needing AS MATERIALIZED (
    SELECT d.classid, d.objid
      FROM schemas s
      JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
),
tables AS MATERIALIZED (
    SELECT objid AS oid FROM needing WHERE classid = 'pg_class'::regclass
    {if of_the_cluster} UNION SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM schemas WHERE oid < 16384) {end}
),
own_types AS MATERIALIZED (
    SELECT objid AS oid FROM needing WHERE classid = 'pg_type'::regclass
    {if of_the_cluster} UNION SELECT oid FROM pg_type WHERE typnamespace IN (SELECT oid FROM schemas WHERE oid < 16384) {end}
),
relations AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.reltype, c.relhasrules, c.relhastriggers, c.relispartition
      FROM pg_class c
     WHERE c.oid IN (SELECT oid FROM tables
                      UNION
                     SELECT i.indexrelid FROM tables t JOIN pg_index i ON i.indrelid = t.oid
                      UNION
                     SELECT y.typrelid FROM own_types t JOIN pg_type y ON y.oid = t.oid WHERE y.typrelid <> 0)
),
types AS MATERIALIZED (
    SELECT oid FROM own_types
     UNION
    SELECT reltype FROM relations WHERE reltype <> 0
)
SELECT ARRAY(SELECT oid FROM relations) AS relations,
       ARRAY(SELECT oid FROM types) AS types,
       ARRAY(SELECT objid FROM needing WHERE classid = 'pg_proc'::regclass
             {if of_the_cluster} UNION SELECT oid FROM pg_proc WHERE pronamespace IN (SELECT oid FROM schemas WHERE oid < 16384) {end}) AS functions,
       ARRAY(SELECT DISTINCT classid::regclass::text FROM needing
              UNION ALL
             SELECT 'texts' FROM needing
              WHERE classid IN ('pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_ts_parser'::regclass,
                                'pg_ts_template'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_config'::regclass)
              UNION ALL
             SELECT 'members'
              WHERE EXISTS (SELECT FROM needing n
                              JOIN pg_depend e ON e.classid = n.classid AND e.objid = n.objid AND e.deptype = 'e')
              UNION ALL
             SELECT 'own_roles'
              WHERE EXISTS (SELECT FROM pg_shdescription
                             WHERE classoid = 'pg_authid'::regclass AND starts_with(description, '{own_role_remark}'))
              UNION ALL
             SELECT 'default_privileges'
              WHERE EXISTS (SELECT FROM pg_default_acl
                             WHERE defaclnamespace = 0 OR defaclnamespace IN (SELECT oid FROM schemas))
              UNION ALL
             SELECT 'aggregates'
              WHERE EXISTS (SELECT FROM pg_aggregate
                             WHERE aggfnoid IN (SELECT objid FROM needing WHERE classid = 'pg_proc'::regclass))
              UNION ALL
             SELECT 'casts' WHERE EXISTS (SELECT FROM pg_cast WHERE castsource IN (SELECT oid FROM types)
                                                              OR casttarget IN (SELECT oid FROM types))
              UNION ALL
             SELECT 'sequences' WHERE EXISTS (SELECT FROM relations WHERE relkind = 'S')
              UNION ALL
             SELECT 'views' WHERE EXISTS (SELECT FROM relations WHERE relkind IN ('v', 'm'))
              UNION ALL
             SELECT 'foreign tables' WHERE EXISTS (SELECT FROM relations WHERE relkind = 'f')
              UNION ALL
             SELECT 'children' WHERE EXISTS (SELECT FROM relations r
                                             WHERE EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = r.oid OFFSET 0))
              UNION ALL
             SELECT 'rules' WHERE EXISTS (SELECT FROM relations WHERE relhasrules)
              UNION ALL
             SELECT 'triggers' WHERE EXISTS (SELECT FROM relations WHERE relhastriggers)
              UNION ALL
             SELECT 'policies' WHERE EXISTS (SELECT FROM relations r
                                             WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.oid OFFSET 0))) AS found
