-- The registry of tenants: one row per tenant, beside it a log of what was done to them and their sizes over time.

CREATE TABLE tenants (
    id                 uuid         NOT NULL DEFAULT gen_random_uuid(),
    slug               varchar(63)  NOT NULL,
    name               varchar(255) NOT NULL,
    domain             varchar(255),
    schema_name        varchar(63)  NOT NULL,
    subscription_plan  varchar(50)  NOT NULL,
    region             varchar(63),
    is_active          boolean      NOT NULL DEFAULT true,
    status             varchar(20)  NOT NULL DEFAULT 'active',
    metadata           jsonb        NOT NULL DEFAULT '{}',
    schema_version     bigint,
    schema_fingerprint text,
    created_at         timestamptz  NOT NULL DEFAULT now(),
    updated_at         timestamptz  NOT NULL DEFAULT now(),
    deleted_at         timestamptz,

    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_schema_name_key UNIQUE (schema_name),
    CONSTRAINT tenants_slug_check CHECK (slug ~ '^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$'),
    CONSTRAINT tenants_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT tenants_domain_check CHECK (domain ~ '^[^[:space:][:cntrl:]/@:]+$'),
    CONSTRAINT tenants_schema_name_check CHECK (
        octet_length(schema_name) BETWEEN 1 AND 63
        AND schema_name !~ '^pg_'
        AND schema_name NOT IN ('public', 'information_schema')
    ),
    CONSTRAINT tenants_subscription_plan_check CHECK (btrim(subscription_plan) <> ''),
    CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended')),
    CONSTRAINT tenants_state_check CHECK (
        is_active = (status = 'active') AND is_active = (deleted_at IS NULL)
    ),
    CONSTRAINT tenants_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

-- Requests are resolved by host name, which has no case.
CREATE UNIQUE INDEX tenants_domain_key ON tenants (lower(domain));

COMMENT ON TABLE tenants IS 'One row per tenant; each owns the schema named in schema_name';
COMMENT ON COLUMN tenants.is_active IS 'Soft delete: false hides the tenant, its schema stays';
COMMENT ON COLUMN tenants.schema_version IS 'Version of the last migration applied to the schema';
COMMENT ON COLUMN tenants.schema_fingerprint IS 'Hash of the schema''s definition';

-- Applications flip is_active themselves; the columns that say the same in other words follow.
CREATE FUNCTION tenants_keep_state() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.updated_at := now();
        IF NEW.status IS DISTINCT FROM OLD.status AND NEW.is_active IS NOT DISTINCT FROM OLD.is_active THEN
            NEW.is_active := NEW.status = 'active';
        END IF;
    END IF;
    IF NEW.is_active THEN
        NEW.status := 'active';
        NEW.deleted_at := NULL;
    ELSE
        NEW.status := 'suspended';
        NEW.deleted_at := COALESCE(NEW.deleted_at, now());
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER tenants_keep_state
    BEFORE INSERT OR UPDATE ON tenants
    FOR EACH ROW EXECUTE FUNCTION tenants_keep_state();

-- Who did what, when, and how it ended. Rows outlive the tenants that they are about.
CREATE TABLE tenant_operations (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    command     text        NOT NULL,
    details     jsonb       NOT NULL DEFAULT '{}',
    actor       text        NOT NULL,
    db_role     name        NOT NULL DEFAULT session_user,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome     varchar(20) NOT NULL DEFAULT 'running',

    CONSTRAINT tenant_operations_pkey PRIMARY KEY (id),
    CONSTRAINT tenant_operations_outcome_check
        CHECK (outcome IN ('running', 'done', 'failed', 'partial', 'interrupted')),
    CONSTRAINT tenant_operations_end_check CHECK ((outcome = 'running') = (finished_at IS NULL))
);

CREATE INDEX tenant_operations_started_at_idx ON tenant_operations (started_at DESC);

COMMENT ON TABLE tenant_operations IS 'One row per run of a command that changes tenants';

CREATE TABLE tenant_operation_results (
    operation_id bigint      NOT NULL,
    slug         varchar(63) NOT NULL,
    outcome      varchar(20) NOT NULL,
    message      text,
    duration_ms  bigint,
    finished_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT tenant_operation_results_pkey PRIMARY KEY (operation_id, slug),
    CONSTRAINT tenant_operation_results_operation_id_fkey
        FOREIGN KEY (operation_id) REFERENCES tenant_operations (id) ON DELETE CASCADE,
    CONSTRAINT tenant_operation_results_outcome_check
        CHECK (outcome IN ('done', 'failed', 'skipped', 'not_started'))
);

CREATE INDEX tenant_operation_results_slug_idx ON tenant_operation_results (slug, operation_id DESC);

COMMENT ON TABLE tenant_operation_results IS 'How each tenant fared in an operation';

CREATE TABLE tenant_size_snapshots (
    taken_at    timestamptz NOT NULL,
    slug        varchar(63) NOT NULL,
    table_name  name        NOT NULL,
    table_bytes bigint      NOT NULL,
    index_bytes bigint      NOT NULL,
    toast_bytes bigint      NOT NULL,
    row_estimate bigint,

    CONSTRAINT tenant_size_snapshots_pkey PRIMARY KEY (taken_at, slug, table_name),
    CONSTRAINT tenant_size_snapshots_bytes_check
        CHECK (table_bytes >= 0 AND index_bytes >= 0 AND toast_bytes >= 0)
);

CREATE INDEX tenant_size_snapshots_slug_idx ON tenant_size_snapshots (slug, taken_at DESC);

COMMENT ON TABLE tenant_size_snapshots IS 'Sizes of the tables of each tenant at moments in time';
