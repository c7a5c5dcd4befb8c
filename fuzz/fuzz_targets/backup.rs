//! Whatever stands in a backup, reading it ends with a summary or an error, and with rows no longer than the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenantctl::ops::backup::format::Reader;

fuzz_target!(|text: &[u8]| {
    let Ok(mut reader) = Reader::open(text) else {
        return;
    };
    let mut bytes = 0;
    while let Ok(true) = reader.next_table() {
        while let Ok(Some(piece)) = reader.rows() {
            bytes += piece.len();
        }
    }
    assert!(bytes <= text.len(), "{bytes} bytes of rows from {}", text.len());
    let _ = reader.finish();
});
