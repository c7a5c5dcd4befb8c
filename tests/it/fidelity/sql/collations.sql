-- Collations of both providers, and what uses them.
CREATE COLLATION copied FROM "C";
CREATE COLLATION posix (LOCALE = 'POSIX');
CREATE COLLATION apart (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');
CREATE COLLATION icu (PROVIDER = icu, LOCALE = 'de-u-co-phonebk');
CREATE COLLATION "No Case" (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
CREATE COLLATION numeric_order (PROVIDER = icu, LOCALE = 'en-u-kn-true', DETERMINISTIC = true);
CREATE TABLE words (
    a text COLLATE icu, b varchar(9) COLLATE "No Case" UNIQUE, c text[] COLLATE posix, d text COLLATE numeric_order DEFAULT ('x' COLLATE "C"),
    CHECK (a < ('m' COLLATE copied)), PRIMARY KEY (a)
);
CREATE INDEX ON words (a COLLATE "No Case", lower(b COLLATE icu), d);
CREATE DOMAIN name_of AS text COLLATE "No Case" CHECK (VALUE <> 'x');
CREATE TYPE both_of AS (a text COLLATE icu, b text COLLATE apart);
CREATE TYPE word_range AS RANGE (SUBTYPE = text, COLLATION = numeric_order);
CREATE VIEW sorted AS SELECT a, b COLLATE posix AS b, max(d COLLATE icu) AS top FROM words GROUP BY a, b ORDER BY a COLLATE "No Case" DESC;
CREATE MATERIALIZED VIEW kept AS SELECT a COLLATE "No Case" AS a FROM words;
CREATE TABLE by_word (w text COLLATE icu) PARTITION BY RANGE (w COLLATE posix);
CREATE STATISTICS of_words ON (a COLLATE posix), b FROM words;
CREATE FUNCTION first_of(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE RETURN CASE WHEN a COLLATE icu < b THEN a ELSE b END;
COMMENT ON COLLATION icu IS 'phone book';
