//! What a tenant needs and the database lacks that it is brought to: it is named, and nothing has happened.

use std::fs;

use super::Backups;
use crate::support::{Database, Server};

#[test]
fn what_is_lacking_where_a_tenant_is_brought_to_is_named_and_nothing_has_changed() {
    let server = Server::start(&[]);
    let slugs = ["granted", "typed", "shared"];
    let backups = Backups::made_in(Database::on(&server), &slugs);
    backups.sql(
        "CREATE ROLE readers_of_elsewhere; GRANT SELECT ON tenant_granted.people TO readers_of_elsewhere; \
         CREATE EXTENSION citext; ALTER TABLE tenant_typed.people ADD COLUMN nick citext; \
         CREATE TABLE public.countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('fr'); \
         ALTER TABLE tenant_shared.people ADD COLUMN country text DEFAULT 'fr' REFERENCES public.countries",
    );
    let there = Database::new();
    let config = backups.path().join("tenantctl.toml");
    fs::write(&config, format!("[targets.eu]\nurl = \"{}\"\n", there.url())).expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    let relocate = |slug: &str| {
        backups
            .database
            .run(&["move", slug, "--to", "eu", "--yes", "--config", config])
    };
    let before = there.state();
    for (slug, lacking) in slugs
        .into_iter()
        .zip(["readers_of_elsewhere", "citext", "countries"])
    {
        let file = backups.take(slug);
        there.run(&["restore", &file]).exits(1).says(lacking);
        let verified = there.run(&["verify", "--restore", &file]).exits(4);
        assert!(verified.stdout.contains(lacking), "{}", verified.stdout);
        relocate(slug).exits(1).says(lacking);
        assert_eq!(there.state(), before, "{slug}");
    }
    let active = "SELECT string_agg(slug || ' ' || status, ', ' ORDER BY slug) FROM tenants";
    assert_eq!(backups.sql(active), "granted active, shared active, typed active");

    // A table without the row that is referred to is not enough.
    there.sql("CREATE EXTENSION citext; CREATE TABLE public.countries (code text PRIMARY KEY)");
    relocate("shared").exits(1).says("countries");
    assert_eq!(there.state(), before);
    there.sql("INSERT INTO countries VALUES ('fr')");
    relocate("shared").success();
    relocate("typed").success();
    assert_eq!(there.sql(active), "shared active, typed active");
    assert_eq!(
        backups.sql(active),
        "granted active, shared suspended, typed suspended"
    );
}
