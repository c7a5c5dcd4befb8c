//! The part of the generator that adds to what there is: views, keys, triggers, rights.

use super::Schema;

impl Schema {
    pub(super) fn view(&mut self) {
        let name = self.name("v");
        let select = self.select();
        let with = self.random.maybe(" WITH (security_barrier='true')");
        self.say(&format!("CREATE VIEW {name}{with} AS {select}"));
        if self.random.one_in(4) {
            self.say(&format!("ALTER VIEW {name} ALTER word SET DEFAULT 'of a view'"));
        }
        self.made("VIEW", &name);
        self.views.push(name);
    }

    pub(super) fn materialized_view(&mut self) {
        let name = self.name("m");
        let table = self.a_table().name;
        let function = self.a_function();
        self.say(&format!(
            "CREATE MATERIALIZED VIEW {name} AS SELECT a.id, a.word, {function}(a.id) AS n FROM {table} a WITH NO DATA"
        ));
        self.say(&format!("CREATE UNIQUE INDEX ON {name} (id)"));
        self.made("MATERIALIZED VIEW", &name);
        self.matviews.push(name);
    }

    /// A view that comes to depend on what was made after it.
    pub(super) fn replaced_view(&mut self) {
        let (name, over, table) = (self.name("v"), self.name("setf"), self.a_table().name);
        self.say(&format!(
            "CREATE VIEW {name} AS SELECT 1 AS id, 'x'::text AS word"
        ));
        let select = if self.random.one_in(2) {
            self.say(&format!(
                "CREATE FUNCTION {over}() RETURNS SETOF {name} LANGUAGE sql BEGIN ATOMIC SELECT o.id, o.word FROM {name} o; END"
            ));
            format!("SELECT o.id, o.word FROM {over}() o")
        } else {
            format!("SELECT o.id, o.word FROM {table} o WHERE o.id > 1")
        };
        self.say(&format!("CREATE OR REPLACE VIEW {name} AS {select}"));
        self.views.push(name);
    }

    pub(super) fn index(&mut self) {
        let table = self.a_table();
        let (name, function) = (self.name("i"), self.a_function());
        let (column, _) = self.random.pick(&table.columns).clone();
        let what = match self.random.below(6) {
            0 => format!("({column}, id DESC)"),
            1 => format!("({function}(id), lower(word))"),
            2 => format!("({column}) WHERE ({function}(id) > 2)"),
            3 => "USING hash (word)".to_owned(),
            4 => format!("(id) INCLUDE ({column}) WITH (fillfactor='60')"),
            _ => "(word COLLATE \"C\" text_pattern_ops DESC NULLS LAST)".to_owned(),
        };
        self.say(&format!("CREATE INDEX {name} ON {} {what}", table.name));
        self.made("INDEX", &name);
        if table.is_plain && self.random.one_in(4) {
            self.say(&format!("ALTER TABLE {} CLUSTER ON {name}", table.name));
        }
    }

    pub(super) fn foreign_key(&mut self) {
        let (from, to, name) = (self.a_table().name, self.a_table().name, self.name("fk"));
        let how = *self.random.pick(&[
            "",
            " ON DELETE CASCADE",
            " DEFERRABLE INITIALLY DEFERRED",
            " MATCH FULL ON UPDATE CASCADE",
            " ON DELETE RESTRICT DEFERRABLE",
        ]);
        self.say(&format!(
            "ALTER TABLE {from} ADD CONSTRAINT {name} FOREIGN KEY (id) REFERENCES {to} (id){how}"
        ));
    }

