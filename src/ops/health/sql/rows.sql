-- Tables with many dead rows, and those that nobody has ever vacuumed, by their names.
WITH seen AS MATERIALIZED (
    SELECT place.slug, place.schema, class.relname,
           pg_stat_get_dead_tuples(class.oid) AS dead, pg_stat_get_live_tuples(class.oid) AS live,
           -- The counts may be lost in a crash; pages that all see are marked by VACUUM alone.
           class.relallvisible = 0
               AND pg_stat_get_vacuum_count(class.oid) + pg_stat_get_autovacuum_count(class.oid) = 0 AS is_untouched
    FROM pg_class AS class
    JOIN place ON place.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'm')
), judged AS (
    SELECT 'dead' AS what, dead AS rows, seen.* FROM seen WHERE dead >= {dead} AND dead > 0.3 * (live + dead)
    UNION ALL
    SELECT 'untouched', live, seen.* FROM seen WHERE is_untouched AND live >= {untouched}
)
SELECT what, relname, sum(rows)::bigint, sum(live + dead)::bigint,
       array_to_json((array_agg(format('%I.%I', schema, relname) ORDER BY rows DESC))[:3]),
       json_agg(slug ORDER BY slug) FILTER (WHERE slug IS NOT NULL),
       json_agg(schema ORDER BY schema) FILTER (WHERE slug IS NULL)
FROM judged
GROUP BY what, relname
ORDER BY 1, 3 DESC, 2
