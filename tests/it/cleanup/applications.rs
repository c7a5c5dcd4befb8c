//! The applications' own policies, with rows on both sides of every window.

use crate::support::Database;

/// Rows on both sides of every window, in tables with a column or an expression that says what is to become of them.
struct Pairs {
    app: &'static str,
    /// For `$LONG` what larger customers have more of: days otherwise, and with the plan `enterprise`.
    long: [&'static str; 2],
    rows: &'static str,
    labels: &'static [(&'static str, &'static str)],
    /// What is left of rows that are redacted, and of references to what has gone.
    left: &'static [(&'static str, &'static str)],
}

/// An hour more than the window, and an hour less.
const TIMES: &str = "CREATE FUNCTION public.due(text) RETURNS timestamptz LANGUAGE sql \
                     AS 'SELECT now() - $1::interval - interval ''1 hour'''; \
                     CREATE FUNCTION public.young(text) RETURNS timestamptz LANGUAGE sql \
                     AS 'SELECT now() - $1::interval + interval ''1 hour'''";

/// Cleans up as cron does, and expects those rows to be left whose labels say so.
fn clean_up(pairs: &Pairs) {
    let database = Database::empty();
    database.run(&["init", "--app", pairs.app, "--quiet"]).success();
    database.sql(TIMES);
    let tenants = [("acme", "pro"), ("big", "enterprise")];
    let ask = |slug: &str, sql: &str| database.sql(&format!("SET search_path = tenant_{slug}; {sql}"));
    let labels = |slug: &str| -> Vec<String> {
        let of_table = |&(table, label): &(&str, &str)| {
            let rows = ask(slug, &format!("SELECT {label} FROM {table} ORDER BY 1"));
            let rows: Vec<String> = rows.lines().map(|row| format!("{table}: {row}")).collect();
            rows
        };
        pairs.labels.iter().flat_map(of_table).collect()
    };
    let mut expected = Vec::new();
    for ((slug, plan), long) in tenants.into_iter().zip(pairs.long) {
        database
            .run(&["create", slug, "--plan", plan, "--quiet"])
            .success();
        ask(slug, &pairs.rows.replace("$LONG", long));
        let (stay, go): (Vec<String>, Vec<String>) = labels(slug)
            .into_iter()
            .partition(|label| label.contains(": keep"));
        assert!(go.iter().all(|label| label.contains(": go")), "{go:?}");
        for (table, _) in pairs.labels {
            assert!(
                stay.iter().any(|label| label.starts_with(&format!("{table}: "))),
                "{table}"
            );
        }
        expected.push(stay);
    }
    database
        .run(&["cleanup", "--all", "--days", "30", "--yes"])
        .success();
    for ((slug, _), stay) in tenants.into_iter().zip(expected) {
        assert_eq!(labels(slug), stay, "{slug}");
        for (question, answer) in pairs.left {
            assert_eq!(ask(slug, question), *answer, "{slug}: {question}");
        }
    }
}

#[test]
fn the_metrics_application_is_rid_of_what_is_due_and_of_nothing_else() {
    clean_up(&Pairs {
        app: "metrics",
        long: ["30 days", "365 days"],
        rows: "
            INSERT INTO users (email, name, deleted_at) VALUES
                ('a@x.example', 'keep', NULL), ('b@x.example', 'keep young', public.young('30 days')),
                ('c@x.example', 'go', public.due('30 days'));
            INSERT INTO sessions (user_id, token_hash, user_agent, expires_at)
                SELECT users.id, sha256(said::bytea), said, at FROM users JOIN (VALUES
                    ('keep', 'go expired', public.due('1 day')), ('keep', 'keep expired', public.young('1 day')),
                    ('keep', 'keep', now() + interval '1 hour'), ('go', 'go with user', now() + interval '1 hour'))
                    AS row (name, said, at) USING (name);
            INSERT INTO metrics_sessions (user_id, project, session_start)
                SELECT users.id, said, at FROM users JOIN (VALUES
                    ('keep', 'go', public.due('$LONG')), ('keep', 'keep', public.young('$LONG')),
                    ('keep young', 'keep of closed', public.young('$LONG')), ('go', 'go with user', now()))
                    AS row (name, said, at) USING (name);
            INSERT INTO tool_metrics (metrics_session_id, tool_name) SELECT id, project FROM metrics_sessions;
            INSERT INTO dashboard_configs (user_id, name, deleted_at)
                SELECT users.id, said, at FROM users JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go with user', NULL))
                    AS row (name, said, at) USING (name);
            INSERT INTO dashboard_versions (dashboard_id, version, layout, widgets, changed_by, change_note, created_at)
                SELECT d.id, number, '{}', '[]', (SELECT id FROM users WHERE name = 'go'), note, at
                FROM dashboard_configs AS d JOIN (VALUES
                    ('keep', 1, 'go', public.due('30 days')), ('keep', 2, 'keep', public.young('30 days')),
                    ('go', 1, 'go with dashboard', now())) AS row (name, number, note, at) USING (name);
            INSERT INTO audit_logs (user_id, actor, action, resource, created_at)
                SELECT (SELECT id FROM users WHERE name = 'go'), said, 'a', 'r', at FROM (VALUES
                    ('go', public.due('90 days')), ('keep', public.young('90 days'))) AS row (said, at);
            INSERT INTO scheduled_jobs (type, status, scheduled_at, finished_at) VALUES
                ('go failed', 'failed', now(), public.due('7 days')),
                ('keep failed', 'failed', now(), public.young('7 days')),
                ('go completed', 'completed', now(), public.due('30 days')),
                ('keep completed', 'completed', now(), public.young('30 days')),
                ('go cancelled', 'cancelled', now(), public.due('30 days')),
                ('keep cancelled', 'cancelled', now(), public.young('30 days')),
                ('keep pending', 'pending', now() - interval '2 years', NULL),
                ('keep running', 'running', now() - interval '2 years', NULL)",
        labels: &[
            ("users", "name"),
            ("sessions", "user_agent"),
            ("metrics_sessions", "project"),
            ("tool_metrics", "tool_name"),
            ("dashboard_configs", "name"),
            ("dashboard_versions", "change_note"),
            ("audit_logs", "actor"),
            ("scheduled_jobs", "type"),
        ],
        left: &[
            ("SELECT user_id FROM audit_logs", ""),
            ("SELECT changed_by FROM dashboard_versions", ""),
        ],
    });
}

#[test]
fn the_auth_application_is_rid_of_what_is_due_and_of_nothing_else() {
    clean_up(&Pairs {
        app: "auth",
        long: ["30 days", "365 days"],
        rows: "
            INSERT INTO users (id, email, deleted_at) VALUES
                ('keep', 'a@x.example', NULL), ('keep young', 'b@x.example', public.young('$LONG')),
                ('go', 'c@x.example', public.due('$LONG'));
            INSERT INTO sessions (user_id, access_token, refresh_token, expires_at) VALUES
                ('keep', 'go expired', 'a', public.due('1 day')), ('keep', 'keep expired', 'b', public.young('1 day')),
                ('keep', 'keep', 'c', now() + interval '1 hour'),
                ('go', 'go with user', 'd', now() + interval '1 hour');
            INSERT INTO magic_links (user_id, email, token, expires_at, used_at) VALUES
                ('keep', 'a@x.example', 'go', public.due('1 day'), NULL),
                ('keep', 'a@x.example', 'go used', public.due('1 day'), public.due('2 days')),
                ('keep', 'a@x.example', 'keep', public.young('1 day'), NULL),
                ('keep', 'a@x.example', 'keep used', now() + interval '1 hour', now()),
                ('go', 'c@x.example', 'keep without user', now() + interval '1 hour', NULL);
            INSERT INTO posts (author_id, title, content, created_at) VALUES
                ('keep', 'keep', '', public.due('2 years')), ('keep young', 'keep of closed', '', now()),
                ('go', 'go with author', '', now())",
        labels: &[
            ("users", "id"),
            ("sessions", "access_token"),
            ("magic_links", "token"),
            ("posts", "title"),
        ],
        left: &[("SELECT token FROM magic_links WHERE user_id IS NULL", "keep without user")],
    });
}

#[test]
fn the_sales_application_is_rid_of_what_is_due_and_of_nothing_else() {
    clean_up(&Pairs {
        app: "sales",
        long: ["90 days", "365 days"],
        rows: "
            INSERT INTO organisations (name, domain, deleted_at) VALUES
                ('keep', 'a.example', NULL), ('keep young', 'b.example', public.young('30 days')),
                ('go', 'c.example', public.due('30 days'));
            INSERT INTO users (organisation_id, email, password_hash, first_name, last_name, deleted_at)
                SELECT o.id, said || '@x.example', '$x', said, 'x', at FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep-young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go-with-organisation', NULL))
                    AS row (name, said, at) USING (name);
            INSERT INTO sessions (user_id, token_hash, user_agent, expires_at)
                SELECT users.id, sha256(said::bytea), said, at FROM users JOIN (VALUES
                    ('keep', 'go expired', public.due('1 day')), ('keep', 'keep expired', public.young('1 day')),
                    ('keep', 'keep', now() + interval '1 hour'), ('go', 'go with user', now() + interval '1 hour'))
                    AS row (first_name, said, at) USING (first_name);
            INSERT INTO icps (organisation_id, user_id, name, deleted_at)
                SELECT o.id, (SELECT id FROM users WHERE first_name = 'go'), said, at
                FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go with organisation', NULL))
                    AS row (name, said, at) ON o.name = row.name;
            INSERT INTO prospects
                (organisation_id, user_id, icp_id, email, first_name, last_name, company_name, company_domain, deleted_at)
                SELECT o.id, (SELECT id FROM users WHERE first_name = 'go'), (SELECT id FROM icps WHERE name = 'go'),
                    said || '@x.example', said, 'x', 'x', 'x', at
                FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep-young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go-with-organisation', NULL))
                    AS row (name, said, at) ON o.name = row.name;
            INSERT INTO sequences (organisation_id, name, deleted_at)
                SELECT o.id, said, at FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep young', public.young('30 days')),
                    ('keep', 'keep for its campaign', public.due('30 days')), ('keep', 'go', public.due('30 days')),
                    ('keep', 'go after its campaign', public.due('30 days')), ('go', 'go with organisation', NULL))
                    AS row (name, said, at) ON o.name = row.name;
            INSERT INTO sequence_steps (sequence_id, position, subject_template, body_template)
                SELECT id, 1, name, 'x' FROM sequences;
            INSERT INTO campaigns (organisation_id, sequence_id, name, deleted_at)
                SELECT o.id, (SELECT id FROM sequences WHERE name = sequence), said, at
                FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep for its campaign', 'keep', NULL),
                    ('keep', 'keep', 'keep young', public.young('30 days')),
                    ('keep', 'go after its campaign', 'go', public.due('30 days')))
                    AS row (name, sequence, said, at) ON o.name = row.name;
            INSERT INTO messages (prospect_id, user_id, campaign_id, step_id, body, deleted_at)
                SELECT p.id, (SELECT id FROM users WHERE first_name = 'go'),
                    (SELECT id FROM campaigns WHERE name = 'go'),
                    (SELECT id FROM sequence_steps WHERE subject_template = 'go'), said, at
                FROM prospects AS p JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go with prospect', NULL))
                    AS row (name, said, at) ON p.first_name = row.name;
            INSERT INTO activities (prospect_id, type, title, deleted_at)
                SELECT p.id, 'call', said, at FROM prospects AS p JOIN (VALUES
                    ('keep', 'keep', NULL), ('keep', 'keep young', public.young('30 days')),
                    ('keep', 'go', public.due('30 days')), ('go', 'go with prospect', NULL))
                    AS row (name, said, at) ON p.first_name = row.name;
            INSERT INTO ai_insights (organisation_id, prospect_id, campaign_id, type, title, content, confidence, expires_at)
                SELECT o.id, (SELECT id FROM prospects WHERE first_name = prospect),
                    (SELECT id FROM campaigns WHERE name = campaign), 'risk', said, 'x', 0.5, at
                FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', 'keep', 'keep', NULL), ('keep', NULL, NULL, 'keep young', public.young('7 days')),
                    ('keep', NULL, NULL, 'go', public.due('7 days')), ('keep', 'go', NULL, 'go with prospect', NULL),
                    ('keep', NULL, 'go', 'go with campaign', NULL), ('go', NULL, NULL, 'go with organisation', NULL))
                    AS row (name, prospect, campaign, said, at) ON o.name = row.name;
            INSERT INTO audit_logs (organisation_id, user_id, actor, action, resource, created_at)
                SELECT o.id, (SELECT id FROM users WHERE first_name = 'go'), said, 'a', 'r', at
                FROM organisations AS o JOIN (VALUES
                    ('keep', 'keep', public.young('$LONG')), ('keep', 'go', public.due('$LONG')),
                    ('go', 'go with organisation', now())) AS row (name, said, at) ON o.name = row.name",
        labels: &[
            ("organisations", "name"),
            ("users", "first_name"),
            ("sessions", "user_agent"),
            ("icps", "name"),
            ("prospects", "first_name"),
            ("sequences", "name"),
            ("sequence_steps", "subject_template"),
            ("campaigns", "name"),
            ("messages", "body"),
            ("activities", "title"),
            ("ai_insights", "title"),
            ("audit_logs", "actor"),
        ],
        left: &[
            (
                "SELECT count(*) FROM (SELECT user_id FROM icps UNION ALL SELECT user_id FROM prospects \
                 UNION ALL SELECT icp_id FROM prospects UNION ALL SELECT user_id FROM messages \
                 UNION ALL SELECT campaign_id FROM messages UNION ALL SELECT step_id FROM messages \
                 UNION ALL SELECT user_id FROM audit_logs) AS all_of_them WHERE user_id IS NOT NULL",
                "0",
            ),
        ],
    });
}

