-- Views and materialized views: on one another, with options, renamed columns, recursion, defaults, triggers.
SELECT CASE WHEN :SERVER_VERSION_NUM >= 150000 THEN 'security_invoker = true,' ELSE '' END AS invoker \gset
CREATE TABLE people (id integer PRIMARY KEY, name text, email varchar(90), boss integer REFERENCES people, pay numeric, born date, tags text[], doc jsonb);
CREATE TABLE teams (id serial PRIMARY KEY, title text UNIQUE, lead integer REFERENCES people);
CREATE TABLE members (team integer REFERENCES teams, person integer REFERENCES people, PRIMARY KEY (team, person));
CREATE FUNCTION initials(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT left($1, 1) $$;
CREATE FUNCTION of_team(integer) RETURNS SETOF people LANGUAGE sql STABLE AS $$ SELECT p.* FROM people p JOIN members m ON m.person = p.id WHERE m.team = $1 $$;

CREATE VIEW z_first AS SELECT * FROM people;
CREATE VIEW on_view AS SELECT z_first.*, initials(name) AS short FROM z_first WHERE pay > 0;
CREATE VIEW a_last AS SELECT short, count(*) AS n FROM on_view GROUP BY short HAVING count(*) > 1;
CREATE VIEW barred WITH (security_barrier) AS SELECT id, name FROM people WHERE name <> 'x';
CREATE VIEW as_invoker WITH (:invoker security_barrier = false) AS SELECT id FROM people;
CREATE VIEW checked AS SELECT id, name, pay FROM people WHERE pay > 10 WITH LOCAL CHECK OPTION;
CREATE VIEW checked_through WITH (check_option = cascaded) AS SELECT id, name FROM checked WHERE id > 3;
CREATE VIEW with_aliases (one, "Two", three) AS SELECT id, name, 1 + id FROM people;
ALTER VIEW with_aliases RENAME COLUMN three TO "3rd";
CREATE VIEW renamed_below AS SELECT p.name, p.email FROM people p;
ALTER TABLE people RENAME email TO mail;
ALTER TABLE people RENAME tags TO "Tags";
CREATE VIEW with_defaults AS SELECT id, name, pay FROM people;
ALTER VIEW with_defaults ALTER name SET DEFAULT 'nobody', ALTER pay SET DEFAULT length(initials('abc'));
CREATE VIEW grouped_by_key AS SELECT p.id, p.name, p.mail, count(m.team) AS teams FROM people p LEFT JOIN members m ON m.person = p.id GROUP BY p.id;
CREATE VIEW on_grouped AS SELECT g.name, t.title FROM grouped_by_key g JOIN teams t ON t.lead = g.id;
CREATE RECURSIVE VIEW chain (id, depth, path) AS SELECT id, 0, ARRAY[id] FROM people WHERE boss IS NULL
    UNION ALL SELECT p.id, c.depth + 1, c.path || p.id FROM people p JOIN chain c ON p.boss = c.id;
CREATE VIEW searched AS WITH RECURSIVE t (id, boss) AS (SELECT id, boss FROM people UNION ALL SELECT p.id, p.boss FROM people p, t WHERE p.boss = t.id)
    SEARCH DEPTH FIRST BY id SET ordering CYCLE id SET is_cycle TO 1 DEFAULT 0 USING trail SELECT id, boss, is_cycle FROM t ORDER BY ordering, trail;
CREATE VIEW joined AS SELECT * FROM people p FULL JOIN (members m JOIN teams t ON t.id = m.team) AS j (t1, p1, t2, title, lead) ON j.p1 = p.id;
CREATE VIEW by_using AS SELECT id, a.name, b.pay FROM people a JOIN people b USING (id) AS both_of LEFT JOIN people c USING (id) CROSS JOIN LATERAL (SELECT max(lead) FROM teams WHERE title = a.name) x (top);
CREATE VIEW "natural" AS SELECT * FROM teams NATURAL LEFT JOIN (SELECT team AS id, person FROM members) s;
CREATE VIEW from_functions AS SELECT o.name, n.i, u.a, u.b, u.ordinality FROM of_team(3) o, generate_series(1, 3) n (i), ROWS FROM (unnest('{1,2}'::integer[]), unnest('{a}'::text[])) WITH ORDINALITY u (a, b);
CREATE VIEW from_records AS SELECT * FROM json_to_recordset('[{"a": 1}]') AS r (a integer, b text, c teams);
CREATE VIEW sampled AS SELECT id FROM people TABLESAMPLE bernoulli (10) REPEATABLE (3) ORDER BY id FETCH FIRST 3 ROWS WITH TIES;
CREATE VIEW windows AS SELECT id, rank() OVER w, sum(pay) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES), lag(name, 1) OVER (PARTITION BY boss ORDER BY born RANGE '1 year' PRECEDING)
    FROM people WINDOW w AS (PARTITION BY boss ORDER BY pay DESC NULLS LAST);
