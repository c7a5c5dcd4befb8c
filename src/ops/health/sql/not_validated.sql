-- Constraints that hold for new rows only. Those that are not enforced are meant to be so.
SELECT coalesce(class.relname, type.typname), constr.conname, constr.conrelid = 0,
       json_agg(place.slug ORDER BY place.slug) FILTER (WHERE place.slug IS NOT NULL),
       json_agg(place.schema ORDER BY place.schema) FILTER (WHERE place.slug IS NULL)
FROM pg_constraint AS constr
JOIN place ON place.oid = constr.connamespace
LEFT JOIN pg_class AS class ON class.oid = constr.conrelid
LEFT JOIN pg_type AS type ON type.oid = constr.contypid
WHERE NOT constr.convalidated
  AND coalesce((to_jsonb(constr) ->> 'conenforced')::bool, true)
GROUP BY 1, 2, 3
ORDER BY 1, 2
