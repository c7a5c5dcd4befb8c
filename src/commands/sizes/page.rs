//! The answer of `sizes` as a page that needs nothing but itself: no network, no script.
//!
//! A browser is told so by a policy in the page's head. All that comes from the database is escaped.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::rows::{LARGEST, Row, Summary};
use super::treemap::tiles;
use crate::ops::sizes::Sizes;
use crate::ops::sizes::forecast::Forecast;
use crate::ops::sizes::history::{Growth, Past, Point};
use crate::tenant::Slug;
use crate::ui::printable;
use crate::words;

/// What is smaller than this many others is shown with the rest.
const TILES: usize = 150;
const LINES: usize = 12;
const TABLE: usize = 500;
/// The widths to their heights of the map on a desk and on a phone, as in the style sheet.
const MAPS: [(&str, f64); 2] = [("wide", 16.0 / 7.0), ("tall", 3.0 / 4.0)];
/// Growth in hundredths from which on a tile has the next colour.
const STEPS: [f64; 3] = [10.0, 50.0, 100.0];

/// What is shown.
pub(super) struct Page<'a> {
    pub(super) database: String,
    pub(super) tenant: Option<&'a Slug>,
    pub(super) by_table: bool,
    pub(super) sizes: &'a Sizes,
    pub(super) summary: &'a Summary,
    pub(super) rows: &'a [Row],
    pub(super) past: Option<&'a Past>,
}

/// The page's text.
pub(super) fn text(page: &Page<'_>) -> String {
    let title = match page.tenant {
        Some(slug) => format!("Sizes of {slug}"),
        None => format!("Sizes of {}", words::count(page.summary.tenants, "tenant")),
    };
    let method = match page.sizes.is_exact {
        true => "sizes of files",
        false => "estimated sizes",
    };
    let has_history = page.past.is_some_and(|past| !past.is_empty());
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"soft\">{database}, {at} UTC, {method}</p>\n",
        title = escaped(&title),
        style = include_str!("page.css"),
        database = escaped(&page.database),
        at = words::minute(page.past.map_or_else(Timestamp::now, |past| past.now)),
    );
    cards(&mut html, page);
    map(&mut html, page, has_history);
    if has_history {
        lines(&mut html, page);
    } else {
        html.push_str(
            "<h2>Growth</h2>\n<p class=\"soft\">No snapshots to compare with yet: \
             <code>tenantctl sizes --snapshot</code> takes one.</p>\n",
        );
    }
    table(&mut html, page, has_history);
    html.push_str(
        "<footer>tenantctl sizes. Units of 1024. Tables count with indexes, TOAST and partitions.</footer>\n",
    );
    html.push_str("</body>\n</html>\n");
    html
}

fn cards(html: &mut String, page: &Page<'_>) {
    let summary = page.summary;
    let thing = if page.by_table { "table" } else { "tenant" };
    let mut cards = vec![(words::bytes(summary.size.total()), "in total".to_owned())];
    if page.tenant.is_none() {
        cards.push((summary.tenants.to_string(), "tenants".to_owned()));
    }
    cards.push((summary.tables.to_string(), "tables".to_owned()));
    cards.push((words::bytes(summary.median), format!("median {thing}")));
    if let Some(share) = summary.largest_share {
        cards.push((words::share(share), format!("in the {LARGEST} largest {thing}s")));
    }
    if let Some(growth) = summary.growth {
        cards.push((
            words::change(growth.bytes),
            format!("since {}", words::day(growth.since)),
        ));
    }
    match summary.forecast {
        Some(Forecast::Expected(at)) => cards.push((words::day(at), "total limit reached".to_owned())),
        Some(Forecast::Reached) => cards.push(("now".to_owned(), "total limit reached".to_owned())),
        _ => {}
    }
    html.push_str("<div class=\"cards\">\n");
    for (number, what) in cards {
        let _ = writeln!(
            html,
            "<div><b>{}</b><span>{}</span></div>",
            escaped(&number),
            escaped(&what)
        );
    }
    html.push_str("</div>\n");
}

