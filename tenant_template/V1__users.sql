-- Who may use the application, and the sessions in which they do.
--
-- A tenant's schema is built from these files by whoever sets search_path first, so nothing in them names a schema.
-- Rows that a link or a client names have a uuid, which gives nothing away and can be made anywhere; rows that only
-- this schema knows have a bigint identity, which is half as wide and keeps inserts at one end of the index.

-- Row level security asks this of every table. An application says in whose name it works before it reads anything:
--     SET LOCAL app.current_tenant = 'tenant_acme';
-- Without that, or with another tenant's name, roles that are subject to the policies see no rows and write none,
-- however they reached the table. The owner of the tables and superusers are not subject to them.
CREATE FUNCTION is_current_tenant(relation regclass) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT namespace.nspname = current_setting('app.current_tenant', true)
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = relation
$$;

COMMENT ON FUNCTION is_current_tenant(regclass)
    IS 'Whether the setting app.current_tenant names the schema that the table is in';

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION set_updated_at() IS 'Trigger: the row was changed now, whatever the statement says';

CREATE TABLE users (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    email          text        NOT NULL,
    name           text        NOT NULL,
    role           text        NOT NULL DEFAULT 'member',
    password_hash  text,
    sso_provider   text,
    sso_subject    text,
    is_active      boolean     NOT NULL DEFAULT true,
    last_login_at  timestamptz,
    last_active_at timestamptz,
    preferences    jsonb       NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,

    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_check CHECK (email ~ '^[^[:space:]@]+@[^[:space:]@]+$' AND length(email) <= 320),
    CONSTRAINT users_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT users_role_check CHECK (role IN ('owner', 'admin', 'manager', 'member', 'viewer')),
    CONSTRAINT users_sso_check CHECK ((sso_provider IS NULL) = (sso_subject IS NULL)),
    CONSTRAINT users_preferences_check CHECK (jsonb_typeof(preferences) = 'object')
);

-- An address has no case, and is free again once its user is deleted.
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_sso_key ON users (sso_provider, sso_subject)
    WHERE sso_subject IS NOT NULL AND deleted_at IS NULL;

CREATE TRIGGER users_set_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
-- The subquery makes the answer one per statement instead of one per row.
CREATE POLICY users_tenant ON users USING ((SELECT is_current_tenant('users')));

COMMENT ON TABLE users IS 'User accounts of the tenant: role, single sign-on, activity';
COMMENT ON COLUMN users.sso_subject IS 'Who the user is to sso_provider';
COMMENT ON COLUMN users.is_active IS 'False bars the user from signing in';
COMMENT ON COLUMN users.deleted_at IS 'Soft delete: set, the user is gone for the application and kept until retention';

CREATE TABLE sessions (
    id                 bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id            uuid        NOT NULL,
    token_hash         bytea       NOT NULL,
    refresh_token_hash bytea,
    ip_address         inet,
    user_agent         text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    last_seen_at       timestamptz NOT NULL DEFAULT now(),
    expires_at         timestamptz NOT NULL,
    revoked_at         timestamptz,

    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT sessions_refresh_token_hash_key UNIQUE (refresh_token_hash),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sessions_refresh_token_hash_check CHECK (octet_length(refresh_token_hash) = 32)
);

CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY sessions_tenant ON sessions USING ((SELECT is_current_tenant('sessions')));

COMMENT ON TABLE sessions IS 'Sign-ins that expire; retention removes them after expires_at';
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the token, which itself is stored nowhere';
