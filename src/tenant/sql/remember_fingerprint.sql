-- $1 schema, $2 its stamp, $3 its fingerprint
INSERT INTO public.tenant_known_fingerprints (schema_name, stamp, fingerprint)
VALUES ($1, $2, $3)
ON CONFLICT (schema_name) DO UPDATE
SET stamp = EXCLUDED.stamp, fingerprint = EXCLUDED.fingerprint, taken_at = now()
