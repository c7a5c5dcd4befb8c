//! Random schemas whose objects depend on one another across kinds. The same seed gives the same SQL.
//!
//! Statements are written without looking into a database, so a few fail (a second key, a name taken): who runs them goes on
//! with the next.

mod dependents;

use std::fmt::Write;

/// A sequence of numbers that looks random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn maybe<'a>(&mut self, text: &'a str) -> &'a str {
        if self.one_in(3) { text } else { "" }
    }
}

/// A type and a value of it.
#[derive(Clone)]
struct Type {
    sql: String,
    value: String,
}

#[derive(Clone)]
struct Table {
    name: String,
    /// The columns after `id`, with their types.
    columns: Vec<(String, String)>,
    is_plain: bool,
}

/// What there is so far.
struct Schema {
    random: Random,
    name: String,
    sql: String,
    number: usize,
    types: Vec<Type>,
    tables: Vec<Table>,
    /// Views and materialized views with their columns `id` and `word`.
    views: Vec<String>,
    matviews: Vec<String>,
    sequences: Vec<String>,
    /// Functions from an integer to an integer.
    functions: Vec<String>,
    triggers: Vec<String>,
    enums: Vec<String>,
    domains: Vec<String>,
    /// What can be commented on, with its kind.
    objects: Vec<String>,
}

const BUILT_IN: [(&str, &str); 16] = [
    ("integer", "7"),
    ("bigint", "'-5'::integer"),
    ("text", "'it''s'::text"),
    ("varchar(20)", "'v'"),
    ("boolean", "true"),
    ("timestamp with time zone", "now()"),
    ("date", "'2024-02-29'::date"),
    ("numeric(9,2)", "1.50"),
    ("jsonb", "'{\"a\": [1, null]}'::jsonb"),
    ("uuid", "gen_random_uuid()"),
    ("interval", "'1 day 02:00:00'::interval"),
    ("text[]", "ARRAY['a'::text, 'b c'::text]"),
    ("integer[]", "'{1,2}'::integer[]"),
    ("bytea", "'\\xdead'::bytea"),
    ("double precision", "(0.1)::double precision"),
    ("int4range", "'[1,5)'::int4range"),
];

/// The statements that build the schema of this seed, for a `search_path` that begins with the schema.
pub(super) fn statements(seed: u64, schema: &str, role: &str) -> String {
    let types = BUILT_IN.map(|(sql, value)| Type {
        sql: sql.to_owned(),
        value: value.to_owned(),
    });
    let mut made = Schema {
        random: Random(seed),
        name: schema.to_owned(),
        sql: String::new(),
        number: 0,
        types: types.to_vec(),
        tables: Vec::new(),
        views: Vec::new(),
        matviews: Vec::new(),
        sequences: Vec::new(),
        functions: Vec::new(),
        triggers: Vec::new(),
        enums: Vec::new(),
        domains: Vec::new(),
        objects: Vec::new(),
    };
    made.table();
    made.function();
    for _ in 0..30 + made.random.below(25) {
        match made.random.below(32) {
            0..=3 => made.table(),
            4 => made.partitioned_table(),
            5 => made.child_table(),
            6 => made.enumeration(),
            7 => made.composite(),
            8 => made.domain(),
            9 => made.range(),
            10 => made.sequence(),
            11..=12 => made.function(),
            13 => made.row_function(),
            14 => made.set_function(),
            15..=16 => made.view(),
            17 => made.materialized_view(),
            18 => made.replaced_view(),
            19..=20 => made.index(),
            21..=22 => made.foreign_key(),
            23 => made.check(),
            24 => made.default(),
            25 => made.trigger(),
            26 => made.policy(),
            27 => made.comment(),
            28 => made.grant(role),
            29 => made.setting(),
            30 => made.rule_or_statistics(),
            _ => made.aggregate_or_operator(),
        }
    }
    made.sql
}

impl Schema {
    fn say(&mut self, statement: &str) {
        self.sql.push_str(statement);
        self.sql.push_str(";\n");
    }

