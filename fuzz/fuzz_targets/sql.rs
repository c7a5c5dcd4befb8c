//! Whatever stands in a file of SQL: its tokens are the text again, and its statements lie in it one after the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenantctl::db::{statements, tokens, without_secrets};

fuzz_target!(|sql: &str| {
    if let Ok(tokens) = tokens(sql) {
        let again: String = tokens.iter().map(|token| token.text).collect();
        assert_eq!(again, sql);
    }
    if let Ok(statements) = statements(sql) {
        let length: usize = statements.iter().map(|statement| statement.text.len()).sum();
        assert!(length <= sql.len());
    }
    let _ = without_secrets(sql, 120);
});
