-- Operators, their families and classes, and conversions.
CREATE TYPE version AS (major integer, minor integer);
CREATE FUNCTION version_lt(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) < ($2.major, $2.minor)';
CREATE FUNCTION version_le(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) <= ($2.major, $2.minor)';
CREATE FUNCTION version_eq(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) = ($2.major, $2.minor)';
CREATE FUNCTION version_ne(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) <> ($2.major, $2.minor)';
CREATE FUNCTION version_ge(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) >= ($2.major, $2.minor)';
CREATE FUNCTION version_gt(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1.major, $1.minor) > ($2.major, $2.minor)';
CREATE FUNCTION version_cmp(version, version) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.major - $2.major';
CREATE FUNCTION version_hash(version) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT hashint4($1.major)';
CREATE OPERATOR #< (LEFTARG = version, RIGHTARG = version, FUNCTION = version_lt, COMMUTATOR = #>, NEGATOR = #>=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR #> (LEFTARG = version, RIGHTARG = version, FUNCTION = version_gt, COMMUTATOR = #<, NEGATOR = #<=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR #<= (LEFTARG = version, RIGHTARG = version, FUNCTION = version_le, COMMUTATOR = #>=, NEGATOR = #>);
CREATE OPERATOR #>= (LEFTARG = version, RIGHTARG = version, FUNCTION = version_ge, COMMUTATOR = #<=, NEGATOR = #<);
CREATE OPERATOR #= (LEFTARG = version, RIGHTARG = version, FUNCTION = version_eq, COMMUTATOR = #=, NEGATOR = #<>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR #<> (LEFTARG = version, RIGHTARG = version, FUNCTION = version_ne, COMMUTATOR = #<>, NEGATOR = #=, RESTRICT = neqsel);
CREATE FUNCTION version_up(version) RETURNS version LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR !! (RIGHTARG = version, FUNCTION = version_up);
CREATE FUNCTION mixed(version, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.major = $2';
CREATE FUNCTION mixed(integer, version) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2.major';
CREATE OPERATOR = (LEFTARG = version, RIGHTARG = integer, FUNCTION = mixed, COMMUTATOR = =);
CREATE OPERATOR = (LEFTARG = integer, RIGHTARG = version, FUNCTION = mixed, COMMUTATOR = =);
CREATE OPERATOR <-> (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq, COMMUTATOR = <->);
CREATE OPERATOR @#@ (RIGHTARG = bigint, FUNCTION = int8um);
CREATE OPERATOR !=- (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8mi);

CREATE OPERATOR FAMILY version_family USING btree;
CREATE OPERATOR CLASS version_ops DEFAULT FOR TYPE version USING btree FAMILY version_family AS
    OPERATOR 1 #<, OPERATOR 2 #<=, OPERATOR 3 #=, OPERATOR 4 #>=, OPERATOR 5 #>, FUNCTION 1 version_cmp(version, version);
CREATE OPERATOR CLASS version_hash_ops DEFAULT FOR TYPE version USING hash AS OPERATOR 1 #=, FUNCTION 1 version_hash(version);
CREATE OPERATOR FAMILY loose USING btree;
ALTER OPERATOR FAMILY loose USING btree ADD OPERATOR 1 < (smallint, bigint), OPERATOR 3 =(smallint, bigint), FUNCTION 1 (smallint, bigint) btint28cmp(smallint, bigint);
CREATE OPERATOR CLASS int4_own FOR TYPE integer USING btree FAMILY loose AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer), FUNCTION 4 btequalimage(oid);
CREATE OPERATOR CLASS array_own FOR TYPE integer[] USING gin AS
    OPERATOR 1 && (anyarray, anyarray), OPERATOR 2 @> (anyarray, anyarray),
    FUNCTION 1 btint4cmp(integer, integer), FUNCTION 2 ginarrayextract(anyarray, internal, internal),
    FUNCTION 3 ginqueryarrayextract(anyarray, internal, smallint, internal, internal, internal, internal),
    FUNCTION 4 ginarrayconsistent(internal, smallint, anyarray, integer, internal, internal, internal, internal), STORAGE integer;
CREATE OPERATOR CLASS "Odd Points" FOR TYPE point USING gist AS
    OPERATOR 1 <<, OPERATOR 15 <-> (point, point) FOR ORDER BY float_ops,
    FUNCTION 1 gist_point_consistent(internal, point, smallint, oid, internal), FUNCTION 2 gist_box_union(internal, internal),
    FUNCTION 3 gist_point_compress(internal), FUNCTION 5 gist_box_penalty(internal, internal, internal),
    FUNCTION 6 gist_box_picksplit(internal, internal), FUNCTION 7 gist_box_same(box, box, internal),
    FUNCTION 8 (point, point) gist_point_distance(internal, point, smallint, oid, internal), STORAGE box;

CREATE TABLE versions (v version PRIMARY KEY, w version, n integer, a integer[], p point, CHECK (v OPERATOR(tenant_template.#>) w), CHECK (v = n),
    EXCLUDE USING hash (w WITH #=), EXCLUDE (n int4_own WITH =));
CREATE INDEX ON versions (w, n int4_own DESC);
CREATE INDEX ON versions USING hash (w version_hash_ops);
CREATE INDEX ON versions USING gin (a array_own);
CREATE INDEX ON versions USING gist (p "Odd Points");
CREATE INDEX ON versions ((!! v)) WHERE v #< w;
CREATE TYPE version_range AS RANGE (SUBTYPE = version, SUBTYPE_OPCLASS = version_ops);
CREATE TABLE by_version (v version) PARTITION BY RANGE (v);
CREATE TABLE by_version_1 PARTITION OF by_version FOR VALUES FROM ('(1,0)') TO ('(2,0)');
CREATE FUNCTION version_up_to(version, version) RETURNS version LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE AGGREGATE newest(version) (SFUNC = version_up_to, STYPE = version, SORTOP = #>);
CREATE VIEW ordered AS SELECT v, w, !! v AS up, v #< w AS older, v = 3 AS is_three, v IN (SELECT w FROM versions) AS listed
    FROM versions WHERE v #<> w OR NOT n = v ORDER BY v USING #>, w DESC;
CREATE FUNCTION newer(a version, b version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN a #> b AND !! a #<> b;

CREATE CONVERSION own_latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE DEFAULT CONVERSION own_default FOR 'LATIN2' TO 'UTF8' FROM iso8859_to_utf8;
COMMENT ON OPERATOR #< (version, version) IS 'older';
COMMENT ON OPERATOR !! (NONE, version) IS 'prefix';
COMMENT ON OPERATOR CLASS version_ops USING btree IS 'a class';
COMMENT ON OPERATOR FAMILY version_family USING btree IS 'a family';
COMMENT ON CONVERSION own_latin IS 'a conversion';
