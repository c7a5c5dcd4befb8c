//! The page, in a real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{fill, filled};
use crate::support::Database;

/// Shows a page in a frame of a phone's or a desk's width and writes down what can be seen of it.
const FRAME: &str = r#"<!doctype html><meta charset="utf-8"><body style="margin:0"><pre id="found"></pre><script>
const frame = document.createElement('iframe');
frame.style.cssText = 'border:0;width:WIDTHpx;height:3000px';
frame.onload = () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const all = (what) => [...page.querySelectorAll(what)];
  const isShown = (e) => e.offsetParent !== null && e.getBoundingClientRect().width > 0;
  const map = all('.map').filter(isShown);
  const box = map.length ? map[0].getBoundingClientRect() : null;
  document.getElementById('found').textContent = JSON.stringify({
    title: page.title,
    width: page.documentElement.scrollWidth,
    fetched: view.performance.getEntriesByType('resource').length,
    scripts: all('script, img, link, iframe, object').length,
    dark: view.getComputedStyle(page.body).backgroundColor,
    cards: all('.cards div').map((e) => e.innerText.replace(/\s+/g, ' ')),
    maps: map.map((e) => e.className),
    names: map.length ? [...map[0].querySelectorAll('.tile')].map((e) => e.querySelector('b').textContent) : [],
    areas: map.length ? [...map[0].querySelectorAll('.tile')].map((e) => {
      const r = e.getBoundingClientRect(); return r.width * r.height / (box.width * box.height);
    }) : [],
    legible: map.length ? [...map[0].querySelectorAll('.tile b')].filter(isShown).length : 0,
    lines: all('.line').map((e) => e.querySelector('b').textContent),
    points: all('.line polyline').map((e) => e.getAttribute('points').split(' ').length),
    columns: all('thead th').filter(isShown).map((e) => e.textContent),
    rows: all('tbody tr').map((e) => [...e.cells].filter(isShown).map((cell) => cell.innerText.trim())),
    errors: window.errors,
  });
};
window.errors = [];
window.addEventListener('securitypolicyviolation', (e) => window.errors.push(e.violatedDirective));
frame.srcdoc = PAGE;
document.body.append(frame);
</script>"#;

/// Chromium, or a browser made of it.
fn browser() -> PathBuf {
    let found = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/lib64/chromium-browser/chromium-browser",
        "/usr/bin/google-chrome",
        "/snap/bin/chromium",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists());
    PathBuf::from(found.expect("Chromium is needed: apt-get install chromium"))
}

