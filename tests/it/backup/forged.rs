//! Files whose seals and sums are right, and which are not what was backed up.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Backups;
use super::restore::sealed;

fn hash(bytes: impl AsRef<[u8]>) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a backup with another manifest, and with sums that agree with that.
fn with_manifest(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut lines = text.split_inclusive('\n').peekable();
    let first = lines.next().expect("a first line");
    lines.next().expect("the line about the manifest");
    let mut json = String::new();
    while let Some(line) = lines.next_if(|line| line.starts_with("--| ")) {
        json.push_str(line["--| ".len()..].trim_end_matches('\n'));
    }
    let mut manifest: Value = serde_json::from_str(&json).expect("JSON");
    change(&mut manifest);
    let json = manifest.to_string();
    let mut forged = format!("{first}-- manifest {} sha256 {}\n", json.len(), hash(&json));
    let characters: Vec<char> = json.chars().collect();
    for part in characters.chunks(1000) {
        forged.push_str(&format!("--| {}\n", part.iter().collect::<String>()));
    }
    let mut hashed = forged.clone();
    let mut is_row = false;
    for line in lines {
        if line.starts_with("-- text sha256 ") {
            forged.push_str(&format!("-- text sha256 {}\n", hash(&hashed)));
            continue;
        }
        forged.push_str(line);
        if !is_row {
            hashed.push_str(line);
        }
        is_row = match is_row {
            true => line != "\\.\n",
            false => line.starts_with("COPY ") && line.ends_with("FROM STDIN;\n"),
        };
    }
    forged
}

#[test]
fn verify_tells_a_file_whose_rows_are_not_those_that_were_backed_up() {
    let backups = Backups::with_tenants(&["acme"]);
    let taken = backups.take("acme");
    let text = zstd::decode_all(std::fs::File::open(&taken).expect("a file")).expect("zstd");
    let text = String::from_utf8(text).expect("UTF-8");
    let file = backups.path().join("changed.sql.zst");
    let name = file.to_str().expect("a path in UTF-8");
    let verify = |text: &str, more: &[&str]| {
        std::fs::write(&file, sealed(text.as_bytes())).expect("written");
        backups.database.run(&[&["verify", name], more].concat())
    };
    let same = with_manifest(&text, |_| {});
    verify(&same, &[]).success();
    verify(&same, &["--restore"]).success();

    let rows = text.replace("\tacme 7\n", "\tacme X\n");
    verify(&rows, &[]).exits(4);
    verify(&rows, &["--restore"]).exits(4);
}
