-- How much there is: what every answer is beside.
SELECT (SELECT count(*) FROM fleet),
       (SELECT count(*) FROM fleet WHERE is_active),
       (SELECT count(*) FROM place WHERE slug IS NOT NULL),
       coalesce(sum(relations.tables), 0),
       coalesce(sum(relations.indexes), 0),
       (array_agg(relations.schema ORDER BY relations.locks DESC) FILTER (WHERE relations.slug IS NOT NULL))[1]
FROM (
    SELECT place.slug, place.schema,
           count(*) FILTER (WHERE class.relkind IN ('r', 'p')) AS tables,
           count(*) FILTER (WHERE class.relkind IN ('i', 'I')) AS indexes,
           -- A table locks its TOAST table and the index of that too.
           sum(CASE WHEN class.reltoastrelid = 0 THEN 1 ELSE 3 END) AS locks
    FROM pg_class AS class
    JOIN place ON place.oid = class.relnamespace
    GROUP BY place.slug, place.schema
) AS relations
