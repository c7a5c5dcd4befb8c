//! The sources held against the rules of `docs/architecture.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the lowest up. A module may use those before it, and never those after it.
const LAYERS: [&[&str]; 10] = [
    &["exit", "words"],
    &["db"],
    &["blueprint"],
    &["tenant"],
    &["config"],
    &["fleet"],
    &["ops", "client"],
    &["error"],
    &["ui"],
    &["cli", "context", "commands"],
];

/// Crates with one home each.
const HOMES: [(&str, &[&str]); 12] = [
    ("argon2", &["ops/seed/"]),
    ("age", &["ops/backup/"]),
    ("zstd", &["ops/backup/", "ops/retention/"]),
    ("clap", &["cli/", "commands/", "lib.rs"]),
    ("comfy_table", &["ui/"]),
    ("indicatif", &["ui/"]),
    ("squawk_linter", &["ops/lint/"]),
    ("squawk_syntax", &["ops/lint/"]),
    ("refinery", &["db/migrator/"]),
    ("refinery_core", &["db/migrator/"]),
    ("deadpool", &["db/"]),
    ("tokio_postgres", &["db/"]),
];

/// The longest that a file may be without a reason.
const LONG: usize = 500;
/// The words with which a longer one gives its reason.
const REASON: &str = "in one file";

/// Everything below a folder.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &Path| path.strip_prefix(&root).expect("below src").display().to_string();
    paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).expect("readable")))
        .collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The modules of this crate that a line of code names, `use crate::{…}` in several lines not among them.
fn named(code: &str) -> Vec<&str> {
    code.match_indices("crate::")
        .filter_map(|(at, _)| {
            code[at + "crate::".len()..]
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .collect()
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(own) = layer(module_of(&file)) else {
            continue;
        };
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            !code.contains("use crate::{"),
            "{file}: one `use crate::…` a module, so that this test can read it"
        );
        for module in named(&code) {
            match layer(module) {
                Some(other) if other > own => wrong.push(format!("{file} uses {module}")),
                Some(_) => {}
                None => wrong.push(format!("{file} uses {module}, which has no layer")),
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    for (file, _) in sources() {
        let module = module_of(&file);
        assert!(
            ["main", "lib"].contains(&module) || layer(module).is_some(),
            "{file} has no layer"
        );
    }
}

#[test]
fn each_library_has_one_home() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (name, homes) in HOMES {
            let is_used = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| {
                    line.match_indices(&format!("{name}::"))
                        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
                });
            if is_used && !homes.iter().any(|home| file.starts_with(home)) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "libraries away from home:\n{}",
        wrong.join("\n")
    );
}

/// Whether a text is short enough, or says in a comment at its top why it is not.
fn is_short_or_has_a_reason(text: &str) -> bool {
    let is_comment = |line: &str| ["//", "--", "#"].iter().any(|mark| line.starts_with(mark));
    let mut top = text.lines().take(5).filter(|line| is_comment(line));
    text.lines().count() <= LONG || top.any(|line| line.to_lowercase().contains(REASON))
}

#[test]
fn a_long_file_says_why_it_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches", "fixtures"] {
        walk(&root.join(folder), &mut paths);
    }
    // What the tests write themselves is as long as it is.
    paths.retain(|path| !path.iter().any(|part| part == "snapshots"));
    assert!(paths.len() > 300, "only {} files were found", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if !is_short_or_has_a_reason(&text) {
            let name = path.strip_prefix(root).unwrap_or(&path).display();
            wrong.push(format!("{name} has {} lines", text.lines().count()));
        }
    }
    assert!(
        wrong.is_empty(),
        "split these, or say in the first five lines why all of it is {REASON}:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_reason_stands_in_a_comment_at_the_top() {
    let long = "line\n".repeat(LONG + 1);
    let with = |top: &str| is_short_or_has_a_reason(&format!("{top}\n{long}"));
    assert!(is_short_or_has_a_reason(&long[5..]) && !is_short_or_has_a_reason(&long));
    assert!(with("//! All of it\n//! in one file, because …") && with("-- In one file, because …"));
    assert!(!with("let words = \"in one file\";") && !with(&format!("{}// in one file", "\n".repeat(5))));
}
