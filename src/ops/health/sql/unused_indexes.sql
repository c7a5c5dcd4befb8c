-- Indexes that no query has used in nine of ten tenants or more, though their tables hold rows and are read.
WITH seen AS MATERIALIZED (
    SELECT own.relname AS table_name, class.relname AS index_name, place.slug, class.relpages AS pages,
           pg_stat_get_numscans(index.indexrelid) AS scans,
           pg_stat_get_live_tuples(index.indrelid) AS live,
           pg_stat_get_numscans(index.indrelid) AS table_scans
    FROM pg_index AS index
    JOIN pg_class AS class ON class.oid = index.indexrelid
    JOIN pg_class AS own ON own.oid = index.indrelid
    JOIN place ON place.oid = class.relnamespace
    WHERE place.slug IS NOT NULL
      AND index.indisvalid
      -- These do their work without being scanned.
      AND NOT (index.indisunique OR index.indisexclusion OR index.indisreplident OR index.indisclustered)
      AND class.relkind = 'i' AND NOT class.relispartition
)
SELECT seen.table_name, seen.index_name, count(*), count(*) FILTER (WHERE scans = 0),
       (sum(pages) FILTER (WHERE scans = 0) * current_setting('block_size')::bigint)::bigint,
       json_agg(seen.slug ORDER BY seen.slug) FILTER (WHERE scans = 0)
FROM seen
GROUP BY 1, 2
HAVING count(*) FILTER (WHERE scans = 0) >= 0.9 * count(*)
   AND sum(live) >= {rows}
   AND sum(table_scans) + sum(scans) > 0
ORDER BY 5 DESC, 1, 2
