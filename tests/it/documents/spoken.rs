//! Commands within sentences: what README and docs say can be typed can be typed.

use std::collections::BTreeSet;
use std::fs;

use super::pages::pages;
use super::place::Place;
use crate::support::Database;

/// Every command in the code spans of README and docs, in an order in which one does not spoil it for the next.
///
/// Names of commands without arguments are only mentioned. The private server has tests of its own, which type what the
/// pages say.
fn commands() -> Vec<String> {
    let mut found = BTreeSet::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("readable");
        for paragraph in text
            .split("\n\n")
            .filter(|paragraph| !paragraph.starts_with("```"))
        {
            // What is between backticks is every other piece.
            for span in paragraph.split('`').skip(1).step_by(2) {
                let command = span.split_once("* * * ").map_or(span, |(_, line)| line);
                let command = command.trim_start_matches("DATABASE_URL=… ");
                let command = command.split(" | ").next().unwrap_or_default().replace('\n', " ");
                if command.starts_with("tenantctl ") && command.split(' ').count() > 2 {
                    found.insert(command);
                }
            }
        }
    }
    found.retain(|command| !command.starts_with("tenantctl db "));
    let mut commands: Vec<String> = found.into_iter().collect();
    commands.sort_by_key(|command| match command.split(' ').nth(1) {
        Some("create") => 0,
        Some("new") => 2,
        // They take up what `new` has made.
        Some("lint" | "migrate") => 3,
        _ => 1,
    });
    commands
}

/// A project with tenants, backups and keys, and how many tenants were made for commands.
struct Scene {
    place: Place,
    recipient: String,
    tenants: usize,
}

impl Scene {
    fn new() -> Self {
        let place = Place::project(Database::with_tenants(&["plain", "sealed"]));
        place.run(&["create", "--quiet", "globex", "--domain", "globex.example"]);
        let config = fs::read_to_string(place.path("tenantctl.toml")).expect("readable");
        let config = format!("{config}[backup]\ndir = \"backups\"\n");
        fs::write(place.path("tenantctl.toml"), config).expect("written");
        fs::write(place.path("seed.sql"), "SELECT 1;\n").expect("written");
        let pair = age::x25519::Identity::generate();
        let key = age::secrecy::ExposeSecret::expose_secret(&pair.to_string()).to_owned();
        fs::write(place.path("key.txt"), key).expect("written");
        let recipient = pair.to_public().to_string();
        place.run(&["backup", "plain"]);
        place.run(&["backup", "sealed", "--encrypt", &recipient]);
        for file in fs::read_dir(place.path("backups")).expect("a folder").flatten() {
            let name = file.file_name().into_string().expect("UTF-8");
            if let (Some((slug, _)), Some((_, ending))) = (name.split_once('-'), name.split_once('.')) {
                fs::rename(file.path(), place.path(&format!("{slug}.{ending}"))).expect("renamed");
            }
        }
        place.run(&["drop", "plain", "sealed", "--yes", "--no-backup"]);
        Self {
            place,
            recipient,
            tenants: 0,
        }
    }

    /// A slug for a command that makes a tenant, or takes one away.
    fn slug_for(&mut self, command: &str) -> String {
        self.tenants += 1;
        let slug = format!("t{}", self.tenants);
        match command.split(' ').nth(1) {
            Some("create") => slug,
            Some("drop") => {
                self.place.run(&["create", "--quiet", &slug]);
                slug
            }
            _ => "globex".to_owned(),
        }
    }

    /// The command with something for each word that stands for something.
    fn filled_in(&mut self, command: &str, slug: &str) -> String {
        let is_sealed = command.contains("--identity");
        let sql = match command.contains("--write") {
            true => "'UPDATE users SET name = name'",
            false => "'SELECT 1'",
        };
        let fill = |word: &str| match word {
            "SLUG" | "SLUG…" => slug.to_owned(),
            "FROM" => "globex".to_owned(),
            "TO" => "branch".to_owned(),
            "DOMAIN" => "globex.example".to_owned(),
            "NAME" => "notes".to_owned(),
            "N" => "4".to_owned(),
            "FILE" if is_sealed => "sealed.sql.zst.age".to_owned(),
            "FILE" => "plain.sql.zst".to_owned(),
            "KEY" => "key.txt".to_owned(),
            "RECIPIENT" => self.recipient.clone(),
            "…" => sql.to_owned(),
            word => word.to_owned(),
        };
        let mut line = command.split(' ').map(fill).collect::<Vec<_>>().join(" ");
        if command.starts_with("tenantctl shell") {
            // Nobody types anything into psql.
            line.push_str(" </dev/null");
        }
        line
    }

    fn answers(&mut self, command: &str) -> Result<(), String> {
        let slug = self.slug_for(command);
        let line = self.filled_in(command, &slug);
        let answer = self.place.answers(&line, &[format!("Type `{slug}` to go on: ")]);
        match answer.code {
            0 => Ok(()),
            code => Err(format!("$ {line}\nexit {code}\n{}", answer.lines.join("\n"))),
        }
    }
}

#[test]
fn every_command_in_a_sentence_works_as_it_stands() {
    let mut scene = Scene::new();
    let commands = commands();
    assert!(commands.len() > 35, "{commands:#?}");
    let wrong: Vec<String> = commands
        .iter()
        .filter_map(|command| scene.answers(command).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
