-- What users do: work sessions, and the tools used in them.

CREATE TABLE metrics_sessions (
    id                 uuid         NOT NULL DEFAULT gen_random_uuid(),
    user_id            uuid         NOT NULL,
    category           text         NOT NULL DEFAULT 'general',
    project            text,
    session_start      timestamptz  NOT NULL,
    session_end        timestamptz,
    duration_ms        bigint       GENERATED ALWAYS AS
        ((extract(epoch FROM session_end - session_start) * 1000)::bigint) STORED,
    active_ms          bigint       NOT NULL DEFAULT 0,
    productivity_score numeric(5, 2),
    tool_usage         jsonb        NOT NULL DEFAULT '{}',
    metadata           jsonb        NOT NULL DEFAULT '{}',
    created_at         timestamptz  NOT NULL DEFAULT now(),
    updated_at         timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT metrics_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT metrics_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT metrics_sessions_category_check CHECK (btrim(category) <> ''),
    CONSTRAINT metrics_sessions_end_check CHECK (session_end >= session_start),
    CONSTRAINT metrics_sessions_active_ms_check CHECK (active_ms >= 0),
    CONSTRAINT metrics_sessions_productivity_score_check CHECK (productivity_score BETWEEN 0 AND 100),
    CONSTRAINT metrics_sessions_tool_usage_check CHECK (jsonb_typeof(tool_usage) = 'object'),
    CONSTRAINT metrics_sessions_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

-- A user's sessions in a range of dates, everybody's sessions in one, and what retention removes.
CREATE INDEX metrics_sessions_user_id_idx ON metrics_sessions (user_id, session_start DESC);
CREATE INDEX metrics_sessions_session_start_idx ON metrics_sessions (session_start);

CREATE TRIGGER metrics_sessions_set_updated_at
    BEFORE UPDATE ON metrics_sessions
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE metrics_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY metrics_sessions_tenant ON metrics_sessions
    USING ((SELECT is_current_tenant('metrics_sessions')));

COMMENT ON TABLE metrics_sessions IS 'Work sessions: when, how productive, with which tools';
COMMENT ON COLUMN metrics_sessions.id IS 'Clients may choose it, so that what is sent twice is kept once';
COMMENT ON COLUMN metrics_sessions.session_end IS 'Null while the session goes on';
COMMENT ON COLUMN metrics_sessions.active_ms IS 'Time in which the user was not idle';
COMMENT ON COLUMN metrics_sessions.productivity_score IS 'From 0 to 100; null until it is computed';
COMMENT ON COLUMN metrics_sessions.tool_usage IS 'Uses per tool, summed up from tool_metrics';

CREATE TABLE tool_metrics (
    id                 bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    metrics_session_id uuid        NOT NULL,
    tool_name          text        NOT NULL,
    tool_category      text        NOT NULL DEFAULT 'general',
    recorded_at        timestamptz NOT NULL DEFAULT now(),
    uses               integer     NOT NULL DEFAULT 1,
    errors             integer     NOT NULL DEFAULT 0,
    duration_ms        bigint      NOT NULL DEFAULT 0,
    max_duration_ms    bigint,
    cpu_ms             bigint,
    peak_memory_bytes  bigint,
    last_error         text,
    details            jsonb       NOT NULL DEFAULT '{}',

    CONSTRAINT tool_metrics_pkey PRIMARY KEY (id),
    CONSTRAINT tool_metrics_session_tool_key UNIQUE (metrics_session_id, tool_name, recorded_at),
    CONSTRAINT tool_metrics_metrics_session_id_fkey
        FOREIGN KEY (metrics_session_id) REFERENCES metrics_sessions (id) ON DELETE CASCADE,
    CONSTRAINT tool_metrics_tool_name_check CHECK (btrim(tool_name) <> ''),
    CONSTRAINT tool_metrics_tool_category_check CHECK (btrim(tool_category) <> ''),
    CONSTRAINT tool_metrics_uses_check CHECK (uses >= 0 AND errors BETWEEN 0 AND uses),
    CONSTRAINT tool_metrics_duration_check CHECK (duration_ms >= 0 AND max_duration_ms BETWEEN 0 AND duration_ms),
    CONSTRAINT tool_metrics_resources_check CHECK (cpu_ms >= 0 AND peak_memory_bytes >= 0),
    CONSTRAINT tool_metrics_details_check CHECK (jsonb_typeof(details) = 'object')
);

-- By name, and by category with or without a name. The constraint's own index finds the tools of a session.
CREATE INDEX tool_metrics_tool_name_idx ON tool_metrics (tool_name, recorded_at DESC);
CREATE INDEX tool_metrics_tool_category_idx ON tool_metrics (tool_category, tool_name, recorded_at DESC);
-- Rows come in the order of time: a few pages lead retention and reports to theirs.
CREATE INDEX tool_metrics_recorded_at_idx ON tool_metrics USING brin (recorded_at);

ALTER TABLE tool_metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY tool_metrics_tenant ON tool_metrics USING ((SELECT is_current_tenant('tool_metrics')));

COMMENT ON TABLE tool_metrics IS 'Tools used in a work session: how often, how long, with which errors and resources';
COMMENT ON COLUMN tool_metrics.duration_ms IS 'Time spent in all uses together';
COMMENT ON COLUMN tool_metrics.max_duration_ms IS 'Time spent in the longest of them';
