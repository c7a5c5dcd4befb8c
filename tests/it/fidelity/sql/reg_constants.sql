-- Constants that are names of objects: PostgreSQL keeps the object, and prints its name.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION f(integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE COLLATION co FROM "C";
CREATE TABLE t (
    n regnamespace DEFAULT 'tenant_template'::regnamespace,
    f regproc DEFAULT 'f',
    p regprocedure DEFAULT 'f(integer)',
    y regtype DEFAULT 'mood',
    o regoperator DEFAULT '===(integer,integer)',
    c regcollation DEFAULT 'co'
);
ALTER TABLE t ADD itself regclass DEFAULT 't', ADD others regclass[] DEFAULT ARRAY['t'::regclass];
CREATE VIEW relations AS SELECT relname FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace;
CREATE FUNCTION count_relations() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace);
END $$;
CREATE FUNCTION is_there() RETURNS boolean LANGUAGE sql
    AS $$ SELECT to_regnamespace('tenant_template') IS NOT NULL AND regnamespace 'tenant_template' <> 0 $$;
CREATE FUNCTION of_standard() RETURNS boolean LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) > 0 FROM pg_class WHERE relnamespace = 'tenant_template'::regnamespace; END;