CREATE VIEW sets AS SELECT boss, born, sum(pay), GROUPING(boss, born) FROM people GROUP BY ROLLUP (boss), CUBE (born), GROUPING SETS ((), (boss, born));
CREATE VIEW unions AS (SELECT id, name FROM people UNION SELECT id, title FROM teams EXCEPT ALL (SELECT 1, 'x' INTERSECT SELECT 2, 'y')) ORDER BY 2 LIMIT 10 OFFSET 2;
CREATE VIEW expressions AS SELECT p.*::text AS row_text, p AS whole, (p).name AS by_row, ARRAY(SELECT title FROM teams) AS titles,
    EXISTS (SELECT 1 FROM teams) AS has, p.id = ANY (SELECT person FROM members) AS is_any, p.id <> ALL (ARRAY[1, 2]) AS is_all, p.doc -> 'a' ->> 0 AS dug, (p."Tags")[1:2] AS some,
    CASE p.id WHEN 1 THEN 'a' ELSE NULL END AS chosen, CAST(p.pay AS numeric(9, 2)) AS cast_, EXTRACT(year FROM p.born) AS year, p.born AT TIME ZONE 'UTC' AS zoned, OVERLAY(p.name PLACING 'x' FROM 2) AS over_,
    SUBSTRING(p.name FROM 2 FOR 3) AS sub, TRIM(BOTH 'x' FROM p.name) AS trimmed, POSITION('a' IN p.name) AS pos, p.name IS NOT DISTINCT FROM p.mail AS same, p.name SIMILAR TO 'a%' AS alike,
    GREATEST(p.id, 1) AS most, CURRENT_DATE AS today, LOCALTIMESTAMP(2) AS now_, p.name COLLATE "C" AS coll, XMLELEMENT(NAME x, XMLATTRIBUTES(p.id AS i), p.name) AS elem, interval '1' day AS span,
    p.name IS NORMALIZED AS norm, NOT (p.id > 1 AND p.pay IS NOT NULL) AS odd FROM people p WHERE (p.id, p.name) IN (SELECT id, title FROM teams) FOR UPDATE OF p SKIP LOCKED;
CREATE VIEW no_columns AS SELECT;
CREATE VIEW values_list AS VALUES (1, 'a'), (2, NULL), (3, 'it''s');
CREATE VIEW distincts AS SELECT DISTINCT ON (boss, lower(name)) boss, lower(name) AS name FROM people ORDER BY boss, lower(name) DESC;
CREATE VIEW nulls AS SELECT NULL AS a, NULL::integer AS b, 'unknown' AS c;

-- A view made before what it now reads: dependencies do not follow names or ages.
CREATE VIEW changes AS SELECT 1 AS id, 'a'::text AS name;
CREATE VIEW later AS SELECT id, title AS name FROM teams;
CREATE OR REPLACE VIEW changes AS SELECT id, name FROM later;
CREATE OR REPLACE VIEW changes AS SELECT id, name, id + 1 AS added FROM later;
-- Two views that each need the other: one's rows, the other's rule.
CREATE VIEW one_way AS SELECT id, name FROM people;
CREATE VIEW other_way AS SELECT id, name FROM one_way;
CREATE RULE write_through AS ON INSERT TO one_way DO INSTEAD INSERT INTO other_way VALUES (NEW.id, NEW.name);
CREATE RULE write_back AS ON UPDATE TO other_way DO INSTEAD UPDATE one_way SET name = NEW.name WHERE id = OLD.id;

CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER on_view_row INSTEAD OF INSERT OR UPDATE OR DELETE ON on_view FOR EACH ROW EXECUTE FUNCTION instead('a');
CREATE TRIGGER on_view_statement AFTER UPDATE ON on_view FOR EACH STATEMENT EXECUTE FUNCTION instead();
CREATE TABLE row_of_view (v with_aliases, vs on_view[]);
CREATE FUNCTION takes_view(a_last) RETURNS SETOF on_view LANGUAGE sql AS 'SELECT * FROM on_view';
CREATE VIEW of_its_function AS SELECT (takes_view(a)).name FROM a_last a;
COMMENT ON VIEW a_last IS 'a view';
COMMENT ON COLUMN with_aliases."3rd" IS 'a column of a view';
