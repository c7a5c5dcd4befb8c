-- One snapshot: $1 whether sizes are exact, and in step with each other $2 slugs, $3 tables, $4 bytes of tables,
-- $5 of indexes, $6 of TOAST, $7 rows.
INSERT INTO public.tenant_size_snapshots
    (taken_at, slug, table_name, table_bytes, index_bytes, toast_bytes, row_estimate, is_exact)
SELECT now(), size.slug, size.table_name, size.table_bytes, size.index_bytes, size.toast_bytes, size.row_estimate, $1
FROM unnest($2, $3, $4, $5, $6, $7)
    AS size (slug, table_name, table_bytes, index_bytes, toast_bytes, row_estimate)
