-- Rules of every event and state, on tables and on views.
CREATE TABLE t (id integer PRIMARY KEY, name text, size integer DEFAULT 3);
CREATE TABLE log (what text, id integer, at timestamptz DEFAULT now());
CREATE VIEW v AS SELECT id, name FROM t;
CREATE RULE ins AS ON INSERT TO v DO INSTEAD INSERT INTO t (id, name) VALUES (NEW.id, NEW.name) RETURNING t.id, t.name;
CREATE RULE upd AS ON UPDATE TO v WHERE OLD.id IS DISTINCT FROM NEW.id DO INSTEAD (UPDATE t SET name = NEW.name WHERE t.id = OLD.id; INSERT INTO log (what) VALUES ('it''s'));
CREATE RULE upd_default AS ON UPDATE TO v DO INSTEAD NOTHING;
CREATE RULE del AS ON DELETE TO v DO INSTEAD DELETE FROM t USING log l WHERE t.id = OLD.id AND l.id = t.id;
CREATE RULE also AS ON INSERT TO t DO ALSO INSERT INTO log SELECT 'insert', NEW.id, now() FROM t x WHERE x.id < NEW.id;
CREATE RULE "Odd ""Rule""" AS ON DELETE TO t DO ALSO NOTIFY "Some Channel", 'gone';
CREATE RULE with_many AS ON UPDATE TO t WHERE NEW.size <> OLD.size DO (INSERT INTO log VALUES ('a', OLD.id); UPDATE log SET what = 'b' WHERE id = NEW.id; DELETE FROM log WHERE id = -1; SELECT count(*) FROM log);
CREATE RULE with_cte AS ON INSERT TO log WHERE NEW.what = 'x' DO INSTEAD (WITH c AS (SELECT max(id) AS m FROM t) INSERT INTO t SELECT m + 1, 'n' FROM c ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name WHERE t.size > 1);
CREATE RULE quiet AS ON UPDATE TO log DO INSTEAD NOTHING;
CREATE RULE always AS ON DELETE TO log DO ALSO NOTHING;
CREATE RULE replica AS ON DELETE TO log WHERE OLD.id = 1 DO INSTEAD NOTHING;
ALTER TABLE log DISABLE RULE quiet;
ALTER TABLE log ENABLE ALWAYS RULE always;
ALTER TABLE log ENABLE REPLICA RULE replica;
ALTER VIEW v ALTER name SET DEFAULT 'nobody';
-- Until PostgreSQL 15 such a rule makes a table a view.
SELECT :SERVER_VERSION_NUM < 160000 AS until_15 \gset
\if :until_15
    CREATE TABLE becomes_a_view (id integer, name text);
    CREATE RULE "_RETURN" AS ON SELECT TO becomes_a_view DO INSTEAD SELECT id, name FROM t;
\endif
COMMENT ON RULE ins ON v IS 'a rule';
