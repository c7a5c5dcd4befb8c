-- How far a migration that runs without a transaction has come, so that one that was interrupted goes on there.

CREATE TABLE tenant_unfinished_migrations (
    schema_name varchar(63) NOT NULL,
    version     bigint      NOT NULL,
    statement   integer     NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT tenant_unfinished_migrations_pkey PRIMARY KEY (schema_name, version),
    CONSTRAINT tenant_unfinished_migrations_statement_check CHECK (statement > 0)
);

COMMENT ON TABLE tenant_unfinished_migrations IS 'Migrations without transaction that are under way, or were interrupted';
COMMENT ON COLUMN tenant_unfinished_migrations.statement IS 'The statement that was begun last, counted from 1';
