UPDATE public.tenants
-- $1 slug, $2 name, $3 plan, $4 whether $5 is the new domain, $6 whether $7 is the new region, $8 metadata to merge
SET name = COALESCE($2, name),
    subscription_plan = COALESCE($3, subscription_plan),
    domain = CASE WHEN $4 THEN $5 ELSE domain END,
    region = CASE WHEN $6 THEN $7 ELSE region END,
    metadata = CASE
        WHEN $8 IS NULL THEN metadata
        ELSE COALESCE(
            (SELECT jsonb_object_agg(key, value)
             FROM jsonb_each(metadata || $8)
             WHERE NOT ($8 ? key AND value = 'null')),
            '{}'
        )
    END
WHERE slug = $1
