-- What was done, and what is to be done later.

CREATE TABLE audit_logs (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id     uuid,
    actor       text        NOT NULL,
    action      text        NOT NULL,
    resource    text        NOT NULL,
    resource_id text,
    details     jsonb       NOT NULL DEFAULT '{}',
    ip_address  inet,
    user_agent  text,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT audit_logs_pkey PRIMARY KEY (id),
    CONSTRAINT audit_logs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT audit_logs_action_check CHECK (btrim(action) <> ''),
    CONSTRAINT audit_logs_resource_check CHECK (btrim(resource) <> ''),
    CONSTRAINT audit_logs_details_check CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX audit_logs_created_at_idx ON audit_logs (created_at);
CREATE INDEX audit_logs_user_id_idx ON audit_logs (user_id, created_at DESC);
CREATE INDEX audit_logs_resource_idx ON audit_logs (resource, resource_id, created_at DESC);

-- Applications add to the log and read it. No policy lets them change it; retention works as the owner.
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_logs_read ON audit_logs FOR SELECT USING ((SELECT is_current_tenant('audit_logs')));
CREATE POLICY audit_logs_append ON audit_logs FOR INSERT
    WITH CHECK ((SELECT is_current_tenant('audit_logs')));

COMMENT ON TABLE audit_logs IS 'Who did what to which resource, for security and compliance';
COMMENT ON COLUMN audit_logs.actor IS 'Who it was in words, which outlive the user';

CREATE TABLE scheduled_jobs (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    type         text        NOT NULL,
    payload      jsonb       NOT NULL DEFAULT '{}',
    status       text        NOT NULL DEFAULT 'pending',
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    attempts     integer     NOT NULL DEFAULT 0,
    max_attempts integer     NOT NULL DEFAULT 5,
    unique_key   text,
    locked_by    text,
    started_at   timestamptz,
    finished_at  timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT scheduled_jobs_type_check CHECK (btrim(type) <> ''),
    CONSTRAINT scheduled_jobs_payload_check CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT scheduled_jobs_status_check
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT scheduled_jobs_attempts_check CHECK (attempts BETWEEN 0 AND max_attempts),
    CONSTRAINT scheduled_jobs_end_check
        CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);

-- Due: WHERE status = 'pending' AND scheduled_at <= now() ORDER BY scheduled_at FOR UPDATE SKIP LOCKED.
CREATE INDEX scheduled_jobs_due_idx ON scheduled_jobs (scheduled_at) WHERE status = 'pending';
-- Done with: WHERE status = 'failed' AND finished_at < then, which is what retention removes.
CREATE INDEX scheduled_jobs_finished_at_idx ON scheduled_jobs (status, finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX scheduled_jobs_unique_key ON scheduled_jobs (unique_key)
    WHERE status IN ('pending', 'running');

CREATE TRIGGER scheduled_jobs_set_updated_at
    BEFORE UPDATE ON scheduled_jobs
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE scheduled_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY scheduled_jobs_tenant ON scheduled_jobs USING ((SELECT is_current_tenant('scheduled_jobs')));

COMMENT ON TABLE scheduled_jobs IS 'Work that the application does later, once, and again when it fails';
COMMENT ON COLUMN scheduled_jobs.unique_key IS 'Jobs that wait or run under the same key exclude each other';
COMMENT ON COLUMN scheduled_jobs.locked_by IS 'The worker that runs the job';
