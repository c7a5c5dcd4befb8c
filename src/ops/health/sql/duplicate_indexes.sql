-- Indexes of one table that are the same in all but the name. The first of each group is the one to keep.
WITH likely AS MATERIALIZED (
    -- Little is the same so often that the rest need be looked at.
    SELECT unnest(array_agg(index.indexrelid)) AS oid
    FROM pg_index AS index
    -- What tells rows apart for replicas is kept, whatever else does.
    WHERE index.indisvalid AND NOT index.indisexclusion AND NOT index.indisreplident
    GROUP BY index.indrelid, index.indnkeyatts, index.indkey::text
    HAVING count(*) > 1
), alike AS MATERIALIZED (
    SELECT array_agg(index.indexrelid) AS oids
    FROM likely
    JOIN pg_index AS index ON index.indexrelid = likely.oid
    GROUP BY index.indrelid, index.indkey::text, index.indclass::text, index.indcollation::text, index.indoption::text,
             index.indnkeyatts,
             -- Since version 15; and one that is deferred is no arbiter of ON CONFLICT.
             to_jsonb(index) ->> 'indnullsnotdistinct', index.indisunique AND NOT index.indimmediate,
             -- Where in the statement an expression stood makes no difference.
             regexp_replace(index.indexprs::text, ' :(location|stmt_len) -?\d+', '', 'g'),
             regexp_replace(index.indpred::text, ' :(location|stmt_len) -?\d+', '', 'g')
    HAVING count(*) > 1
), named AS (
    SELECT place.slug, place.schema, own.relname AS table_name, class.relkind = 'I' AS is_partitioned,
           array_to_json(array_agg(class.relname ORDER BY rank DESC, class.relname))::text AS names,
           array_to_json(array_agg(rank >= 2 ORDER BY rank DESC, class.relname))::text AS has_constraint
    FROM (SELECT oids, unnest(oids) AS oid FROM alike) AS one
    JOIN pg_index AS index ON index.indexrelid = one.oid
    JOIN pg_class AS class ON class.oid = index.indexrelid
    JOIN pg_class AS own ON own.oid = index.indrelid
    JOIN place ON place.oid = class.relnamespace
    CROSS JOIN LATERAL (
        SELECT CASE WHEN index.indisprimary THEN 3
                    WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = index.indrelid AND conindid = index.indexrelid
                                                             AND contype IN ('u', 'x')) THEN 2
                    WHEN index.indisunique THEN 1
                    ELSE 0 END
    ) AS ranked (rank)
    WHERE NOT class.relispartition
    -- The method and the kind are those of the class.
    GROUP BY one.oids, class.relam, class.relkind, place.slug, place.schema, own.relname
    HAVING count(*) > 1
)
SELECT table_name, names, has_constraint, is_partitioned,
       json_agg(slug ORDER BY slug) FILTER (WHERE slug IS NOT NULL),
       json_agg(schema ORDER BY schema) FILTER (WHERE slug IS NULL)
FROM named
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2