#[test]
fn the_inbox_application_is_rid_of_what_is_due_and_of_nothing_else() {
    clean_up(&Pairs {
        app: "inbox",
        long: ["365 days", "1095 days"],
        rows: "
            INSERT INTO users (email, name, deleted_at) VALUES
                ('a@x.example', 'keep', NULL), ('b@x.example', 'keep young', public.young('30 days')),
                ('c@x.example', 'keep absent', NULL), ('d@x.example', 'go', public.due('30 days'));
            INSERT INTO contacts (name, email, deleted_at) VALUES
                ('keep', 'a@x.example', NULL), ('keep young', 'b@x.example', public.young('30 days')),
                ('go', 'c@x.example', public.due('30 days'));
            UPDATE contacts SET merged_into_id = (SELECT id FROM contacts WHERE name = 'go') WHERE name = 'keep young';
            UPDATE contacts SET merged_into_id = (SELECT id FROM contacts WHERE name = 'keep') WHERE name = 'go';
            INSERT INTO messages (contact_id, user_id, channel, direction, subject, content, external_id, created_at)
                SELECT c.id, (SELECT id FROM users WHERE name = 'go'), 'SMS', 'OUTBOUND', 'said', 'said', said, at
                FROM contacts AS c JOIN (VALUES
                    ('keep', 'keep old', public.due('$LONG')), ('keep', 'keep young', public.young('$LONG')),
                    ('go', 'go with contact', now())) AS row (name, said, at) USING (name);
            INSERT INTO notes (contact_id, user_id, content)
                SELECT id, (SELECT id FROM users WHERE name = 'go'), name FROM contacts;
            INSERT INTO assignments (contact_id, user_id)
                SELECT c.id, u.id FROM contacts AS c JOIN users AS u
                    ON (c.name, u.name) IN (('keep', 'keep'), ('keep young', 'go'), ('go', 'keep'));
            INSERT INTO presence (user_id, contact_id, last_seen)
                SELECT u.id, (SELECT id FROM contacts WHERE name = 'go'), at FROM users AS u JOIN (VALUES
                    ('keep', now()), ('keep young', public.young('1 day')), ('keep absent', public.due('1 day')),
                    ('go', now())) AS row (name, at) USING (name);
            INSERT INTO audit_logs (user_id, actor, action, resource, created_at)
                SELECT (SELECT id FROM users WHERE name = 'go'), said, 'a', 'r', at FROM (VALUES
                    ('go', public.due('90 days')), ('keep', public.young('90 days'))) AS row (said, at);
            INSERT INTO scheduled_jobs (type, status, scheduled_at, finished_at) VALUES
                ('go failed', 'FAILED', now(), public.due('7 days')),
                ('keep failed', 'FAILED', now(), public.young('7 days')),
                ('go completed', 'COMPLETED', now(), public.due('30 days')),
                ('keep completed', 'COMPLETED', now(), public.young('30 days')),
                ('go cancelled', 'CANCELLED', now(), public.due('30 days')),
                ('keep cancelled', 'CANCELLED', now(), public.young('30 days')),
                ('keep pending', 'PENDING', now() - interval '2 years', NULL),
                ('keep running', 'RUNNING', now() - interval '2 years', NULL)",
        labels: &[
            ("users", "name"),
            ("contacts", "name"),
            ("messages", "external_id"),
            ("notes", "content"),
            (
                "assignments",
                "(SELECT CASE WHEN 'go' IN (c.name, u.name) THEN 'go' ELSE 'keep' END FROM contacts AS c, users AS u \
                 WHERE c.id = contact_id AND u.id = assignments.user_id)",
            ),
            (
                "presence",
                "(SELECT CASE WHEN name IN ('go', 'keep absent') THEN 'go' ELSE 'keep' END FROM users WHERE id = user_id)",
            ),
            ("audit_logs", "actor"),
            ("scheduled_jobs", "type"),
        ],
        left: &[
            (
                "SELECT external_id, content, subject IS NULL, redacted_at IS NOT NULL FROM messages ORDER BY 1",
                "keep old||t|t\nkeep young|said|f|f",
            ),
            (
                "SELECT count(*) FROM (SELECT merged_into_id AS id FROM contacts UNION ALL SELECT user_id FROM messages \
                 UNION ALL SELECT user_id FROM notes UNION ALL SELECT contact_id FROM presence \
                 UNION ALL SELECT user_id FROM audit_logs) AS all_of_them WHERE id IS NOT NULL",
                "0",
            ),
        ],
    });
}

