-- Functions whose SQL-standard bodies need one another, and types whose defaults need such functions. pg_dump itself gives
-- up on them: they are to be made with another body first, or without the default.
CREATE FUNCTION ping(n integer) RETURNS integer LANGUAGE sql RETURN n;
CREATE FUNCTION pong(n integer) RETURNS integer LANGUAGE sql RETURN CASE WHEN n > 0 THEN ping(n - 1) ELSE 0 END;
CREATE OR REPLACE FUNCTION ping(n integer) RETURNS integer LANGUAGE sql RETURN CASE WHEN n > 0 THEN pong(n - 1) ELSE 0 END;
CREATE FUNCTION calls_itself(n integer) RETURNS integer LANGUAGE sql RETURN n;
CREATE OR REPLACE FUNCTION calls_itself(n integer) RETURNS integer LANGUAGE sql RETURN CASE WHEN n > 0 THEN calls_itself(n - 1) ELSE 0 END;


CREATE FUNCTION first_of_three(n integer, OUT a integer, OUT b text) LANGUAGE sql RETURN ROW(1, 'a');
CREATE FUNCTION second_of_three(n integer) RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT b FROM first_of_three(n); END;
CREATE PROCEDURE third_of_three(n integer DEFAULT 3) LANGUAGE sql BEGIN ATOMIC SELECT * FROM second_of_three(n); END;
CREATE OR REPLACE FUNCTION first_of_three(n integer, OUT a integer, OUT b text) LANGUAGE sql RETURN (SELECT ROW(2, max(s)) FROM second_of_three(n) s);

-- A table by way of a domain whose default reads the table.
CREATE DOMAIN code AS text;
CREATE TABLE codes (c code PRIMARY KEY);
CREATE FUNCTION next_code() RETURNS code LANGUAGE sql STABLE BEGIN ATOMIC SELECT max(c)::code FROM codes; END;
ALTER DOMAIN code SET DEFAULT next_code();
