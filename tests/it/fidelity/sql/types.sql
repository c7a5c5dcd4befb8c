-- Types of every kind, with names that collide with those PostgreSQL gives.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'glad' BEFORE 'happy';
ALTER TYPE mood ADD VALUE 'first' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'it''s "odd" \ ünï' AFTER 'ok';
ALTER TYPE mood RENAME VALUE 'ok' TO 'Fair, (really)';
CREATE TYPE no_labels AS ENUM ();
CREATE TYPE inner_type AS (a integer, b text COLLATE "C", c varchar(9)[], d numeric(7, 2));
ALTER TYPE inner_type ADD ATTRIBUTE gone integer, ADD ATTRIBUTE e mood;
ALTER TYPE inner_type DROP ATTRIBUTE gone;
ALTER TYPE inner_type RENAME ATTRIBUTE a TO "Renamed A";
CREATE TYPE outer_type AS (i inner_type, many inner_type[], m mood, r int4range);
CREATE TYPE no_attributes AS ();
CREATE TABLE a_table (id integer, m mood DEFAULT 'glad', o outer_type);
CREATE TYPE of_a_row AS (t a_table, ts a_table[]);

CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN even AS positive DEFAULT 2 CONSTRAINT is_even CHECK (VALUE % 2 = 0) CONSTRAINT "Not Big" CHECK (VALUE < 1000) NOT NULL;
ALTER DOMAIN even ADD CONSTRAINT unproven CHECK (VALUE <> 8) NOT VALID;
ALTER DOMAIN even ADD CHECK (VALUE <> 10);
CREATE DOMAIN email AS varchar(80) COLLATE "C" CONSTRAINT has_at CHECK (VALUE ~ '@') DEFAULT 'a@b';
CREATE DOMAIN moods AS mood[] CHECK (cardinality(VALUE) < 5);
CREATE DOMAIN checked_pair AS inner_type CONSTRAINT whole CHECK ((VALUE)."Renamed A" IS NOT NULL);
CREATE FUNCTION is_prime(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n IN (2, 3, 5, 7)';
CREATE DOMAIN prime AS even CHECK (is_prime(VALUE)) DEFAULT 1 + 1;
CREATE DOMAIN kind AS varchar(10) CHECK (VALUE IN ('a', 'b', 'c'));
CREATE DOMAIN now_or_never AS timestamptz(3) DEFAULT now() NOT NULL;
CREATE TABLE of_domains (a even, b prime[], c email COLLATE "POSIX", d moods, e checked_pair, f kind DEFAULT 'a', g now_or_never);

CREATE FUNCTION float_gap(double precision, double precision) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 - $2';
CREATE TYPE float_range AS RANGE (SUBTYPE = double precision, SUBTYPE_DIFF = float_gap);
CREATE TYPE named_range AS RANGE (SUBTYPE = text, COLLATION = "C", SUBTYPE_OPCLASS = text_pattern_ops, MULTIRANGE_TYPE_NAME = "Many of them");
CREATE TYPE whole_range;
CREATE FUNCTION whole_canonical(whole_range) RETURNS whole_range LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
CREATE TYPE whole_range AS RANGE (SUBTYPE = integer, CANONICAL = whole_canonical, SUBTYPE_DIFF = int4range_subdiff);
CREATE TYPE mood_range AS RANGE (SUBTYPE = mood, MULTIRANGE_TYPE_NAME = moodmulti);
CREATE TYPE positive_range AS RANGE (SUBTYPE = positive);
CREATE TABLE of_ranges (a float_range DEFAULT '[0,1.5)', b "Many of them", c whole_range[], d moodmulti, e mood_range, f float_multirange, g positive_range);
CREATE DOMAIN short_range AS whole_range CHECK (upper(VALUE) - lower(VALUE) < 10);

CREATE TYPE label;
CREATE FUNCTION label_in(cstring) RETURNS label LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION label_out(label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION label_receive(internal) RETURNS label LANGUAGE internal STABLE STRICT AS 'textrecv';
CREATE FUNCTION label_send(label) RETURNS bytea LANGUAGE internal STABLE STRICT AS 'textsend';
CREATE TYPE label (
    INPUT = label_in, OUTPUT = label_out, RECEIVE = label_receive, SEND = label_send, LIKE = text, CATEGORY = 'S', PREFERRED = false,
    DELIMITER = ';', COLLATABLE = true, DEFAULT = 'none', STORAGE = external, TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout
);
CREATE TYPE spot;
CREATE FUNCTION spot_in(cstring) RETURNS spot LANGUAGE internal IMMUTABLE STRICT AS 'point_in';
CREATE FUNCTION spot_out(spot) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'point_out';
CREATE TYPE spot (INPUT = spot_in, OUTPUT = spot_out, INTERNALLENGTH = 16, ALIGNMENT = double, ELEMENT = double precision, SUBSCRIPT = raw_array_subscript_handler, CATEGORY = 'x');
CREATE TYPE number;
CREATE FUNCTION number_in(cstring) RETURNS number LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION number_out(number) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE number (INPUT = number_in, OUTPUT = number_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4, ANALYZE = ts_typanalyze);
CREATE TABLE of_bases (a label DEFAULT 'x', b label[], c label(9), d spot, e number, f spot[]);
CREATE DOMAIN labelled AS label COLLATE "C" DEFAULT 'some' CHECK (VALUE IS NOT NULL);
CREATE TYPE unfinished;
CREATE FUNCTION of_unfinished(unfinished) RETURNS integer LANGUAGE internal STRICT AS 'int4abs';

-- PostgreSQL calls the array of x "_x", unless that is taken.
CREATE TYPE x AS ENUM ('a');
CREATE TYPE _x AS ENUM ('b');
CREATE TYPE __x AS (a x[], b _x[]);
CREATE TABLE _y (a integer);
CREATE TABLE y (a _x[], b x[], c _y[]);
CREATE TABLE of_arrays (a x[], b _x[], c __x[], d y[], e _y[]);
CREATE TYPE renamed_away AS ENUM ('a');
ALTER TYPE renamed_away RENAME TO renamed;
COMMENT ON TYPE mood IS 'how it is';
COMMENT ON COLUMN inner_type.b IS 'an attribute';
COMMENT ON DOMAIN even IS 'a domain';
COMMENT ON CONSTRAINT is_even ON DOMAIN even IS 'of a domain';
COMMENT ON TYPE label IS 'a base type';