    /// A new name, now and then one that must be quoted.
    fn name(&mut self, kind: &str) -> String {
        self.number += 1;
        let number = self.number;
        match self.random.below(9) {
            0 => format!("\"{kind} {number}\""),
            1 => format!("\"{}{number}\"", kind.to_uppercase()),
            2 => format!("\"{kind}\"\"{number}'\""),
            3 => format!("\"{kind}ünï{number}\""),
            _ => format!("{kind}_{number}"),
        }
    }

    fn made(&mut self, kind: &str, name: &str) {
        self.objects.push(format!("{kind} {name}"));
    }

    fn a_table(&mut self) -> Table {
        self.random.pick(&self.tables).clone()
    }

    fn a_function(&mut self) -> String {
        self.random.pick(&self.functions).clone()
    }

    fn a_source(&mut self) -> String {
        let table = self.a_table().name;
        let mut all = self.views.clone();
        all.extend(self.matviews.iter().cloned());
        all.push(table);
        self.random.pick(&all).clone()
    }

    fn column(&mut self) -> (String, String, String) {
        let name = self.name("c");
        let of = self.random.pick(&self.types).clone();
        let mut sql = format!("{name} {}", of.sql);
        match self.random.below(8) {
            0..=1 => _ = write!(sql, " DEFAULT {}", of.value),
            2 => sql.push_str(" NOT NULL"),
            3 if of.sql == "text" => sql.push_str(" COLLATE \"C\""),
            4 if of.sql == "integer" => {
                let function = self.a_function_or_none();
                if !function.is_empty() {
                    _ = write!(sql, " CHECK ({function}({name}) > 3)");
                }
            }
            5 if of.sql == "integer" => {
                let function = self.a_function_or_none();
                if !function.is_empty() {
                    _ = write!(sql, " GENERATED ALWAYS AS ({function}(id)) STORED");
                }
            }
            6 if of.sql == "bigint" => sql.push_str(" GENERATED BY DEFAULT AS IDENTITY (START 5 CACHE 3)"),
            _ => {}
        }
        (sql, name, of.sql)
    }

    fn a_function_or_none(&mut self) -> String {
        if self.functions.is_empty() {
            String::new()
        } else {
            self.a_function()
        }
    }

    fn table(&mut self) {
        let name = self.name("t");
        let key = ["PRIMARY KEY", "UNIQUE NOT NULL", "PRIMARY KEY DEFERRABLE"][self.random.below(3)];
        let id = ["serial", "integer", "integer GENERATED ALWAYS AS IDENTITY"][self.random.below(3)];
        let mut parts = vec![format!("id {id} {key}"), "word text".to_owned()];
        let mut columns = vec![("word".to_owned(), "text".to_owned())];
        for _ in 0..self.random.below(6) {
            let (sql, column, of) = self.column();
            parts.push(sql);
            columns.push((column, of));
        }
        let unlogged = if self.random.one_in(9) { "UNLOGGED " } else { "" };
        let with = self.random.maybe(" WITH (fillfactor=70)");
        self.say(&format!(
            "CREATE {unlogged}TABLE {name} ({}){with}",
            parts.join(", ")
        ));
        self.made("TABLE", &name);
        self.types.push(Type {
            sql: name.clone(),
            value: "NULL".to_owned(),
        });
        self.tables.push(Table {
            name,
            columns,
            is_plain: true,
        });
    }

