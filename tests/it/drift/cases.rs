//! Changes made to a tenant by hand, and what they are called.

pub(super) struct Case {
    pub(super) slug: &'static str,
    pub(super) change: &'static str,
    /// What is listed, `change kind name` a line.
    pub(super) drift: &'static [&'static str],
}

const fn case(slug: &'static str, change: &'static str, drift: &'static [&'static str]) -> Case {
    Case { slug, change, drift }
}

/// One tenant a change.
pub(super) const CHANGES: &[Case] = &[
    case(
        "index-dropped",
        "DROP INDEX users_role_idx",
        &["missing index users_role_idx"],
    ),
    case(
        "index-added",
        "CREATE INDEX extra ON orders (placed)",
        &["extra index extra"],
    ),
    case(
        "index-other",
        "DROP INDEX users_role_idx; CREATE INDEX users_role_idx ON users (role)",
        &["different index users_role_idx"],
    ),
    case(
        "column-dropped",
        "ALTER TABLE orders DROP COLUMN placed CASCADE",
        &["missing column orders.placed", "missing materialized view totals"],
    ),
    case(
        "column-type",
        "DROP MATERIALIZED VIEW totals; DROP VIEW spending; ALTER TABLE orders ALTER COLUMN amount TYPE numeric(8,1); \
         CREATE VIEW spending AS SELECT m.email, sum(o.amount) AS spent \
         FROM members m JOIN orders o ON o.user_id = m.id GROUP BY m.email; \
         CREATE MATERIALIZED VIEW totals AS SELECT placed, sum(amount) AS total FROM orders GROUP BY placed; \
         CREATE UNIQUE INDEX totals_placed_key ON totals (placed)",
        &["different column orders.amount"],
    ),
    case(
        "default-other",
        "ALTER TABLE users ALTER COLUMN role SET DEFAULT 'owner'",
        &["different default users.role"],
    ),
    case(
        "default-dropped",
        "ALTER TABLE users ALTER COLUMN updated_at DROP DEFAULT",
        &["missing default users.updated_at"],
    ),
    case(
        "default-added",
        "ALTER TABLE orders ALTER COLUMN amount SET DEFAULT 0",
        &["extra default orders.amount"],
    ),
    case(
        "nullable",
        "ALTER TABLE users ALTER COLUMN email DROP NOT NULL",
        &["missing not null users.email"],
    ),
    case(
        "not-nullable",
        "ALTER TABLE users ALTER COLUMN role SET NOT NULL",
        &["extra not null users.role"],
    ),
    case(
        "check-dropped",
        "ALTER TABLE orders DROP CONSTRAINT orders_amount_check",
        &["missing check orders_amount_check ON orders"],
    ),
    case(
        "check-other",
        "ALTER TABLE users DROP CONSTRAINT users_role_check, \
         ADD CONSTRAINT users_role_check CHECK (role IN ('owner', 'member', 'guest'))",
        &["different check users_role_check ON users"],
    ),
    case(
        "check-not-valid",
        "ALTER TABLE orders DROP CONSTRAINT orders_amount_check, \
         ADD CONSTRAINT orders_amount_check CHECK (amount >= 0) NOT VALID",
        &["different check orders_amount_check ON orders"],
    ),
    case(
        "unique-dropped",
        "ALTER TABLE users DROP CONSTRAINT users_email_key",
        &["missing constraint users_email_key ON users"],
    ),
    case(
        "primary-key-other",
        "ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE, ADD CONSTRAINT users_pkey PRIMARY KEY (id, email)",
        &[
            "missing foreign key orders_user_id_fkey ON orders",
            "different constraint users_pkey ON users",
        ],
    ),
    case(
        "foreign-key-dropped",
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
        &["missing foreign key orders_user_id_fkey ON orders"],
    ),
    case(
        "foreign-key-other",
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey, \
         ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
        &["different foreign key orders_user_id_fkey ON orders"],
    ),
    case(
        "table-dropped",
        "DROP TABLE orders CASCADE",
        &[
            "missing sequence orders_id_seq",
            "missing table orders",
            "missing view spending",
            "missing materialized view totals",
        ],
    ),
    case(
        "identity-other",
        "ALTER TABLE users ALTER COLUMN id SET GENERATED ALWAYS SET INCREMENT BY 5",
        &["different identity users.id"],
    ),
    case(
        "identity-dropped",
        "ALTER TABLE users ALTER COLUMN id DROP IDENTITY",
        &["missing identity users.id"],
    ),
    case(
        "sequence-other",
        "ALTER SEQUENCE tickets INCREMENT BY 1 CACHE 7",
        &["different sequence tickets"],
    ),
    case(
        "sequence-free",
        "ALTER SEQUENCE orders_id_seq OWNED BY NONE",
        &["missing sequence owner orders_id_seq"],
    ),
    case(
        "generated-dropped",
        "ALTER TABLE users DROP COLUMN folded",
        &["missing column users.folded"],
    ),
    case(
        "generated-other",
        "ALTER TABLE users DROP COLUMN folded; \
         ALTER TABLE users ADD COLUMN folded text GENERATED ALWAYS AS (upper(note)) STORED",
        &["different column users.folded"],
    ),
    case(
        "body-other",
        "CREATE OR REPLACE FUNCTION normal(value text) RETURNS text LANGUAGE sql IMMUTABLE AS \
         $$ SELECT upper(value) $$",
        &["different function normal(value text)"],
    ),
    case(
        "result-other",
        "DROP INDEX users_normal_idx; DROP FUNCTION normal; CREATE FUNCTION normal(value text) RETURNS varchar \
         LANGUAGE sql IMMUTABLE AS $$ SELECT lower(btrim(value)) $$; CREATE INDEX users_normal_idx ON users (normal(email))",
        &["different function normal(value text)"],
    ),
    case(
        "function-dropped",
        "DROP FUNCTION normal CASCADE",
        &[
            "missing function normal(value text)",
            "missing index users_normal_idx",
        ],
    ),
    case(
        "procedure-dropped",
        "DROP PROCEDURE nothing",
        &["missing procedure nothing()"],
    ),
    case(
        "trigger-dropped",
        "DROP TRIGGER users_touch ON users",
        &["missing trigger users_touch ON users"],
    ),
    case(
        "trigger-other",
        "DROP TRIGGER users_touch ON users; \
         CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
        &["different trigger users_touch ON users"],
    ),
    case(
        "trigger-off",
        "ALTER TABLE users DISABLE TRIGGER users_touch",
        &["extra trigger state users_touch ON users"],
    ),
    case(
        "policy-dropped",
        "DROP POLICY users_own ON users",
        &["missing policy users_own ON users"],
    ),
    case(
        "policy-other",
        "ALTER POLICY users_own ON users USING (true)",
        &["different policy users_own ON users"],
    ),
    case(
        "security-off",
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        &["missing row security users"],
    ),
    case(
        "security-forced",
        "ALTER TABLE users FORCE ROW LEVEL SECURITY",
        &["extra forced row security users"],
    ),
    case(
        "grant-revoked",
        "REVOKE SELECT ON users FROM drift_reader",
        &["missing grant SELECT ON TABLE users TO drift_reader"],
    ),
    case(
        "grant-added",
        "GRANT INSERT (email), SELECT (email) ON users TO drift_reader",
        &["extra grant INSERT (email), SELECT (email) ON users TO drift_reader"],
    ),
    case(
        "grant-option",
        "GRANT SELECT ON users TO drift_reader WITH GRANT OPTION",
        &["different grant SELECT ON TABLE users TO drift_reader"],
    ),
    case(
        "owner-other",
        "ALTER TABLE orders OWNER TO drift_owner",
        &[
            "different owner SEQUENCE orders_id_seq",
            "different owner TABLE orders",
        ],
    ),
    case(
        "schema-owner",
        "ALTER SCHEMA {schema} OWNER TO drift_owner",
        &["different owner SCHEMA {schema}"],
    ),
    case(
        "schema-grant",
        "GRANT USAGE ON SCHEMA {schema} TO drift_reader",
        &["extra schema grant USAGE ON SCHEMA {schema} TO drift_reader"],
    ),
    case(
        "comment-other",
        "COMMENT ON TABLE users IS 'People'",
        &["different comment TABLE users"],
    ),
    case(
        "comment-dropped",
        "COMMENT ON COLUMN users.email IS NULL",
        &["missing comment COLUMN users.email"],
    ),
    case(
        "view-other",
        "CREATE OR REPLACE VIEW members AS SELECT id, email, role FROM users",
        &["different view members"],
    ),
    case(
        "view-wider",
        "CREATE OR REPLACE VIEW members AS SELECT id, email, role, plan FROM users",
        &["different view members"],
    ),
    case(
        "view-dropped",
        "DROP VIEW members CASCADE",
        &["missing view members", "missing view spending"],
    ),
    case(
        "view-added",
        "CREATE VIEW extra AS SELECT * FROM spending",
        &["extra view extra"],
    ),
    case(
        "materialized-other",
        "DROP MATERIALIZED VIEW totals; CREATE MATERIALIZED VIEW totals AS \
         SELECT placed, max(amount) AS total FROM orders GROUP BY placed; \
         CREATE UNIQUE INDEX totals_placed_key ON totals (placed)",
        &["different materialized view totals"],
    ),
    case(
        "rule-dropped",
        "DROP RULE members_quiet ON members",
        &["missing rule members_quiet ON members"],
    ),
    case(
        "domain-check",
        "ALTER DOMAIN short DROP CONSTRAINT short_length",
        &["missing domain constraint short_length ON short"],
    ),
    case(
        "domain-default",
        "ALTER DOMAIN short SET DEFAULT 'none'",
        &["different domain default short"],
    ),
    case(
        "attribute-added",
        "ALTER TYPE address ADD ATTRIBUTE country text",
        &["extra attribute address.country"],
    ),
    case(
        "attribute-other",
        "ALTER TYPE address ALTER ATTRIBUTE city TYPE varchar",
        &["different attribute address.city"],
    ),
    case(
        "statistics-dropped",
        "DROP STATISTICS users_role_plan",
        &["missing extended statistics users_role_plan"],
    ),
    case(
        "statistics-target",
        "ALTER TABLE orders ALTER COLUMN user_id SET STATISTICS -1",
        &["missing statistics orders.user_id"],
    ),
    case(
        "parameters-other",
        "ALTER TABLE orders SET (fillfactor = 70, autovacuum_enabled = false)",
        &["different storage parameters orders"],
    ),
    case(
        "unlogged",
        "ALTER TABLE orders SET UNLOGGED",
        &["different sequence orders_id_seq", "different table orders"],
    ),
    case(
        "replica-identity",
        "ALTER TABLE users REPLICA IDENTITY USING INDEX users_email_key",
        &["extra replica identity users"],
    ),
    case(
        "clustered",
        "ALTER TABLE users CLUSTER ON users_pkey",
        &["extra clustering users"],
    ),
    case(
        "storage",
        "ALTER TABLE users ALTER COLUMN email SET STORAGE EXTERNAL",
        &["extra storage users.email"],
    ),
    case(
        "partition-detached",
        "ALTER TABLE events DETACH PARTITION events_2026",
        &[
            "missing partition events_2026 OF events",
            "missing index partition events_2026_at_idx OF events_at_idx",
        ],
    ),
];