/// A tile as large as each row is, with a strip that parts tables, indexes and TOAST.
fn map(html: &mut String, page: &Page<'_>, has_history: bool) {
    let mut rows: Vec<&Row> = page.rows.iter().filter(|row| row.size.total() > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.size.total()));
    if rows.is_empty() {
        return;
    }
    let rest = rows.split_off(rows.len().min(TILES));
    let others: u64 = rest.iter().map(|row| row.size.total()).sum();
    let what = if page.by_table { "tables" } else { "tenants" };
    let _ = writeln!(html, "<h2>Where the room goes</h2>");
    let mut areas: Vec<(u64, Option<&Row>)> = rows.iter().map(|row| (row.size.total(), Some(*row))).collect();
    if others > 0 {
        areas.push((others, None));
        areas.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    }
    #[expect(clippy::cast_precision_loss, reason = "an area on a screen")]
    let weights: Vec<f64> = areas.iter().map(|(bytes, _)| *bytes as f64).collect();
    for (class, aspect) in MAPS {
        let _ = writeln!(html, "<div class=\"map {class}\">");
        for ((bytes, row), tile) in areas.iter().zip(tiles(&weights, aspect)) {
            let place = format!(
                "left:{:.3}%;top:{:.3}%;width:{:.3}%;height:{:.3}%",
                tile.left, tile.top, tile.width, tile.height
            );
            let shown = words::bytes(*bytes);
            let _ = match row {
                Some(row) => writeln!(
                    html,
                    "<div class=\"tile g{step}\" style=\"{place}\" title=\"{name}: {shown}, {share}{growth}\">\
                     <p><b>{name}</b><span>{shown}</span></p>{parts}</div>",
                    step = step(row),
                    name = escaped(&row.name),
                    share = escaped(&words::share(row.share)),
                    growth = row.growth.map_or_else(String::new, |growth| format!(
                        ", {} since {}",
                        words::change(growth.bytes),
                        words::day(growth.since)
                    )),
                    parts = parts(row),
                ),
                None => writeln!(
                    html,
                    "<div class=\"tile g0\" style=\"{place}\" title=\"{count} more {what}: {shown}\">\
                     <p><b>{count} more</b><span>{shown}</span></p></div>",
                    count = rest.len(),
                ),
            };
        }
        html.push_str("</div>\n");
    }
    html.push_str("<ul class=\"key\">");
    if has_history {
        let names = ["not grown", "up to 10 %", "up to 50 %", "up to 100 %", "more"];
        for (number, name) in names.iter().enumerate() {
            let _ = write!(
                html,
                "<li><i style=\"background:var(--t{number})\"></i>{name}</li>"
            );
        }
    }
    html.push_str("<li>strip below: table, indexes (dark), TOAST (light)</li></ul>\n");
}

/// How fast something has grown, in five steps.
#[expect(clippy::cast_precision_loss, reason = "a percentage in steps")]
fn step(row: &Row) -> usize {
    match row.growth {
        Some(growth) if growth.bytes > 0 => {
            let before = row.size.total().cast_signed() - growth.bytes;
            let percent = growth.bytes as f64 / before.max(1) as f64 * 100.0;
            1 + STEPS.iter().filter(|step| percent > **step).count()
        }
        _ => 0,
    }
}

fn parts(row: &Row) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a length on a screen")]
    let percent = |bytes: u64| bytes as f64 / row.size.total().max(1) as f64 * 100.0;
    let parts = [row.size.table, row.size.index, row.size.toast].map(percent);
    let parts: Vec<String> = parts
        .iter()
        .map(|percent| format!("<i style=\"width:{percent:.1}%\"></i>"))
        .collect();
    format!("<div class=\"parts\">{}</div>", parts.concat())
}

/// The course of all together, and those of the largest.
fn lines(html: &mut String, page: &Page<'_>) {
    html.push_str("<h2>Growth</h2>\n<div class=\"lines\">\n");
    let mut rows: Vec<&Row> = page.rows.iter().filter(|row| row.course.len() > 1).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.size.total()));
    line(
        html,
        "all",
        "All together",
        page.summary.growth,
        &page.summary.course,
    );
    for row in rows.iter().take(LINES) {
        line(html, "one", &row.name, row.growth, &row.course);
    }
    html.push_str("</div>\n");
}