#[test]
fn the_viral_application_is_rid_of_what_is_due_and_of_nothing_else() {
    clean_up(&Pairs {
        app: "viral",
        long: ["90 days", "365 days"],
        rows: "
            INSERT INTO tenants (slug, name) VALUES ('x', 'keep');
            INSERT INTO social_accounts (tenant_id, platform, external_id, handle, status, access_token, refresh_token,
                    token_key, disconnected_at)
                SELECT id, 'x', said, 'x', state::account_status, '\\x01', '\\x02', 'k', at FROM tenants, (VALUES
                    ('keep', 'connected', NULL), ('keep expired', 'expired', NULL),
                    ('keep young', 'disconnected', public.young('1 day')),
                    ('keep old', 'disconnected', public.due('1 day'))) AS row (said, state, at);
            INSERT INTO job_queue (tenant_id, type, status, scheduled_at, finished_at)
                SELECT id, said, state::job_status, now() - interval '2 years', at FROM tenants, (VALUES
                    ('go failed', 'failed', public.due('7 days')), ('keep failed', 'failed', public.young('7 days')),
                    ('go completed', 'completed', public.due('30 days')),
                    ('keep completed', 'completed', public.young('30 days')),
                    ('go cancelled', 'cancelled', public.due('30 days')),
                    ('keep cancelled', 'cancelled', public.young('30 days')),
                    ('keep pending', 'pending', NULL), ('keep running', 'running', NULL)) AS row (said, state, at);
            INSERT INTO system_metrics (name, value, recorded_at) VALUES
                ('go', 1, public.due('30 days')), ('keep', 1, public.young('30 days'));
            INSERT INTO analytics_snapshots (tenant_id, platform, captured_at, details)
                SELECT id, 'x', at, jsonb_build_object('said', said) FROM tenants, (VALUES
                    ('go', public.due('30 days')), ('keep', public.young('30 days'))) AS row (said, at);
            INSERT INTO api_usage (tenant_id, method, endpoint, status_code, duration_ms, requested_at)
                SELECT id, 'GET', said, 200, 1, at FROM tenants, (VALUES
                    ('go', public.due('$LONG')), ('keep', public.young('$LONG'))) AS row (said, at)",
        labels: &[
            ("tenants", "name"),
            ("social_accounts", "external_id"),
            ("job_queue", "type"),
            ("system_metrics", "name"),
            ("analytics_snapshots", "details ->> 'said'"),
            ("api_usage", "endpoint"),
        ],
        left: &[(
            "SELECT external_id FROM social_accounts WHERE num_nulls(access_token, refresh_token, token_key) > 0",
            "keep old",
        )],
    });
}

#[test]
fn a_subsidiary_of_the_sales_application_goes_with_its_campaigns_and_their_sequences() {
    let database = Database::empty();
    database.run(&["init", "--app", "sales", "--quiet"]).success();
    database.sql(TIMES);
    database.run(&["create", "acme", "--quiet"]).success();
    let ask = |sql: &str| database.sql(&format!("SET search_path = tenant_acme; {sql}"));
    ask(
        "INSERT INTO organisations (name, domain, deleted_at) VALUES ('x', 'x.example', public.due('30 days')); \
         INSERT INTO sequences (organisation_id, name) SELECT id, 'x' FROM organisations; \
         INSERT INTO campaigns (organisation_id, sequence_id, name) SELECT organisation_id, id, 'x' FROM sequences",
    );
    database
        .run(&["cleanup", "--all", "--days", "30", "--yes"])
        .success();
    assert_eq!(
        ask(
            "SELECT (SELECT count(*) FROM organisations), (SELECT count(*) FROM sequences), \
             (SELECT count(*) FROM campaigns)"
        ),
        "0|0|0"
    );
}