    pub(super) fn check(&mut self) {
        let (table, name, function, source) = (
            self.a_table().name,
            self.name("k"),
            self.a_function(),
            self.a_source(),
        );
        let reads = self.name("reads");
        let condition = match self.random.below(3) {
            0 => format!("{function}(id) > {function}(3)"),
            1 => "word <> 'it''s' OR (id IS NULL)".to_owned(),
            _ => {
                self.say(&format!(
                    "CREATE FUNCTION {reads}(n integer) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT s.id FROM {source} s WHERE s.id = n) AS e; END"
                ));
                format!("{reads}(id)")
            }
        };
        let valid = self.random.maybe(" NOT VALID");
        self.say(&format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}){valid}"
        ));
    }

    pub(super) fn default(&mut self) {
        let (table, name, source) = (self.a_table().name, self.name("counts"), self.a_source());
        self.say(&format!(
            "CREATE FUNCTION {name}() RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT max(s.word) AS m FROM {source} s; END"
        ));
        self.say(&format!("ALTER TABLE {table} ALTER word SET DEFAULT {name}()"));
    }

    pub(super) fn trigger(&mut self) {
        if self.triggers.is_empty() || self.random.one_in(3) {
            let name = self.name("tf");
            self.say(&format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
            ));
            self.triggers.push(name);
        }
        let (function, name, table) = (
            self.random.pick(&self.triggers).clone(),
            self.name("tr"),
            self.a_table(),
        );
        let when = self.random.maybe(" WHEN (NEW.id > 1)");
        let kind = *self.random.pick(&[
            "TRIGGER {} BEFORE INSERT ON",
            "TRIGGER {} AFTER INSERT OR UPDATE OF word ON",
            "CONSTRAINT TRIGGER {} AFTER UPDATE ON",
        ]);
        let kind = kind.replace("{}", &name);
        self.say(&format!(
            "CREATE {kind} {} FOR EACH ROW{when} EXECUTE FUNCTION {function}('a', 'it''s')",
            table.name
        ));
        if self.random.one_in(3) {
            let state = *self.random.pick(&["DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"]);
            self.say(&format!("ALTER TABLE {} {state} TRIGGER {name}", table.name));
        }
    }

    pub(super) fn policy(&mut self) {
        let (name, table, source) = (self.name("po"), self.a_table().name, self.a_source());
        let command = *self.random.pick(&["ALL", "SELECT", "UPDATE", "DELETE"]);
        let kind = *self.random.pick(&["PERMISSIVE", "RESTRICTIVE"]);
        self.say(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
        self.say(&format!(
            "CREATE POLICY {name} ON {table} AS {kind} FOR {command} USING (id IN (SELECT s.id FROM {source} s) OR (word = CURRENT_USER))"
        ));
        if self.random.one_in(3) {
            self.say(&format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
        }
    }

    pub(super) fn comment(&mut self) {
        let object = self.random.pick(&self.objects).clone();
        let number = self.number;
        self.say(&format!("COMMENT ON {object} IS E'it''s\\n\\\\number {number}'"));
        let table = self.a_table().name;
        self.say(&format!("COMMENT ON COLUMN {table}.word IS 'a word'"));
    }

    pub(super) fn grant(&mut self, role: &str) {
        let (table, function) = (self.a_table().name, self.a_function());
        let schema = self.name.clone();
        let to = if self.random.one_in(2) {
            "PUBLIC".to_owned()
        } else {
            role.to_owned()
        };
        match self.random.below(8) {
            0 => self.say(&format!("GRANT SELECT, INSERT ON {table} TO {to}")),
            1 => self.say(&format!("GRANT UPDATE (word), SELECT (id) ON {table} TO {to}")),
            2 => self.say(&format!(
                "REVOKE EXECUTE ON FUNCTION {function}(integer) FROM PUBLIC"
            )),
            3 => self.say(&format!(
                "GRANT EXECUTE ON FUNCTION {function}(integer) TO {role} WITH GRANT OPTION"
            )),
            4 => self.say(&format!("REVOKE DELETE, TRUNCATE ON {table} FROM CURRENT_USER")),
            5 => self.say(&format!("GRANT USAGE ON SCHEMA {schema} TO {to}")),
            6 => self.say(&format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {to}"
            )),
            _ => self.say(&format!("ALTER TABLE {table} OWNER TO {role}")),
        }
    }

    pub(super) fn setting(&mut self) {
        let table = self.a_table();
        // The columns of a function's rows are named in the views over it: a later one changes how these are printed.
        let late = if self.sql.contains("RETURNS SETOF") {
            "ALTER word SET (n_distinct=7)"
        } else {
            "ADD late integer DEFAULT 9 NOT NULL"
        };
        let change = *self.random.pick(&[
            "REPLICA IDENTITY FULL",
            "ALTER word SET STORAGE EXTERNAL",
            "ALTER word SET STATISTICS 50",
            "SET (autovacuum_enabled=false, toast.autovacuum_enabled=false)",
            "ALTER id SET (n_distinct=-0.5)",
            late,
            "ALTER word SET NOT NULL",
            "ALTER word SET STATISTICS 0",
        ]);
        self.say(&format!("ALTER TABLE {} {change}", table.name));
        if table.is_plain && table.columns.len() > 2 && self.random.one_in(3) {
            let (column, _) = &table.columns[1];
            self.say(&format!("ALTER TABLE {} DROP COLUMN {column}", table.name));
        }
    }

    pub(super) fn rule_or_statistics(&mut self) {
        let (name, table, other) = (self.name("x"), self.a_table().name, self.a_table().name);
        if self.random.one_in(2) || self.views.is_empty() {
            self.say(&format!(
                "CREATE STATISTICS {name} (ndistinct, mcv) ON id, word, (id + 1) FROM {table}"
            ));
        } else {
            let view = self.random.pick(&self.views).clone();
            self.say(&format!(
                "CREATE RULE {name} AS ON DELETE TO {view} DO INSTEAD DELETE FROM {other} WHERE {other}.id = OLD.id"
            ));
        }
    }

    pub(super) fn aggregate_or_operator(&mut self) {
        let (name, state) = (self.name("ag"), self.name("add"));
        if self.random.one_in(2) {
            self.say(&format!(
                "CREATE FUNCTION {state}(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2'"
            ));
            self.say(&format!(
                "CREATE AGGREGATE {name}(integer) (SFUNC = {state}, STYPE = integer, INITCOND = '0')"
            ));
            let (view, source) = (self.name("v"), self.a_source());
            self.say(&format!(
                "CREATE VIEW {view} AS SELECT {name}(s.id) AS id, s.word FROM {source} s GROUP BY s.word"
            ));
            self.views.push(view);
        } else {
            let table = self.a_table().name;
            self.say(&format!(
                "CREATE FUNCTION {state}({table}, {table}) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'"
            ));
            self.say(&format!(
                "CREATE OPERATOR ==> (LEFTARG = {table}, RIGHTARG = {table}, FUNCTION = {state}, COMMUTATOR = ==>, NEGATOR = =/=>)"
            ));
            self.say(&format!(
                "CREATE OPERATOR =/=> (LEFTARG = {table}, RIGHTARG = {table}, FUNCTION = {state}, NEGATOR = ==>)"
            ));
            let view = self.name("v");
            self.say(&format!(
                "CREATE VIEW {view} AS SELECT a.id, a.word FROM {table} a JOIN {table} b ON a.* ==> b.*"
            ));
            self.views.push(view);
        }
    }
}