fn line(html: &mut String, class: &str, name: &str, growth: Option<Growth>, course: &[Point]) {
    let (Some(first), Some(last)) = (course.first(), course.last()) else {
        return;
    };
    let span = last.at.duration_since(first.at).as_secs_f64();
    if span <= 0.0 {
        return;
    }
    let most = course.iter().map(|point| point.bytes).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
    let place = |point: &Point| {
        let x = point.at.duration_since(first.at).as_secs_f64() / span * 100.0;
        // A little room above, so that the line is not cut.
        let y = 100.0 - point.bytes as f64 / most.max(1) as f64 * 94.0;
        format!("{x:.2},{y:.2}")
    };
    let points: Vec<String> = course.iter().map(place).collect();
    let points = points.join(" ");
    let change = growth.map_or_else(String::new, |growth| format!(", {}", words::change(growth.bytes)));
    let _ = writeln!(
        html,
        "<figure class=\"line {class}\"><figcaption><b>{name}</b><span>{now}{change}</span></figcaption>\
         <div class=\"plot\"><svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{name}: {then} on {from}, {now} now\"><line x1=\"0\" y1=\"99.5\" x2=\"100\" y2=\"99.5\"/>\
         <polygon points=\"0,100 {points} 100,100\"/><polyline points=\"{points}\"/></svg></div>\
         <div class=\"axis\"><span>{from}: {then}</span><span>now: {now}</span></div></figure>",
        name = escaped(name),
        now = words::bytes(last.bytes),
        then = words::bytes(first.bytes),
        from = words::day(first.at),
    );
}

fn table(html: &mut String, page: &Page<'_>, has_history: bool) {
    if page.rows.is_empty() {
        return;
    }
    let heading = if page.by_table { "Table" } else { "Tenant" };
    let _ = write!(
        html,
        "<h2>{heading}s</h2>\n<table>\n<thead><tr><th>{heading}</th><th>Total</th><th class=\"less\">Table</th>\
         <th class=\"less\">Index</th><th class=\"less\">TOAST</th><th class=\"less\">Rows</th>"
    );
    if has_history {
        html.push_str("<th>Growth</th>");
    }
    let has_limits = page.rows.iter().any(|row| row.forecast.is_some());
    if has_limits {
        html.push_str("<th>Limit</th>");
    }
    html.push_str("<th>Share</th></tr></thead>\n<tbody>\n");
    let largest = page.rows.iter().map(|row| row.share).fold(0.0, f64::max);
    for row in page.rows.iter().take(TABLE) {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td class=\"less\">{}</td><td class=\"less\">{}</td><td class=\"less\">{}</td>\
             <td class=\"less\">{}</td>",
            escaped(&row.name),
            words::bytes(row.size.total()),
            words::bytes(row.size.table),
            words::bytes(row.size.index),
            words::bytes(row.size.toast),
            row.size.rows.map_or_else(|| "–".to_owned(), words::about),
        );
        if has_history {
            let growth = row.growth.map(|growth| words::change(growth.bytes));
            let _ = write!(html, "<td>{}</td>", growth.as_deref().unwrap_or("–"));
        }
        if has_limits {
            let _ = write!(html, "<td>{}</td>", row.forecast.map_or_else(String::new, limit));
        }
        let length = if largest > 0.0 {
            row.share / largest * 100.0
        } else {
            0.0
        };
        let _ = writeln!(
            html,
            "<td>{}<span class=\"bar\"><i style=\"width:{length:.1}%\"></i></span></td></tr>",
            words::share(row.share).replace('<', "&lt;"),
        );
    }
    html.push_str("</tbody>\n</table>\n");
    if page.rows.len() > TABLE {
        let _ = writeln!(html, "<p class=\"soft\">and {} more</p>", page.rows.len() - TABLE);
    }
}

fn limit(forecast: Forecast) -> String {
    match forecast {
        Forecast::Reached => "reached".to_owned(),
        Forecast::Expected(at) => words::day(at),
        Forecast::NotExpected => "&gt; 10 years".to_owned(),
        Forecast::Unknown => "?".to_owned(),
    }
}

/// Text that HTML takes as text, in an attribute too.
fn escaped(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_wherever_they_stand() {
        assert_eq!(
            escaped("<b onload='x'>\"&\u{202e}"),
            "&lt;b onload=&#39;x&#39;&gt;&quot;&amp;\\u{202e}"
        );
    }
}
