-- What `cleanup` has to remember from one run to the next.

CREATE TABLE tenant_cleanups (
    tenant_id  uuid        NOT NULL,
    reached_at timestamptz NOT NULL,

    CONSTRAINT tenant_cleanups_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_cleanups_tenant_id_fkey
        FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

COMMENT ON TABLE tenant_cleanups IS 'When a cleanup came to each tenant last: the next begins with the longest ago';

-- A file holds what the commits say and no more: what lies behind these bytes belongs to rows that are still there.
CREATE TABLE tenant_archives (
    file        text        NOT NULL,
    tenant_id   uuid        NOT NULL,
    slug        varchar(63) NOT NULL,
    table_name  name        NOT NULL,
    bytes       bigint      NOT NULL DEFAULT 0,
    row_count   bigint      NOT NULL DEFAULT 0,
    is_open     boolean     NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT tenant_archives_pkey PRIMARY KEY (file),
    CONSTRAINT tenant_archives_bytes_check CHECK (bytes >= 0 AND row_count >= 0)
);

CREATE INDEX tenant_archives_tenant_id_idx ON tenant_archives (tenant_id) WHERE is_open;

COMMENT ON TABLE tenant_archives IS 'Files of rows that retention took out of tenants. They outlive their tenants';
COMMENT ON COLUMN tenant_archives.bytes IS 'The length of the file as far as its rows are committed';
COMMENT ON COLUMN tenant_archives.is_open IS 'False once the run that wrote the file has closed it';
