-- $1 schema, $2 its stamp, $3 its fingerprint, $4 its definition
INSERT INTO public.tenant_known_fingerprints (schema_name, stamp, fingerprint, definition)
VALUES ($1, $2, $3, $4)
ON CONFLICT (schema_name) DO UPDATE
SET stamp = EXCLUDED.stamp, fingerprint = EXCLUDED.fingerprint, definition = EXCLUDED.definition, taken_at = now()
