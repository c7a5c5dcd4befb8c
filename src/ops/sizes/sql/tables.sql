-- The tables of the schemas $1 with what the catalogs remember of their sizes. A schema without tables is one row.
WITH indexes AS (
    SELECT i.indrelid, sum(c.relpages) AS pages
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    GROUP BY i.indrelid
), block AS (
    SELECT current_setting('block_size')::bigint AS bytes
)
SELECT n.nspname::text,
       c.oid,
       c.relname::text,
       -- Partitions are told together, under the name of the table that they are partitions of.
       CASE WHEN c.relispartition THEN (
           SELECT root.relname::text
           FROM pg_class AS root
           WHERE root.oid = pg_partition_root(c.oid) AND root.relnamespace = n.oid
       ) END,
       c.relpages * block.bytes,
       COALESCE(own.pages, 0) * block.bytes,
       (COALESCE(toast.relpages, 0) + COALESCE(of_toast.pages, 0)) * block.bytes,
       NULLIF(c.reltuples, -1)
FROM unnest($1) AS wanted (schema)
JOIN pg_namespace AS n ON n.nspname = wanted.schema
CROSS JOIN block
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm')
LEFT JOIN indexes AS own ON own.indrelid = c.oid
LEFT JOIN pg_class AS toast ON toast.oid = c.reltoastrelid
LEFT JOIN indexes AS of_toast ON of_toast.indrelid = toast.oid
