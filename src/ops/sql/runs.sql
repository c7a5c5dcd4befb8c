-- The newest runs: $1 only those about this tenant, $2 only those of this command, $3 how many.
SELECT operation.id, operation.command, operation.details, operation.actor, operation.db_role::text,
       operation.started_at, operation.finished_at, operation.outcome,
       counted.done, counted.failed, counted.others,
       own.slug, own.outcome, own.message, own.duration_ms
FROM public.tenant_operations AS operation
LEFT JOIN public.tenant_operation_results AS own ON own.operation_id = operation.id AND own.slug = $1
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE result.outcome = 'done') AS done,
           count(*) FILTER (WHERE result.outcome = 'failed') AS failed,
           count(*) FILTER (WHERE result.outcome NOT IN ('done', 'failed')) AS others
    FROM public.tenant_operation_results AS result
    WHERE result.operation_id = operation.id
) AS counted
WHERE ($1 IS NULL OR own.slug IS NOT NULL)
  AND ($2 IS NULL OR operation.command = $2)
ORDER BY operation.id DESC
LIMIT $3
