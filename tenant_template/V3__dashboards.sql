-- Dashboards as users arrange them, and what they looked like before.

CREATE TABLE dashboard_configs (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL,
    name        text        NOT NULL,
    description text,
    layout      jsonb       NOT NULL DEFAULT '{}',
    widgets     jsonb       NOT NULL DEFAULT '[]',
    visibility  text        NOT NULL DEFAULT 'private',
    sharing     jsonb       NOT NULL DEFAULT '{}',
    is_default  boolean     NOT NULL DEFAULT false,
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,

    CONSTRAINT dashboard_configs_pkey PRIMARY KEY (id),
    CONSTRAINT dashboard_configs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT dashboard_configs_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT dashboard_configs_layout_check CHECK (jsonb_typeof(layout) = 'object'),
    CONSTRAINT dashboard_configs_widgets_check CHECK (jsonb_typeof(widgets) = 'array'),
    CONSTRAINT dashboard_configs_visibility_check CHECK (visibility IN ('private', 'shared', 'tenant')),
    CONSTRAINT dashboard_configs_sharing_check CHECK (jsonb_typeof(sharing) = 'object'),
    CONSTRAINT dashboard_configs_version_check CHECK (version >= 1)
);

CREATE INDEX dashboard_configs_user_id_idx ON dashboard_configs (user_id, updated_at DESC);
CREATE UNIQUE INDEX dashboard_configs_name_key ON dashboard_configs (user_id, lower(name))
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX dashboard_configs_default_key ON dashboard_configs (user_id)
    WHERE is_default AND deleted_at IS NULL;

CREATE TRIGGER dashboard_configs_set_updated_at
    BEFORE UPDATE ON dashboard_configs
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE dashboard_configs ENABLE ROW LEVEL SECURITY;
CREATE POLICY dashboard_configs_tenant ON dashboard_configs
    USING ((SELECT is_current_tenant('dashboard_configs')));

COMMENT ON TABLE dashboard_configs IS 'Dashboards: layout, widgets and who may see them';
COMMENT ON COLUMN dashboard_configs.sharing IS 'With whom a shared dashboard is shared: {"users": [], "roles": []}';
COMMENT ON COLUMN dashboard_configs.version
    IS 'Goes up by one with each change; a writer that expects another version has to read again';
COMMENT ON COLUMN dashboard_configs.deleted_at
    IS 'Soft delete: set, the dashboard is gone for the application and kept until retention';

CREATE TABLE dashboard_versions (
    dashboard_id uuid        NOT NULL,
    version      integer     NOT NULL,
    layout       jsonb       NOT NULL,
    widgets      jsonb       NOT NULL,
    changed_by   uuid,
    change_note  text,
    created_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT dashboard_versions_pkey PRIMARY KEY (dashboard_id, version),
    CONSTRAINT dashboard_versions_dashboard_id_fkey
        FOREIGN KEY (dashboard_id) REFERENCES dashboard_configs (id) ON DELETE CASCADE,
    CONSTRAINT dashboard_versions_changed_by_fkey
        FOREIGN KEY (changed_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT dashboard_versions_version_check CHECK (version >= 1)
);

CREATE INDEX dashboard_versions_changed_by_idx ON dashboard_versions (changed_by);

ALTER TABLE dashboard_versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY dashboard_versions_tenant ON dashboard_versions
    USING ((SELECT is_current_tenant('dashboard_versions')));

COMMENT ON TABLE dashboard_versions IS 'Each version that a dashboard has had, to look back at and to go back to';
