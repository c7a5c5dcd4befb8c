-- Extended statistics, and their targets.
SELECT s.stxnamespace AS schema,
       'pg_statistic_ext'::regclass::oid AS class,
       s.oid AS id,
       'extended statistics' AS kind,
       quote_ident(s.stxname) AS name,
       NULL::oid AS parent_class,
       NULL::oid AS parent_id,
       'CREATE STATISTICS ' || substr(pg_get_statisticsobjdef(s.oid),
                                      length(format('CREATE STATISTICS %I.', n.nspname)) + 1) AS sql,
       NULL AS change,
       format('DROP STATISTICS %I', s.stxname) AS drop,
       'STATISTICS ' || quote_ident(s.stxname) AS target,
       s.stxowner AS owner
  FROM pg_statistic_ext s
  JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE s.stxnamespace = ANY ($1)
   AND {not_of_an_extension:pg_statistic_ext s}
UNION ALL
SELECT s.stxnamespace,
       0,
       0,
       'statistics target',
       quote_ident(s.stxname),
       'pg_statistic_ext'::regclass,
       s.oid,
       format('ALTER STATISTICS %I SET STATISTICS %s', s.stxname, s.stxstattarget),
       format('ALTER STATISTICS %I SET STATISTICS %s', s.stxname, s.stxstattarget),
       format('ALTER STATISTICS %I SET STATISTICS -1', s.stxname),
       NULL,
       NULL
  FROM pg_statistic_ext s
 WHERE s.stxnamespace = ANY ($1)
   AND s.stxstattarget >= 0
   AND {not_of_an_extension:pg_statistic_ext s}
