-- Casts from and to types of the schema, with and without a function.
CREATE TYPE pair AS (a integer, b integer);
CREATE TYPE triple AS (a integer, b integer, c integer);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE feeling AS ENUM ('sad', 'happy');
CREATE TABLE t (id integer, m mood);
CREATE FUNCTION to_triple(pair) RETURNS triple LANGUAGE sql IMMUTABLE RETURN ROW(($1).a, ($1).b, 0)::triple;
CREATE FUNCTION to_integer(mood) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION from_integer(integer, integer, boolean) RETURNS mood LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 'sad'; END $$;
CREATE FUNCTION of_row(t) RETURNS mood LANGUAGE sql IMMUTABLE RETURN ($1).m;
CREATE CAST (pair AS triple) WITH FUNCTION to_triple(pair);
CREATE CAST (mood AS integer) WITH FUNCTION to_integer(mood) AS IMPLICIT;
CREATE CAST (integer AS mood) WITH FUNCTION from_integer(integer, integer, boolean) AS ASSIGNMENT;
CREATE CAST (mood AS feeling) WITH INOUT AS IMPLICIT;
CREATE CAST (t AS mood) WITH FUNCTION of_row(t);
CREATE CAST (text AS feeling) WITH INOUT AS ASSIGNMENT;
CREATE VIEW uses AS SELECT t.id, t.m::feeling AS f, t.m + 1 AS n, ROW(1, 2)::pair::triple AS x FROM t;
COMMENT ON CAST (pair AS triple) IS 'a cast';
