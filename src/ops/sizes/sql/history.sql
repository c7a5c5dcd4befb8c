-- What snapshots say: $1 slugs and in step with them $2 since when the tenants are there, $3 how many seconds back,
-- $4 whether exact snapshots are wanted or estimates, $5 whether each table counts by itself.
--
-- It begins with the last snapshot that is at least so old, or with the oldest there is. What a tenant of the same name
-- has left, that was dropped since, is none of it.
SELECT size.slug::text,
       size.taken_at,
       CASE WHEN $5 THEN size.table_name::text ELSE '' END,
       sum(size.table_bytes + size.index_bytes + size.toast_bytes)::bigint
FROM unnest($1, $2) AS tenant (slug, created_at)
CROSS JOIN LATERAL (
    SELECT max(taken_at) AS taken_at
    FROM public.tenant_size_snapshots AS old
    WHERE old.slug = tenant.slug
      AND old.is_exact = $4
      AND old.taken_at >= tenant.created_at
      AND old.taken_at <= now() - make_interval(secs => $3)
) AS oldest
JOIN public.tenant_size_snapshots AS size
  ON size.slug = tenant.slug
 AND size.is_exact = $4
 AND size.taken_at >= COALESCE(oldest.taken_at, tenant.created_at)
GROUP BY 1, 2, 3
ORDER BY 2, 1, 3
