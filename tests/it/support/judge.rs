//! Says whether a schema is a faithful copy of another, by `pg_dump`, which shares no code with ours.
//!
//! Both schemas are dumped, the schema's own name is replaced by a mark, the dump is cut into its objects, and these are
//! compared as a multiset: their order does not count.

use std::collections::BTreeMap;

use super::client;

/// What stands where the schema's name was.
const MARK: &str = "<schema>";

/// The longest list of differences that a panic shows.
const SHOWN: usize = 30;

/// Compares schemas of one database.
#[derive(Clone)]
pub(crate) struct Judge {
    url: String,
    data: bool,
    kept: Vec<String>,
}

impl Judge {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            data: false,
            kept: Vec::new(),
        }
    }

    /// Compares rows and the values of sequences too.
    pub(crate) fn with_data(mut self) -> Self {
        self.data = true;
        self
    }

    /// Texts that name the original and are data, not references: a copy holds them as they are.
    pub(crate) fn keeping(mut self, texts: &[&str]) -> Self {
        self.kept.extend(texts.iter().map(|text| (*text).to_owned()));
        self
    }

    /// The objects in which the copy differs: nothing when it is faithful.
    pub(crate) fn differences(&self, original: &str, copy: &str) -> Vec<String> {
        self.differences_of_all(&[(original, copy)])
            .pop()
            .expect("one answer to one question")
    }

    /// The same for many pairs with one dump.
    pub(crate) fn differences_of_all(&self, pairs: &[(&str, &str)]) -> Vec<Vec<String>> {
        let schemas: Vec<&str> = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let text = self.dump(&schemas).unwrap_or_else(|error| panic!("{error}"));
        let mut of: BTreeMap<&str, Objects> = schemas
            .iter()
            .map(|schema| (*schema, Objects::default()))
            .collect();
        for part in parts(&text) {
            let schema = if let [schema] = schemas[..] {
                Some(schema)
            } else {
                schemas.iter().copied().find(|schema| part.is_of(schema))
            };
            let schema = schema.unwrap_or_else(|| panic!("of no schema: {}", part.head));
            let object = self.object(&part, schema);
            *of.get_mut(schema)
                .expect("a schema that was asked for")
                .entry(object)
                .or_default() += 1;
        }
        for objects in of.values_mut() {
            put_rules_into_views(objects);
        }
        let answer = |(original, copy): &(&str, &str)| {
            assert!(
                !of[original].is_empty(),
                "nothing in schema {original}: no verdict"
            );
            differing(&of[original], &of[copy])
        };
        pairs.iter().map(answer).collect()
    }

    /// Expects the copy to be faithful.
    #[track_caller]
    pub(crate) fn expect_faithful(&self, original: &str, copy: &str) {
        let differences = self.differences(original, copy);
        assert!(
            differences.is_empty(),
            "{} objects of {copy} differ from {original} (- is missing, + is extra):\n{}",
            differences.len(),
            differences[..differences.len().min(SHOWN)].join("\n")
        );
    }

    /// What `pg_dump` says of these schemas.
    pub(crate) fn dump(&self, schemas: &[&str]) -> Result<String, String> {
        let mut command = client("pg_dump");
        command.args(["--dbname", &self.url]);
        for schema in schemas {
            command.args(["--schema", &quoted(schema)]);
        }
        if self.data {
            command.args(["--inserts", "--rows-per-insert=1"]);
        } else {
            command.arg("--schema-only");
        }
        let output = command.output().expect("pg_dump is installed with psql");
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).expect("a dump is UTF-8"))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The head of an object and its SQL, with neither the schema's name nor what changes from one reading to the next.
    fn object(&self, part: &Part<'_>, schema: &str) -> (String, String) {
        let mut body = settled(part.body);
        for (number, text) in self.kept.iter().enumerate() {
            body = body.replace(text, &format!("<kept {number}>"));
        }
        let mut body = without_name(&body, schema);
        if part.head.starts_with("Data for") {
            let mut lines: Vec<&str> = body.lines().collect();
            lines.sort_unstable();
            body = lines.join("\n");
        }
        let head = part
            .head
            .find("; Owner: ")
            .map_or(part.head, |end| &part.head[..end]);
        (
            without_name(head, schema),
            format!("{}{}", part.storage, body.trim()),
        )
    }
}

/// Objects, and how often each occurs.
type Objects = BTreeMap<(String, String), usize>;

/// Where objects need each other `pg_dump` makes a view without a definition first and gives it one later. Which of
/// several views that is depends on their numbers.
fn put_rules_into_views(objects: &mut Objects) {
    let rules: Vec<(String, String)> = objects
        .keys()
        .filter(|(head, _)| head.contains(" _RETURN; Type: RULE;"))
        .cloned()
        .collect();
    for rule in rules {
        let head = rule.0.replace(" _RETURN; Type: RULE;", "; Type: VIEW;");
        let view = objects.keys().find(|(name, _)| *name == head).cloned();
        let view = view.unwrap_or_else(|| panic!("a rule of no view: {}", rule.0));
        objects.remove(&rule);
        objects.remove(&view);
        let rest = view.1.split_once(";\n").map_or("", |(_, rest)| rest);
        let definition = rule
            .1
            .trim_end()
            .replacen("CREATE OR REPLACE VIEW", "CREATE VIEW", 1);
        objects.insert((head, format!("{definition}\n{rest}")), 1);
    }
}

