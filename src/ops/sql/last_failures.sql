-- Of the tenants $1 those whose last migration failed: when, and why.
SELECT wanted.slug, last.finished_at, last.message
FROM unnest($1) AS wanted (slug)
CROSS JOIN LATERAL (
    SELECT result.outcome, result.finished_at, result.message
    FROM public.tenant_operation_results AS result
    JOIN public.tenant_operations AS operation ON operation.id = result.operation_id
    WHERE result.slug = wanted.slug
      AND operation.command = 'migrate'
      AND result.outcome <> 'not_started'
    ORDER BY result.operation_id DESC
    LIMIT 1
) AS last
WHERE last.outcome = 'failed'
