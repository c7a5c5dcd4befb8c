//! The operation log: who did what to which tenants, and what came of it.

use crate::backup::Backups;

#[test]
fn what_was_tried_in_vain_is_in_the_log_too() {
    let backups = Backups::with_tenants(&["acme", "globex"]);
    let file = backups.take("acme");
    let database = &backups.database;
    database.sql("CREATE VIEW public.report AS SELECT id FROM tenant_globex.people; TRUNCATE tenant_operations CASCADE");
    database.run(&["create", "acme", "initech"]).exits(3);
    database.run(&["clone", "acme", "globex"]).exits(1);
    database.run(&["clone", "acme", "globex", "--dry-run"]).exits(1);
    database.run(&["restore", &file]).exits(1);
    database.run(&["drop", "globex", "--no-backup", "--yes"]).exits(1);
    database
        .run(&["update", "globex", "--domain", "a.example"])
        .success();
    database
        .run(&["update", "acme", "--domain", "a.example"])
        .exits(1);
    let log = database.sql(
        "SELECT string_agg(format('%s %s: %s %s %s', o.command, o.outcome, r.slug, r.outcome, \
                                  left(r.message, 28)), E'\\n' ORDER BY o.id) \
         FROM tenant_operations o JOIN tenant_operation_results r ON r.operation_id = o.id WHERE r.outcome = 'failed'",
    );
    insta::assert_snapshot!(log, @r"
    create partial: acme failed tenant `acme` already exists
    clone failed: globex failed tenant `globex` already exis
    restore failed: acme failed tenant `acme` already exists
    drop failed: globex failed objects outside schema `tena
    update failed: acme failed domain `a.example` already b
    ");
    assert_eq!(
        database.sql("SELECT count(*) FROM tenant_operations WHERE outcome = 'running'"),
        "0"
    );
    database.run(&["history"]).success();
}
