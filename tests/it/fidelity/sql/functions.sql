-- Functions, procedures and aggregates: bodies of each form, every kind of argument and every attribute.
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE items (id integer PRIMARY KEY, name text, colour colour, price numeric);
CREATE TABLE log (id bigserial, what text);
CREATE SEQUENCE numbers;

CREATE FUNCTION as_text(a integer, b integer = 3) RETURNS integer LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION as_text(a text) RETURNS text LANGUAGE sql AS $_$ SELECT $1 || '$$' || $q$ it's $q$ $_$;
CREATE FUNCTION with_dollars() RETURNS text LANGUAGE plpgsql AS 'begin return $$ $_$ $function$ $$; end';
CREATE FUNCTION by_name(items) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
CREATE FUNCTION all_items() RETURNS SETOF items LANGUAGE sql STABLE AS 'SELECT * FROM items';
CREATE FUNCTION typed(items.name%TYPE, c colour, d positive[], VARIADIC rest pair[]) RETURNS items.price%TYPE LANGUAGE sql AS 'SELECT 1.5';
CREATE FUNCTION outs(IN a integer, OUT b integer, INOUT c text, OUT "Odd" numeric) LANGUAGE plpgsql AS $$ BEGIN b := a; "Odd" := 1; END $$;
CREATE FUNCTION tabular(n integer) RETURNS TABLE (id integer, "Name" text, kind colour) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT i.id, i.name, i.colour FROM items i; END $$;
CREATE FUNCTION records() RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION unnamed(integer, text, VARIADIC numeric[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION defaults(
    a integer DEFAULT nextval('numbers'), b text DEFAULT 'it''s', c colour DEFAULT 'green', d timestamptz DEFAULT now(),
    e integer[] DEFAULT ARRAY[1, 2], f items DEFAULT NULL, g integer DEFAULT as_text(1), h interval DEFAULT '1 day 02:00'
) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION polymorphic(a anyelement, b anyarray, c anycompatible, VARIADIC d anycompatiblearray) RETURNS anyelement LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION variadic_any(VARIADIC "any") RETURNS integer LANGUAGE internal IMMUTABLE AS 'pg_num_nulls';

CREATE FUNCTION attributes(a integer) RETURNS SETOF integer LANGUAGE sql IMMUTABLE STRICT LEAKPROOF SECURITY DEFINER PARALLEL SAFE COST 7.5 ROWS 33 AS 'SELECT $1';
CREATE FUNCTION restricted() RETURNS integer LANGUAGE sql STABLE PARALLEL RESTRICTED COST 0.25 AS 'SELECT 1';
CREATE FUNCTION internals(integer) RETURNS integer LANGUAGE internal IMMUTABLE STRICT COST 1 AS 'int4abs';
-- In C: the file's name and the symbol's are two texts.
CREATE FUNCTION in_c() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION supported(text, text) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT SUPPORT textlike_support AS 'textlike';
CREATE FUNCTION settings() RETURNS integer LANGUAGE sql
    SET search_path = tenant_template, public, pg_temp SET statement_timeout = '5s' SET "DateStyle" = 'ISO, DMY' SET work_mem FROM CURRENT SET application_name = 'it''s, odd'
    AS 'SELECT 1';
CREATE FUNCTION own_path() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'tenant_template' AS $$ BEGIN RETURN (SELECT count(*) FROM items); END $$;
CREATE FUNCTION empty_path() RETURNS integer LANGUAGE sql SET search_path = '' AS 'SELECT 1';
CREATE FUNCTION user_path() RETURNS integer LANGUAGE sql SET search_path = "$user", tenant_template SET myapp.tenant = 'x' AS 'SELECT 1';

CREATE FUNCTION standard_return(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql IMMUTABLE RETURN a + b + as_text(a);
CREATE FUNCTION standard_query() RETURNS SETOF items LANGUAGE sql BEGIN ATOMIC
    SELECT id, name, colour, price FROM items WHERE colour = 'red' ORDER BY id;
END;
CREATE FUNCTION standard_steps(words text) RETURNS bigint LANGUAGE sql BEGIN ATOMIC
    INSERT INTO log (what) VALUES (words), ('it''s');
    UPDATE items SET price = price * 2, name = (SELECT max(what) FROM log) WHERE id IN (SELECT id FROM all_items());
    DELETE FROM log WHERE id < 3 RETURNING id;
END;
CREATE FUNCTION standard_with(t items) RETURNS text LANGUAGE sql BEGIN ATOMIC
    WITH cheap AS MATERIALIZED (SELECT i.* FROM items i WHERE i.price < t.price), both_of AS (SELECT c.name FROM cheap c JOIN log USING (id))
    SELECT string_agg(b.name, ',' ORDER BY b.name DESC) FILTER (WHERE b.name <> '') FROM both_of b;
END;
CREATE FUNCTION standard_calls() RETURNS integer LANGUAGE sql RETURN standard_return(1) + (SELECT count(*) FROM standard_query())::integer;
CREATE FUNCTION standard_nothing() RETURNS void LANGUAGE sql BEGIN ATOMIC END;

CREATE PROCEDURE plain(a integer) LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
CREATE PROCEDURE plain(IN a text, OUT c items, INOUT b integer DEFAULT 4) LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$ BEGIN b := 1; END $$;
CREATE PROCEDURE standard(what text) LANGUAGE sql BEGIN ATOMIC INSERT INTO log (what) VALUES (what); DELETE FROM items WHERE name = what; END;
CREATE FUNCTION window_like() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_row_number';
CREATE FUNCTION "Odd ""Name"" (x)"("Odd Arg" integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN "Odd Arg"; END $$;
CREATE FUNCTION on_trigger() RETURNS trigger LANGUAGE plpgsql AS E'\nBEGIN\r\n  RETURN NEW; -- tab\there\nEND;\n';

-- Order: made before what they call, by name alone.
SET check_function_bodies = off;
CREATE FUNCTION calls_later() RETURNS integer LANGUAGE sql AS 'SELECT a_later_one() FROM a_later_table';
CREATE FUNCTION broken() RETURNS integer LANGUAGE sql AS 'SELECT nothing FROM nowhere';
CREATE FUNCTION broken_too() RETURNS integer LANGUAGE plpgsql AS 'this is not a body';
SET check_function_bodies = on;
CREATE TABLE a_later_table (id integer);
CREATE FUNCTION a_later_one() RETURNS integer LANGUAGE sql AS 'SELECT 1';

CREATE FUNCTION add_up(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT COALESCE($1, 0) + COALESCE($2, 0)';
CREATE FUNCTION take_away(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
CREATE FUNCTION finish(integer) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
CREATE FUNCTION finish_more(integer, integer) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
CREATE AGGREGATE total(integer) (SFUNC = add_up, STYPE = integer);
CREATE AGGREGATE total_text(integer) (
    SFUNC = add_up, STYPE = integer, SSPACE = 64, FINALFUNC = finish, FINALFUNC_MODIFY = shareable, COMBINEFUNC = add_up, INITCOND = '0',
    MSFUNC = add_up, MINVFUNC = take_away, MSTYPE = integer, MSSPACE = 8, MFINALFUNC = finish_more, MFINALFUNC_EXTRA, MFINALFUNC_MODIFY = read_write, MINITCOND = '1',
    PARALLEL = SAFE
);
CREATE FUNCTION step(internal, anyelement) RETURNS internal LANGUAGE internal IMMUTABLE AS 'array_agg_transfn';
CREATE AGGREGATE largest(integer) (SFUNC = int4larger, STYPE = integer, SORTOP = >);
CREATE AGGREGATE mean(numeric) (
    SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_avg, COMBINEFUNC = numeric_avg_combine,
    SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize, PARALLEL = RESTRICTED
);
CREATE AGGREGATE quantile(double precision ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE standing(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE AGGREGATE nothing(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
CREATE FUNCTION append(items[], items) RETURNS items[] LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE AGGREGATE gather(items) (SFUNC = append, STYPE = items[], INITCOND = '{}');
CREATE FUNCTION two(integer, integer, text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE of_two(a integer, "B b" text) (SFUNC = two, STYPE = integer);
CREATE VIEW totals AS SELECT colour, total(id), total_text(id ORDER BY name), quantile(0.5) WITHIN GROUP (ORDER BY name), of_two(id, name) OVER w
    FROM items GROUP BY colour, id, name WINDOW w AS (PARTITION BY colour);

COMMENT ON FUNCTION as_text(integer, integer) IS 'one of two';
COMMENT ON PROCEDURE plain(integer) IS 'a procedure';
COMMENT ON AGGREGATE quantile(double precision ORDER BY anyelement) IS 'an ordered set';
COMMENT ON AGGREGATE nothing(*) IS 'counts';
