-- The parameters in their order: command, details, actor, slug.
WITH operation AS (
    INSERT INTO public.tenant_operations (command, details, actor, started_at, finished_at, outcome)
    VALUES ($1, $2, $3, now(), clock_timestamp(), 'done')
    RETURNING id, started_at, finished_at
)
INSERT INTO public.tenant_operation_results (operation_id, slug, outcome, duration_ms)
SELECT id, $4, 'done', extract(epoch FROM finished_at - started_at) * 1000
FROM operation