    fn partitioned_table(&mut self) {
        let name = self.name("p");
        let (extra, ..) = self.column();
        let by = *self.random.pick(&["RANGE", "LIST", "HASH"]);
        self.say(&format!(
            "CREATE TABLE {name} (id integer PRIMARY KEY, word text DEFAULT 'p', {extra}) PARTITION BY {by} (id)"
        ));
        for number in 0..1 + self.random.below(3) {
            let partition = self.name("part");
            let bound = match by {
                "RANGE" => format!("FOR VALUES FROM ({}) TO ({})", number * 10, number * 10 + 10),
                "LIST" if number == 2 => "DEFAULT".to_owned(),
                "LIST" => format!("FOR VALUES IN ({number})"),
                _ => format!("FOR VALUES WITH (MODULUS 3, REMAINDER {number})"),
            };
            let constraint = self
                .random
                .maybe(" (word DEFAULT 'own', CONSTRAINT own CHECK (id < 1000))");
            if self.random.one_in(3) {
                self.say(&format!(
                    "CREATE TABLE {partition} PARTITION OF {name}{constraint} {bound} PARTITION BY LIST (id)"
                ));
                let leaf = self.name("leaf");
                self.say(&format!("CREATE TABLE {leaf} PARTITION OF {partition} DEFAULT"));
            } else {
                self.say(&format!(
                    "CREATE TABLE {partition} PARTITION OF {name}{constraint} {bound}"
                ));
                self.made("TABLE", &partition);
            }
        }
        self.made("TABLE", &name);
        self.tables.push(Table {
            name,
            columns: vec![("word".to_owned(), "text".to_owned())],
            is_plain: false,
        });
    }

    fn child_table(&mut self) {
        let parent = self.a_table();
        if !parent.is_plain {
            return;
        }
        let name = self.name("child");
        let (extra, ..) = self.column();
        let own = self.random.maybe("word text DEFAULT 'of a child', ");
        self.say(&format!(
            "CREATE TABLE {name} ({own}{extra}, PRIMARY KEY (id)) INHERITS ({})",
            parent.name
        ));
        self.made("TABLE", &name);
        self.tables.push(Table {
            name,
            is_plain: true,
            ..parent
        });
    }

    fn enumeration(&mut self) {
        let name = self.name("e");
        self.say(&format!("CREATE TYPE {name} AS ENUM ('a', 'it''s', 'c')"));
        let (new, old) = (self.number, *self.random.pick(&["a", "c"]));
        self.say(&format!("ALTER TYPE {name} ADD VALUE 'new {new}' BEFORE '{old}'"));
        self.made("TYPE", &name);
        self.types.push(Type {
            sql: name.clone(),
            value: "'a'".to_owned(),
        });
        self.enums.push(name);
    }

    fn composite(&mut self) {
        let name = self.name("comp");
        let (one, two) = (
            self.random.pick(&self.types).sql.clone(),
            self.random.pick(&self.types).sql.clone(),
        );
        self.say(&format!(
            "CREATE TYPE {name} AS (x {one}, \"Y y\" {two}, z text COLLATE \"C\")"
        ));
        self.made("TYPE", &name);
        for sql in [name.clone(), format!("{name}[]")] {
            self.types.push(Type {
                sql,
                value: "NULL".to_owned(),
            });
        }
    }

    fn domain(&mut self) {
        let name = self.name("d");
        let function = self.a_function();
        let base = if self.domains.is_empty() || self.random.one_in(2) {
            "integer".to_owned()
        } else {
            self.random.pick(&self.domains).clone()
        };
        let not_null = self.random.maybe(" NOT NULL");
        let default = self.random.maybe(" DEFAULT 11");
        self.say(&format!(
            "CREATE DOMAIN {name} AS {base}{default}{not_null} CONSTRAINT first CHECK ({function}(VALUE) > 1) CHECK (VALUE < 100)"
        ));
        if self.random.one_in(2) {
            self.say(&format!(
                "ALTER DOMAIN {name} ADD CONSTRAINT later CHECK (VALUE <> 13) NOT VALID"
            ));
        }
        self.made("DOMAIN", &name);
        self.types.push(Type {
            sql: name.clone(),
            value: "12".to_owned(),
        });
        self.domains.push(name);
    }

    fn range(&mut self) {
        let name = self.name("r");
        let of = if self.enums.is_empty() || self.random.one_in(2) {
            "numeric".to_owned()
        } else {
            self.random.pick(&self.enums).clone()
        };
        self.say(&format!("CREATE TYPE {name} AS RANGE (SUBTYPE = {of})"));
        self.types.push(Type {
            sql: name,
            value: "'empty'".to_owned(),
        });
    }

