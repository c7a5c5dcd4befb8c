-- $1 slugs, $2 schemas, $3 domains of new tenants, a line each
SELECT EXISTS (SELECT FROM public.tenants AS t WHERE t.slug = new.slug),
       EXISTS (SELECT FROM public.tenants AS t WHERE t.schema_name = new.schema),
       EXISTS (SELECT FROM public.tenants AS t WHERE lower(t.domain) = lower(new.domain)),
       EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = new.schema)
FROM unnest($1, $2, $3) WITH ORDINALITY AS new (slug, schema, domain, number)
ORDER BY new.number
