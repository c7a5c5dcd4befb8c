//! Answers without what differs from one time to the next.

/// What becomes of numbers that are no moments, times or sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Same,
    Other,
}

const UNITS: [&str; 11] = ["bytes", "kB", "MB", "GB", "ms", "s", "min", "h", "k", "M", "%"];

/// Lines as they are compared: spaces and rules of tables are as wide as what is in them.
pub(super) fn normal(lines: &[String], numbers: Numbers) -> Vec<String> {
    lines
        .iter()
        .map(|line| normal_line(line, numbers))
        .filter(|line| !line.is_empty())
        .collect()
}

fn normal_line(line: &str, numbers: Numbers) -> String {
    let is_bar = |word: &str| word.chars().all(|c| ('\u{2580}'..='\u{259f}').contains(&c));
    let words: Vec<&str> = line.split_whitespace().filter(|word| !is_bar(word)).collect();
    let mut shown: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (before, number, after) = parts(word);
        let next = words.get(at).map(|next| parts_of_unit(next));
        let unit = next.filter(|(unit, _)| UNITS.contains(unit));
        match unit {
            _ if number.is_empty() => shown.push(inside(word)),
            Some((_, rest)) if after.is_empty() => {
                at += 1;
                shown.push(format!("{before}#{rest}"));
            }
            _ if is_moment(number) => {
                // What follows a date may be the time of day.
                if after.is_empty() && words.get(at).is_some_and(|next| is_moment(parts(next).1)) {
                    continue;
                }
                shown.push(format!("{before}#{after}"));
            }
            _ if numbers == Numbers::Other => shown.push(format!("{before}#{after}")),
            _ => shown.push((*word).to_owned()),
        }
    }
    shown.join(" ")
}

/// A word with what stands around a number in it; the number is empty where the word is none.
fn parts(word: &str) -> (&str, &str, &str) {
    let is_part = |c: char| c.is_ascii_digit() || ".,:-%".contains(c);
    let begin = word.find(|c: char| !"([`'\"~".contains(c)).unwrap_or(0);
    let (before, rest) = word.split_at(begin);
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches(['.', ',', ':', '-']);
    let after = &rest[number.len()..];
    let is_number =
        number.starts_with(|c: char| c.is_ascii_digit()) && after.chars().all(|c| ")].,:;`'\"".contains(c));
    match is_number {
        true => (before, number, after),
        false => (word, "", ""),
    }
}

fn parts_of_unit(word: &str) -> (&str, &str) {
    let end = word
        .find(|c: char| !c.is_ascii_alphabetic() && c != '%')
        .unwrap_or(word.len());
    word.split_at(end)
}

/// Dates and times of day.
fn is_moment(number: &str) -> bool {
    let digits_between = |separator: char, parts: usize| {
        number.split(separator).count() >= parts
            && number
                .split(separator)
                .all(|part| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits_between('-', 3) || digits_between(':', 2)
}

/// A word that is no number may still hold one that nobody can know: the moment in a file's name, a secret, the place of
/// a server.
fn inside(word: &str) -> String {
    if word.contains(".s.PGSQL.") {
        return "PLACE".to_owned();
    }
    if word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return "SECRET".to_owned();
    }
    let mut shown = String::new();
    let mut rest = word;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[begin..]
            .find(|c: char| !c.is_ascii_digit())
            .map_or(rest.len(), |length| begin + length);
        shown.push_str(&rest[..begin]);
        shown.push_str(if end - begin >= 8 { "#" } else { &rest[begin..end] });
        rest = &rest[end..];
    }
    shown + rest
}
