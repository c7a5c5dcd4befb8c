use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::db::SchemaName;

fn read_as(format: Format, text: &str) -> Result<Vec<NewTenant>, BatchError> {
    let naming = Naming::new("tenant_", SchemaName::new("tenant_template").expect("valid")).expect("valid");
    let defaults = Defaults {
        plan: "basic".to_owned(),
        region: Some("eu".to_owned()),
        metadata: json!({"source": "flag"}),
    };
    read(text, format, &naming, &defaults)
}

fn csv(text: &str) -> Vec<NewTenant> {
    read_as(Format::Csv, text).expect("usable")
}

fn json(text: &str) -> Vec<NewTenant> {
    read_as(Format::Json, text).expect("usable")
}

fn slugs(tenants: &[NewTenant]) -> Vec<&str> {
    tenants.iter().map(|tenant| tenant.slug.as_str()).collect()
}

/// What is wrong: lines and the words that must be there.
fn expect_problems(format: Format, text: &str, expected: &[(usize, &str)]) {
    let error = read_as(format, text).expect_err("refused");
    let BatchError::BadRows { bad, .. } = &error else {
        panic!("{error}");
    };
    let lines: Vec<usize> = bad.iter().map(|row| row.line).collect();
    let wanted: Vec<usize> = expected.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, wanted, "{error}");
    for (row, (_, words)) in bad.iter().zip(expected) {
        assert!(row.problem.contains(words), "{words:?} is not in {error}");
    }
}

fn refusal(format: Format, text: &str) -> String {
    read_as(format, text).expect_err("refused").to_string()
}

#[test]
fn a_row_says_what_it_knows_and_defaults_say_the_rest() {
    let tenants = csv("slug,name,domain,plan,region,metadata\n\
                       acme,\"Acme, Inc.\",acme.example,pro,us,\"{\"\"crm\"\": 42}\"\n\
                       globex,,,,,\n");
    assert_eq!(tenants[0].name, "Acme, Inc.");
    assert_eq!(tenants[0].domain, "acme.example".parse().ok());
    assert_eq!(tenants[0].plan, "pro");
    assert_eq!(tenants[0].region.as_deref(), Some("us"));
    assert_eq!(tenants[0].metadata, json!({"crm": 42}));
    assert_eq!(tenants[1].schema.as_str(), "tenant_globex");
    assert_eq!(tenants[1].name, "globex");
    assert_eq!(tenants[1].domain, None);
    assert_eq!(tenants[1].plan, "basic");
    assert_eq!(tenants[1].region.as_deref(), Some("eu"));
    assert_eq!(tenants[1].metadata, json!({"source": "flag"}));
}

#[test]
fn csv_is_read_as_spreadsheets_write_it() {
    let tenants = csv("\u{feff}\r\n Name , SLUG\r\n\r\n\"Two\r\nlines\" , acme \r\n,\r\n\"\",globex");
    assert_eq!(slugs(&tenants), ["acme", "globex"]);
    assert_eq!(tenants[0].name, "Two\r\nlines");
    assert_eq!(tenants[1].name, "globex");
    assert_eq!(slugs(&csv("slug\ra\rb\r")), ["a", "b"]);
}

#[test]
fn json_comes_as_an_array_or_as_lines() {
    let array = "\n[{\"slug\": \"a\", \"plan\": \"pro\"},\n {\"slug\": \"b\", \"metadata\": {\"x\": [1]}, \"name\": null}]";
    let lines = "{\"slug\": \"a\", \"plan\": \"pro\"}\n\n{\"slug\": \"b\",\n\"metadata\": {\"x\": [1]}, \"name\": \"\"}\r\n";
    assert_eq!(json(array), json(lines));
    assert_eq!(json(array)[1].metadata, json!({"x": [1]}));
    assert_eq!(json(array)[1].name, "b");
}

