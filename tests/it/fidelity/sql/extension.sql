-- Extensions that live in the template, and one outside: neither is copied, and what uses them goes on using them there.
CREATE EXTENSION pg_trgm SCHEMA tenant_template;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION citext SCHEMA tenant_template;
CREATE TABLE t (id integer, name text, nick tenant_template.citext, store public.hstore DEFAULT 'a=>1', CHECK (nick <> 'x'));
CREATE INDEX by_trigram ON t USING gin (name gin_trgm_ops);
CREATE INDEX by_distance ON t USING gist (name gist_trgm_ops (siglen = 32));
CREATE VIEW v AS SELECT id, similarity(name, 'x') AS how, name % 'y' AS near, nick = 'z' AS same, store OPERATOR(public.->) 'a' AS a FROM t;
CREATE FUNCTION own_similarity(a text, b text) RETURNS real LANGUAGE sql IMMUTABLE RETURN similarity(a, b);
-- Not of the extension, though its name looks like one of its own.
CREATE VIEW w AS SELECT own_similarity('a', 'b');
