//! Our reading of SQL held against the server's.

use tenantctl::db::statements;

use crate::library::pool_of_one;
use crate::support::Database;

/// What may follow `select` and is hard to read.
const EXPRESSIONS: [&str; 27] = [
    "1",
    "'a'",
    "''",
    "''''",
    r"'\'",
    r"'\', '\'",
    r"E'\''",
    r"e'\\'",
    r"E'a''b\''",
    "E'a'\n'\\''",
    "E'a' -- it's\n \t'\\';'",
    "'a'\n'\\'",
    "n'\\'",
    "b'01', x'1f'",
    r"U&'\0041;'",
    r"U&'d!0061\' UESCAPE '!'",
    "1 as U&\"d!0061;\" UESCAPE '!'",
    "1 as \"a\"\";'\"",
    "$$;'\\$$",
    "$a$ $$;' $a$",
    "1 as a$b$c, 2 as a$b$d",
    "1 /* ; ' /* ; */ \" */",
    "1 -- ; '\n",
    "2 */* ; ' */ - -1",
    "1 as é, 'é'",
    "begin atomic from (select 1 as begin) s",
    "1 begin, 2 atomic, 3 case, 4 end",
];

/// The extended protocol takes one statement at a time.
#[tokio::test]
async fn the_server_finds_one_statement_where_one_was_cut_out() {
    let database = Database::empty();
    let db = pool_of_one(&database);
    let session = db.session().await.expect("a session");
    for (one, two) in EXPRESSIONS
        .iter()
        .flat_map(|one| EXPRESSIONS.iter().map(move |two| (one, two)))
    {
        let script = format!("select {one};select {two};select {one}");
        let cut = statements(&script).expect("readable");
        assert_eq!(cut.len(), 3, "{script}");
        for statement in cut {
            if let Err(error) = session.execute(&statement.text, &[]).await {
                panic!("{:?} of {script:?}: {error}", statement.text);
            }
        }
    }
}
