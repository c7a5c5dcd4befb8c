-- The fingerprint of a schema that tenants are made from, as long as nothing in it changes.

CREATE TABLE tenant_known_fingerprints (
    schema_name varchar(63) NOT NULL,
    stamp       text        NOT NULL,
    fingerprint text        NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT tenant_known_fingerprints_pkey PRIMARY KEY (schema_name)
);

COMMENT ON TABLE tenant_known_fingerprints IS 'Fingerprints that need not be taken again before a schema changes';
COMMENT ON COLUMN tenant_known_fingerprints.stamp IS 'Differs once anything in the schema has changed';