#[test]
fn the_form_is_told_by_the_ending_and_else_by_the_beginning() {
    let of = |file: &str, text: &str| Format::of(Path::new(file), text);
    assert_eq!(of("t.CSV", "[1]"), Format::Csv);
    assert_eq!(of("t.json", "slug"), Format::Json);
    assert_eq!(of("t.jsonl", ""), Format::Json);
    assert_eq!(of("-", " \n [{}]"), Format::Json);
    assert_eq!(of("-", "{}"), Format::Json);
    assert_eq!(of("-", "[[1]]"), Format::Json);
    assert_eq!(of("-", "[[\"slug\"]]"), Format::Json);
    for text in ["[[tenants]]\n", "\n# ours\n\n  [[ tenants ]]", "#\n[[tenant"] {
        assert_eq!(of("-", text), Format::Toml, "{text:?}");
    }
    assert_eq!(of("-", "# ours\nslug\na"), Format::Csv);
    assert_eq!(of("t.txt", "slug\na"), Format::Csv);
}

#[test]
fn every_bad_row_is_told_with_its_line() {
    expect_problems(
        Format::Csv,
        "slug,name,domain,plan,region,metadata\n\
         good,\"a\n\nb\",a.example,,,\n\
         Bad Slug,,,,,\n\
         two,,https://two.example,,,[1]\n\
         ,name,,,,\n\
         \n\
         good,,,,,\n\
         a-b,,A.Example,,,\n\
         a_b,,,,,{\n\
         template,,,,,\n\
         short,row\n\
         longplan,,,123456789012345678901234567890123456789012345678901,,\n",
        &[
            (5, "use `bad-slug` instead"),
            (6, "metadata must be a JSON object"),
            (6, "give the host name alone"),
            (7, "the slug is missing"),
            (9, "slug `good` is on line 2 already"),
            (10, "domain `A.Example` is on line 2 already"),
            (11, "would share the schema `tenant_a_b` with `a-b` on line 10"),
            (11, "metadata is not JSON"),
            (12, "the template's schema"),
            (13, "has 2 values, and the first line names 6 columns"),
            (14, "at most 50 characters"),
        ],
    );
}

#[test]
fn every_bad_object_is_told_with_its_line() {
    expect_problems(
        Format::Json,
        "{\"slug\": \"a\"\n\
         {\"slug\": 1, \"domian\": \"x\"}\n\
         7\n\
         {\"slug\": \"b\", \"metadata\": \"{}\"}\n\
         {\"slug\": \"b\n\
         {\"slug\": \"b\", \"slug\": \"c\"}\n\
         [1]\n",
        &[
            (1, "not JSON"),
            (2, "`slug` must be a string"),
            (2, "unknown field `domian`; did you mean `domain`?"),
            (3, "a tenant is a JSON object"),
            (4, "metadata must be a JSON object"),
            (5, "not JSON"),
            (6, "field `slug` is there twice"),
            (7, "a tenant is a JSON object"),
        ],
    );
    expect_problems(
        Format::Json,
        "[\n{\"slug\": \"a\"},\n\"b\",\n\n{}]",
        &[(3, "a tenant is a JSON object"), (5, "the slug is missing")],
    );
}

