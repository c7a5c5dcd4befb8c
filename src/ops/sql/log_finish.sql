-- Tenants that are done have said so in their own transactions.
-- $1 operation, $2 its outcome, then in step: $3 slugs, $4 outcomes, $5 messages, $6 durations
WITH operation AS (
    UPDATE public.tenant_operations
    SET outcome = $2, finished_at = clock_timestamp()
    WHERE id = $1
)
INSERT INTO public.tenant_operation_results (operation_id, slug, outcome, message, duration_ms)
SELECT $1, fared.slug, fared.outcome, fared.message, fared.duration_ms
FROM unnest($3, $4, $5, $6) AS fared (slug, outcome, message, duration_ms)
ON CONFLICT (operation_id, slug) DO NOTHING