/// One object of a dump.
struct Part<'a> {
    /// `Name: …; Type: …; Schema: …; Owner: …`
    head: &'a str,
    body: &'a str,
    /// Where and how it is stored, which a dump says once for all that follow.
    storage: String,
}

impl Part<'_> {
    fn kind(&self) -> &str {
        let rest = self.head.split_once("; Type: ").map_or("", |(_, rest)| rest);
        rest.split(';').next().unwrap_or_default()
    }

    /// Whether the object lies in this schema, or is this schema.
    fn is_of(&self, schema: &str) -> bool {
        let of = self.head.split_once("; Schema: ").map_or("", |(_, rest)| rest);
        let of = of.split("; Owner: ").next().unwrap_or_default();
        if of != "-" {
            return of == sanitised(schema);
        }
        let name = self.head.split_once("Name: ").map_or("", |(_, rest)| rest);
        let name = name.split("; Type: ").next().unwrap_or_default();
        let name = name.strip_prefix("SCHEMA ").unwrap_or(name);
        [sanitised(schema), sanitised(&quoted(schema))].contains(&name.to_owned())
    }
}

/// Cuts a dump into its objects.
fn parts(dump: &str) -> Vec<Part<'_>> {
    const START: &str = "\n--\n-- ";
    let dump = dump
        .find("\n--\n-- PostgreSQL database dump complete\n--")
        .map_or(dump, |end| &dump[..end]);
    let starts: Vec<usize> = dump
        .match_indices(START)
        .map(|(at, _)| at)
        .filter(|at| {
            let head = &dump[at + START.len()..];
            head.starts_with("Name: ") || head.starts_with("Data for Name: ")
        })
        .collect();
    let mut storage = Storage::default();
    storage.read(starts.first().map_or("", |first| &dump[..*first]));
    let mut found = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(dump.len());
        let text = &dump[start + START.len()..end];
        let (head, body) = text.split_once("\n--\n").unwrap_or((text, ""));
        let mut part = Part {
            head,
            body,
            storage: String::new(),
        };
        part.storage = storage.of(&part);
        part.body = storage.read(body);
        found.push(part);
    }
    found
}

/// What `SET default_…` last said.
#[derive(Default)]
struct Storage {
    tablespace: String,
    access_method: String,
}

impl Storage {
    /// Takes the settings off the end of a part: they are of the parts that follow.
    fn read<'a>(&mut self, body: &'a str) -> &'a str {
        let mut rest = body.trim_end();
        let mut last = Vec::new();
        while let Some(line) = rest.lines().last() {
            let Some((name, value)) = line
                .strip_prefix("SET default_")
                .and_then(|setting| setting.strip_suffix(';')?.split_once(" = "))
            else {
                break;
            };
            last.push((name, value));
            rest = rest[..rest.len() - line.len()].trim_end();
        }
        for (name, value) in last.into_iter().rev() {
            match name {
                "tablespace" => self.tablespace = value.trim_matches('\'').to_owned(),
                "table_access_method" => self.access_method = value.to_owned(),
                _ => {}
            }
        }
        rest
    }

    /// What matters of it to an object.
    fn of(&self, part: &Part<'_>) -> String {
        let mut text = String::new();
        let kind = part.kind();
        let is_table = kind == "TABLE" && !part.body.contains("\nPARTITION BY ");
        if ["TABLE", "INDEX", "CONSTRAINT", "MATERIALIZED VIEW"].contains(&kind)
            && !self.tablespace.is_empty()
        {
            text += &format!("[tablespace {}]\n", self.tablespace);
        }
        if (is_table || kind == "MATERIALIZED VIEW") && !["", "heap"].contains(&self.access_method.as_str()) {
            text += &format!("[access method {}]\n", self.access_method);
        }
        text
    }
}

