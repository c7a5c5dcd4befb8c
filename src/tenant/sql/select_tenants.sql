FROM public.tenants
-- $1 slugs, $2 whether suspended tenants count, $3 plans, $4 regions, $5 slugs to leave out
WHERE ($1 IS NULL OR slug = ANY ($1))
  AND ($2 OR is_active)
  AND (cardinality($3) = 0 OR subscription_plan = ANY ($3))
  AND (cardinality($4) = 0 OR region = ANY ($4))
  AND slug <> ALL ($5)