#[test]
fn a_header_must_name_known_columns() {
    for (text, words) in [
        (
            "slug,domian\na,b",
            "line 1: unknown column `domian`; did you mean `domain`?",
        ),
        (
            "\n\nslug,subscription_plan\na,b",
            "line 3: unknown column `subscription_plan`; did you mean `plan`?",
        ),
        ("slug,Slug\na,b", "column `Slug` is there twice"),
        ("name\nAcme", "there is no column `slug`"),
        ("acme\nglobex", "unknown column `acme`"),
        ("slug;name\na;b", "parted by ';'"),
        ("slug,\"name\na,b\n", "never closed"),
    ] {
        let shown = refusal(Format::Csv, text);
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    assert!(refusal(Format::Json, "[{\"slug\": \"a\"},\n{]").contains("line 2: this is not JSON"));
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_rows() {
    expect_problems(
        Format::Csv,
        "slug,name\na,A\nb,\"B\nc,C\nd,D\n",
        &[(3, "never closed")],
    );
    expect_problems(Format::Csv, "slug,name\na,\"", &[(2, "never closed")]);
    let sentinel = "slug,name\na,\u{3}end\n\u{3}end,x\nb,B";
    expect_problems(Format::Csv, sentinel, &[(3, "only a-z")]);
}

#[test]
fn a_file_without_rows_is_refused() {
    for text in ["", "\n\n", "slug,name\n", "slug,name\n,\n"] {
        assert_eq!(read_as(Format::Csv, text), Err(BatchError::NoRows), "{text:?}");
    }
    for text in ["", "[]", " \n"] {
        assert_eq!(read_as(Format::Json, text), Err(BatchError::NoRows), "{text:?}");
    }
}

#[test]
fn the_list_of_bad_rows_has_a_line_for_each() {
    let shown = refusal(Format::Csv, &format!("slug\n\"a\nb\"\n{}\n", "x".repeat(5000)));
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(
        shown.starts_with("2 of 2 rows cannot be used\n  line 2  slug `a\\nb` holds"),
        "{shown}"
    );
    assert!(shown.len() < 1000, "{shown}");
}

/// Text made of what the readers look at.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "slug",
        "name",
        "metadata",
        "acme",
        "\"",
        ",",
        "\n",
        "\r\n",
        "\r",
        "{",
        "}",
        "[",
        "]",
        ":",
        "null",
        "1",
        " ",
        "\\",
        "\\u0000",
        "\u{3}end",
        "é",
        "\u{feff}",
        "{\"slug\": \"a\"}",
        "slug,name\n",
        "\0",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in texts()) {
        for format in [Format::Csv, Format::Json] {
            match read_as(format, &text) {
                Ok(tenants) => prop_assert!(!tenants.is_empty()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn what_is_written_as_csv_is_read_again(names in prop::collection::vec("\\PC*\n?\\PC{0,9}", 1..9)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["name", "slug"]).expect("written");
        for (number, name) in names.iter().enumerate() {
            writer.write_record([name.as_str(), &format!("t{number}")]).expect("written");
        }
        let text = String::from_utf8(writer.into_inner().expect("written")).expect("UTF-8");
        let fits = |name: &String| name.trim().chars().count() <= 255;
        prop_assume!(names.iter().all(fits));
        for (number, tenant) in csv(&text).iter().enumerate() {
            let wanted = names[number].trim();
            let wanted = if wanted.is_empty() { tenant.slug.as_str() } else { wanted };
            prop_assert_eq!(&tenant.name, wanted);
        }
    }
}

#[test]
fn toml_has_a_table_for_each_tenant() {
    let text = "[[tenants]]\nslug = 'acme'\nname = 'Acme, Inc.'\nplan = 'pro'\n\
                metadata = { since = 2024-02-29, tags = ['a', 1, true], rate = 0.5 }\n\n[[tenants]]\nslug = 'globex'\n";
    let tenants = read_as(Format::Toml, text).expect("usable");
    assert_eq!(slugs(&tenants), ["acme", "globex"]);
    assert_eq!(tenants[0].plan, "pro");
    assert_eq!(
        tenants[0].metadata,
        json!({"since": "2024-02-29", "tags": ["a", 1, true], "rate": 0.5})
    );
    assert_eq!(tenants[1].plan, "basic");
    assert_eq!(Format::of(Path::new("t.toml"), "[[tenants]]"), Format::Toml);
}

#[test]
fn everything_that_is_wrong_with_toml_is_named_with_its_table() {
    expect_problems(
        Format::Toml,
        "# three\n[[tenants]]\nslug = 'acme'\ndomian = 'x'\n\n[[tenants]]\nname = 'Nobody'\n\n[[tenants]]\nslug = 7\n\
         metadata = 'text'\n",
        &[
            (2, "unknown key `domian`; did you mean `domain`?"),
            (6, "the slug is missing"),
            (9, "`slug` must be a string"),
            (9, "the slug is missing"),
            (9, "metadata must be a JSON object"),
        ],
    );
    assert!(refusal(Format::Toml, "[[tenants]]\nslug = \n").starts_with("line 2: "));
    assert!(refusal(Format::Toml, "[[tenant]]\nslug = 'a'\n").starts_with("line 1: "));
    assert_eq!(read_as(Format::Toml, ""), Err(BatchError::NoRows));
}