    fn sequence(&mut self) {
        let name = self.name("s");
        let of = *self.random.pick(&["", " AS integer", " AS smallint"]);
        let cycle = self.random.maybe(" CYCLE");
        let start = 1 + self.random.below(50);
        self.say(&format!(
            "CREATE SEQUENCE {name}{of} START {start} MAXVALUE 9000{cycle}"
        ));
        if self.random.one_in(2) {
            let table = self.a_table().name;
            self.say(&format!("ALTER SEQUENCE {name} OWNED BY {table}.id"));
        }
        self.made("SEQUENCE", &name);
        let literal = name.replace('\'', "''");
        self.types.push(Type {
            sql: "bigint".to_owned(),
            value: format!("nextval('{literal}')"),
        });
        self.sequences.push(name);
    }

    fn function(&mut self) {
        let name = self.name("f");
        let called = if self.functions.is_empty() {
            "abs".to_owned()
        } else {
            self.a_function()
        };
        let how = ["IMMUTABLE", "IMMUTABLE STRICT", "IMMUTABLE PARALLEL SAFE COST 7"][self.random.below(3)];
        let body = match self.random.below(3) {
            0 => format!("LANGUAGE sql {how} AS $$ SELECT {called}($1) + 1 $$"),
            1 => format!("LANGUAGE plpgsql {how} AS $$ BEGIN RETURN {called}(a); END $$"),
            _ => format!("LANGUAGE sql {how} RETURN ({called}(a) * 2)"),
        };
        self.say(&format!(
            "CREATE FUNCTION {name}(a integer) RETURNS integer {body}"
        ));
        self.made("FUNCTION", &format!("{name}(integer)"));
        self.functions.push(name);
    }

    fn row_function(&mut self) {
        let name = self.name("rowf");
        let table = self.a_table().name;
        let function = self.a_function();
        let body = if self.random.one_in(2) {
            format!("RETURN {function}(($1).id)")
        } else {
            "AS 'SELECT ($1).id'".to_owned()
        };
        self.say(&format!(
            "CREATE FUNCTION {name}({table}) RETURNS integer LANGUAGE sql IMMUTABLE {body}"
        ));
        match self.random.below(3) {
            0 => self.say(&format!("CREATE INDEX ON {table} ({name}({table}.*))")),
            1 => self.say(&format!(
                "ALTER TABLE {table} ADD CHECK ({name}({table}.*) > 0) NO INHERIT"
            )),
            _ => {}
        }
    }

    fn set_function(&mut self) {
        let name = self.name("setf");
        let (source, view) = (self.a_source(), self.name("v"));
        let body = if self.random.one_in(3) {
            format!("AS $$ SELECT * FROM {source} $$")
        } else {
            format!("BEGIN ATOMIC SELECT * FROM {source} s WHERE s.id > n; END")
        };
        self.say(&format!(
            "CREATE FUNCTION {name}(n integer DEFAULT 3) RETURNS SETOF {source} LANGUAGE sql STABLE {body}"
        ));
        self.say(&format!(
            "CREATE VIEW {view} AS SELECT s.id, s.word FROM {name}(2) s"
        ));
        self.views.push(view);
    }

    fn select(&mut self) -> String {
        let (one, two, function) = (self.a_source(), self.a_source(), self.a_function());
        match self.random.below(6) {
            0 => format!("SELECT a.id, a.word FROM {one} a JOIN {two} b ON b.id = a.id"),
            1 => format!(
                "SELECT {function}(a.id) AS id, a.word FROM {one} a WHERE a.id IN (SELECT b.id FROM {two} b)"
            ),
            2 => format!("SELECT a.id, a.word FROM {one} a UNION SELECT b.id, b.word FROM {two} b"),
            3 => format!("SELECT max(a.id) AS id, a.word FROM {one} a GROUP BY a.word HAVING count(*) > 1"),
            4 => {
                let table = self.a_table().name;
                format!("SELECT a.id, a.word FROM {table} a GROUP BY a.id")
            }
            _ => format!(
                "SELECT a.id, a.word, a.*::text AS whole, row_number() OVER (ORDER BY a.id) AS n FROM {one} a"
            ),
        }
    }
}
