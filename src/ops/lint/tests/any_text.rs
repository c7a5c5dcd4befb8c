use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_text_ends_the_program(pieces in prop::collection::vec(piece(), 0..24), cut in 0..400_usize) {
        let text = pieces.join(" ");
        let text = &text[..floor(&text, cut)];
        for finding in review(&request(&[text, text], Scope::Run, Rules::default())) {
            let columns = finding.sql.chars().count();
            prop_assert!(finding.line >= 1 && finding.column >= 1 && finding.column <= columns + 1, "{finding:?}");
        }
    }
}

/// Words that have something to do with each other now and then.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &str = "CREATE ALTER DROP TABLE INDEX TYPE VIEW MATERIALIZED ADD COLUMN CONSTRAINT CHECK SET LOCAL ; ; ; ( ) , . \
        CONCURRENTLY ON a b tenant_a.b \"q\" 'x' $$y$$ 1 = SELECT FROM WITH AS BEGIN COMMIT VACUUM FULL VALUES INSERT \
        INTO REINDEX TRUNCATE IF NOT EXISTS search_path set_config false :: % $1 [ ] * CASE END ATOMIC FUNCTION \\ ' \" /* --";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    prop_oneof![
        8 => prop::sample::select(words).prop_map(str::to_owned),
        1 => Just("-- tenantctl: allow heavy-lock\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => any::<String>(),
    ]
}
