-- Indexes that are kept up and that no query uses: what CREATE INDEX CONCURRENTLY leaves when it fails. Of a partitioned
-- table, those that some partition lacks.
WITH building AS MATERIALIZED (
    -- Who builds or drops one concurrently holds this on its table.
    SELECT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'ShareUpdateExclusiveLock' AND granted
)
SELECT own.relname, class.relname, class.relkind = 'I',
       array_to_json((array_agg(format('%I.%I', place.schema, class.relname) ORDER BY place.schema))[:3]),
       json_agg(place.slug ORDER BY place.slug) FILTER (WHERE place.slug IS NOT NULL),
       json_agg(place.schema ORDER BY place.schema) FILTER (WHERE place.slug IS NULL)
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_class AS own ON own.oid = index.indrelid
JOIN place ON place.oid = class.relnamespace
WHERE NOT (index.indisvalid AND index.indisready AND index.indislive)
  AND index.indrelid NOT IN (SELECT relation FROM building WHERE relation IS NOT NULL)
GROUP BY own.relname, class.relname, class.relkind
ORDER BY 1, 2
