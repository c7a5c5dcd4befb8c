-- $1 tenants, and in step with them $2 their fingerprints. A row that somebody else is changing waits for the next run.
UPDATE public.tenants AS tenant
SET schema_fingerprint = taken.fingerprint
FROM unnest($1, $2) AS taken (id, fingerprint)
WHERE tenant.id = taken.id
  AND tenant.id IN (SELECT id FROM public.tenants WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED)