fn chromium(folder: &Path, dark: bool, arguments: &[&str], page: &Path) -> String {
    let mut command = Command::new(browser());
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1400,3200",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(dark.then_some("--blink-settings=preferredColorScheme=0"))
        .args(arguments)
        .arg(format!("file://{}", page.display()));
    let output = command.output().expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A page that was written, and a place to look at it.
struct Page {
    folder: TempDir,
    text: String,
}

impl Page {
    fn of(database: &Database, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("page.html");
        let shown = file.display().to_string();
        database
            .run(&[&["sizes", "--html", &shown], arguments].concat())
            .success()
            .says(&format!("wrote `{shown}`"));
        let text = fs::read_to_string(&file).expect("a page");
        let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().collect();
        assert_eq!(left.len(), 1, "nothing but the page is left: {left:?}");
        Self { folder, text }
    }

    /// What a browser of this width shows of it.
    fn seen(&self, width: u32, dark: bool) -> Value {
        let quoted = serde_json::to_string(&self.text)
            .expect("text")
            .replace("</", "<\\/");
        let frame = FRAME
            .replace("WIDTH", &width.to_string())
            .replace("PAGE", &quoted);
        let file = self.folder.path().join("frame.html");
        fs::write(&file, frame).expect("written");
        let dom = chromium(
            self.folder.path(),
            dark,
            &["--virtual-time-budget=5000", "--dump-dom"],
            &file,
        );
        let start = dom.find("<pre id=\"found\">").map(|at| at + 16);
        let found = start.and_then(|start| dom[start..].split("</pre>").next());
        let text = found.unwrap_or_else(|| panic!("the browser shows nothing:\n{dom}"));
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }
}

fn with_history() -> Database {
    let database = filled();
    database.sql("UPDATE tenants SET created_at = now() - interval '1 year'");
    database.run(&["sizes", "--snapshot"]).success();
    database.sql(
        "INSERT INTO tenant_size_snapshots SELECT taken_at - make_interval(days => days), slug, table_name, \
         table_bytes * (40 - days) / 40, index_bytes * (40 - days) / 40, toast_bytes, row_estimate, true \
         FROM tenant_size_snapshots, generate_series(1, 20) AS days",
    );
    database
}

fn strings(value: &Value) -> Vec<&str> {
    let list = value.as_array().unwrap_or_else(|| panic!("no list: {value}"));
    list.iter().map(|text| text.as_str().expect("text")).collect()
}

#[test]
fn a_browser_shows_map_lines_and_table_on_a_desk() {
    let database = with_history();
    let page = Page::of(&database, &["--limit", "1GB", "--total-limit", "10GB"]);
    let seen = page.seen(1280, false);
    assert_eq!(seen["title"], "Sizes of 5 tenants");
    assert_eq!(
        (&seen["fetched"], &seen["scripts"], &seen["errors"]),
        (&0.into(), &0.into(), &serde_json::json!([]))
    );
    assert_eq!(seen["width"], 1280);
    assert_eq!(strings(&seen["maps"]), ["map wide"]);
    let slugs = ["acme", "globex", "initech", "umbrella", "wayne"];
    assert_eq!(strings(&seen["names"]), slugs);
    let json = database.run(&["sizes", "-o", "json"]).success().json();
    for (at, area) in seen["areas"].as_array().expect("areas").iter().enumerate() {
        let share = json["rows"][at]["share"].as_f64().expect("a share");
        assert!(
            (area.as_f64().expect("an area") - share).abs() < 0.01,
            "{area} for {share}"
        );
    }
    assert!(seen["legible"].as_u64() >= Some(2), "{seen}");
    assert_eq!(strings(&seen["lines"]), [&["All together"], &slugs[..]].concat());
    assert!(
        seen["points"]
            .as_array()
            .expect("points")
            .iter()
            .all(|points| *points == 22),
        "{seen}"
    );
    assert_eq!(
        strings(&seen["columns"]),
        [
            "Tenant", "Total", "Table", "Index", "TOAST", "Rows", "Growth", "Limit", "Share"
        ]
    );
    let shown = database.run(&["sizes"]).success().stdout;
    let total = shown
        .lines()
        .nth(1)
        .expect("a line")
        .split_whitespace()
        .collect::<Vec<_>>()[1..3]
        .join(" ");
    assert_eq!(
        (&seen["rows"][0][0], &seen["rows"][0][1]),
        (&"acme".into(), &total.into())
    );
}

#[test]
fn a_phone_shows_it_without_scrolling_sideways() {
    let database = with_history();
    database
        .run(&[
            "create",
            "a-tenant-with-a-name-that-is-as-long-as-names-may-be-123",
        ])
        .success();
    let page = Page::of(&database, &["--limit", "1GB"]);
    let seen = page.seen(390, false);
    assert_eq!(seen["width"], 390);
    assert_eq!(strings(&seen["maps"]), ["map tall"]);
    assert_eq!(seen["names"].as_array().map(Vec::len), Some(6));
    assert_eq!(
        strings(&seen["columns"]),
        ["Tenant", "Total", "Growth", "Limit", "Share"]
    );
    assert_eq!(page.seen(320, false)["width"], 320);
}

#[test]
fn light_and_dark_follow_the_browser() {
    let page = Page::of(&filled(), &[]);
    let brightness = |dark: bool| {
        let color = page.seen(800, dark)["dark"]
            .as_str()
            .expect("a colour")
            .to_owned();
        let parts: Vec<u32> = color
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse().ok())
            .collect();
        parts.iter().sum::<u32>()
    };
    assert!(brightness(false) > 700);
    assert!(brightness(true) < 100);
}

#[test]
fn a_page_needs_no_network_and_no_script() {
    let text = Page::of(&filled(), &[]).text;
    for outside in [
        "http:",
        "https:",
        "//",
        "url(",
        "@import",
        "src=",
        "href=",
        "<script",
        "javascript:",
    ] {
        assert!(!text.contains(outside), "{outside} in the page");
    }
    assert!(text.contains("default-src 'none'"));
    assert!(text.contains("No snapshots to compare with yet"));
}

#[test]
fn names_are_shown_and_never_obeyed() {
    let database = filled();
    let evil = "<script>alert(1)</script>\"'&amp;<img src=x onerror=alert(2)>";
    database.sql(&format!(
        "CREATE TABLE tenant_acme.\"{}\" AS SELECT generate_series(1, 200000)",
        evil.replace('"', "\"\"")
    ));
    fill(&database, "tenant_wayne", 10);
    let page = Page::of(&database, &["--tenant", "acme"]);
    let seen = page.seen(1280, false);
    assert_eq!(
        (&seen["title"], &seen["scripts"]),
        (&"Sizes of acme".into(), &0.into())
    );
    assert_eq!(seen["names"][0], evil);
    assert_eq!(seen["rows"][0][0], evil);
    assert_eq!(strings(&seen["columns"])[0], "Table");
}

#[test]
fn a_fleet_of_thousands_is_still_a_page() {
    let database = Database::new();
    database.sql(
        "INSERT INTO tenants (slug, name, schema_name, subscription_plan) \
         SELECT 't' || n, 'x', 'tenant_t' || n, 'basic' FROM generate_series(1, 700) n; \
         DO $$ BEGIN FOR n IN 1..700 LOOP EXECUTE format('CREATE SCHEMA tenant_t%1$s; \
         CREATE TABLE tenant_t%1$s.notes AS SELECT repeat(''x'', 100) FROM generate_series(1, 10 + 300000 / (%1$s * %1$s))', n); \
         END LOOP; END $$",
    );
    let page = Page::of(&database, &[]);
    assert!(page.text.len() < 600_000, "{} bytes", page.text.len());
    let seen = page.seen(1280, false);
    assert_eq!(seen["rows"].as_array().map(Vec::len), Some(500));
    let names = strings(&seen["names"]);
    assert_eq!(names.len(), 151);
    assert!(names.contains(&"550 more"), "{names:?}");
    assert!(page.text.contains("and 200 more"));
}