/// What one has and the other has not.
fn differing(original: &Objects, copy: &Objects) -> Vec<String> {
    let rest = |one: &Objects, other: &Objects| -> Vec<(String, String)> {
        one.iter()
            .flat_map(|(object, count)| {
                let more = count.saturating_sub(other.get(object).copied().unwrap_or(0));
                std::iter::repeat_n(object.clone(), more)
            })
            .collect()
    };
    let missing = rest(original, copy);
    let mut extra = rest(copy, original);
    let mut found = Vec::new();
    for (head, body) in missing {
        match extra.iter().position(|(other, _)| *other == head) {
            Some(at) => {
                let (_, other) = extra.remove(at);
                let only = |one: &str, mark: &str, other: &str| -> String {
                    let lines = one
                        .lines()
                        .filter(|line| !other.lines().any(|same| same == *line));
                    lines.map(|line| format!("    {mark} {line}\n")).collect()
                };
                let lines = only(&body, "-", &other) + &only(&other, "+", &body);
                let lines = if lines.is_empty() {
                    format!("    - {body}\n    + {other}\n")
                } else {
                    lines
                };
                found.push(format!("~ {head}\n{lines}"));
            }
            None => found.push(format!("- {head}\n    {}\n", body.replace('\n', "\n    "))),
        }
    }
    for (head, body) in extra {
        found.push(format!("+ {head}\n    {}\n", body.replace('\n', "\n    ")));
    }
    found
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As `pg_dump` writes a name into a comment.
fn sanitised(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// As it stands within a string.
fn in_literal(text: &str) -> String {
    text.replace('\'', "''").replace('\\', "\\\\")
}

/// Replaces the schema's name, in all the ways in which it is written, where it is a word.
fn without_name(text: &str, schema: &str) -> String {
    let identifier = quoted(schema);
    let mut forms = vec![
        in_literal(&identifier),
        identifier,
        in_literal(schema),
        schema.to_owned(),
    ];
    forms.extend(forms.iter().map(|form| sanitised(form)).collect::<Vec<_>>());
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    let of_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(next) = rest.chars().next() {
        for form in &forms {
            let Some(after) = rest.strip_prefix(form.as_str()) else {
                continue;
            };
            let is_quoted = form.starts_with('"');
            let inside = replaced.ends_with(of_a_word) || after.starts_with(of_a_word);
            if is_quoted || !inside {
                // A string with a backslash in it is written E'…'; the mark has none.
                if form.contains('\\') && replaced.ends_with("E'") {
                    replaced.truncate(replaced.len() - 2);
                    replaced.push('\'');
                }
                replaced.push_str(MARK);
                rest = after;
                continue 'text;
            }
        }
        replaced.push(next);
        rest = &rest[next.len_utf8()..];
    }
    replaced
}

/// PostgreSQL prints some expressions in one form when they are new and in another once that form is read back.
fn settled(text: &str) -> String {
    let mut settled = text.to_owned();
    // `varchar_column IN (…)`, as in a table and as in statistics.
    for (start, end, each) in [
        ("((ARRAY[", "])::text[])", ("(", ")::text")),
        ("(ARRAY[", "]::text[])", ("", "::text")),
    ] {
        settled = settled_lists(&settled, start, end, each);
    }
    // A constant without a name in a subquery or in the body of a function gets that of its type.
    for (shown, name) in TYPES {
        for end in ["\n", ",\n", ";\n", ")"] {
            let unnamed = format!("::{shown}{end}");
            settled = settled.replace(&format!("::{shown} AS {name}{end}"), &unnamed);
        }
    }
    settled_signs(&settled)
}

/// Types as they are shown, and the names of columns that are cast to them.
const TYPES: [(&str, &str); 8] = [
    ("integer", "int4"),
    ("bigint", "int8"),
    ("text", "text"),
    ("boolean", "bool"),
    ("numeric", "\"numeric\""),
    ("date", "date"),
    ("character varying", "\"varchar\""),
    ("timestamp with time zone", "\"timestamptz\""),
];

/// `(ARRAY['a'::character varying, …]::text[])` becomes `(ARRAY['a'::character varying::text, …])`.
fn settled_lists(text: &str, start: &str, end: &str, each: (&str, &str)) -> String {
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        settled.push_str(&rest[..at]);
        let list = &rest[at + start.len()..];
        if let Some((items, after)) = varchar_list(list, end) {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{}{item}{}", each.0, each.1))
                .collect();
            settled.push_str(&format!("(ARRAY[{}])", items.join(", ")));
            rest = after;
        } else {
            settled.push_str(start);
            rest = list;
        }
    }
    settled + rest
}

/// `'a'::character varying, 'b'::character varying` before the end of a list, and what follows that.
fn varchar_list<'a>(text: &'a str, end_of_list: &str) -> Option<(Vec<&'a str>, &'a str)> {
    const CAST: &str = "'::character varying";
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        let inner = rest.strip_prefix('\'')?;
        let mut end = inner.find('\'')?;
        while inner[end..].starts_with("''") {
            end = end + 2 + inner[end + 2..].find('\'')?;
        }
        let after = inner[end..].strip_prefix(CAST)?;
        items.push(&rest[..rest.len() - after.len()]);
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None => return Some((items, after.strip_prefix(end_of_list)?)),
        }
    }
}

/// `(- 1)` becomes `'-1'::integer`.
fn settled_signs(text: &str) -> String {
    const START: &str = "(- ";
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(START) {
        settled.push_str(&rest[..at]);
        let after = &rest[at + START.len()..];
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        if end > 0 && after[end..].starts_with(')') {
            settled.push_str(&format!("'-{}'::integer", &after[..end]));
            rest = &after[end + 1..];
        } else {
            settled.push_str(START);
            rest = after;
        }
    }
    settled + rest
}
