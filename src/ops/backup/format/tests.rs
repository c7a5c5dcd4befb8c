//! The reader held against what is whole, and against what is not.

use std::io::{Cursor, Read, Write as _};

use serde_json::json;

use super::super::pack;
use super::*;
use crate::db::SchemaName;

const MARK: &str = "tenantctl0123456789abcdef0123456789abcdef";

fn manifest() -> Manifest {
    let table = |name: &str, columns: &str| json!({ "name": name, "columns": columns, "values": columns, "identifiers": [], "sequences": [] });
    let statement = |text: &str| json!({ "what": "something", "text": text });
    serde_json::from_value(json!({
        "mark": MARK,
        "tenantctl": "0.1.0",
        "server_version": "15.4",
        "database": "app",
        "taken_at": "2026-01-02T03:04:05Z",
        "schema": "tenant_acme",
        "tenant": {
            "id": "00000000-0000-0000-0000-000000000001", "slug": "acme", "name": "Acmé\n\\.\n", "domain": null,
            "plan": "pro", "region": null, "is_active": true, "metadata": {}, "schema_version": 4,
            "created_at": "2025-01-02T03:04:05Z"
        },
        "fingerprint": "2.abc",
        "definition": {
            "script": {
                "before_rows": [statement("CREATE TABLE users (id int, name text)"), statement("SELECT '\n\\.\n'")],
                "after_rows": [statement("CREATE INDEX ON users (id)")],
                "refreshes": []
            },
            "tables": [table("users", "id, name"), table("left", "id"), table("\"Odd one\"", ""), table("notes", "note")],
            "left_out": ["left"],
            "sequences": ["SELECT pg_catalog.setval('s', 7, 'true')"],
            "refers_outside": false,
            "unclear": []
        },
        "notes": []
    }))
    .expect("a manifest")
}

/// The rows of the tables that are in the backup.
fn rows() -> [Vec<u8>; 3] {
    let users = (0..300)
        .map(|id| format!("{id}\tname {id}\\n\n"))
        .collect::<String>();
    // Rows that look like lines for us, but for the mark.
    let notes = format!(
        "-- {MARK}\n-- text sha256 00\nCOMMIT;\n\n\\\\.\n-- {} rows 2\n",
        &MARK[..20]
    );
    [users.into_bytes(), Vec::new(), notes.into_bytes()]
}

fn write<W: std::io::Write>(out: W) -> (W, Summary) {
    let schema = SchemaName::new("tenant_acme").expect("a name");
    let mut writer = Writer::begin(out, manifest(), schema, "CREATE SCHEMA tenant_acme;\n").expect("written");
    for rows in rows() {
        writer.begin_table().expect("written");
        for piece in rows.chunks(1000) {
            writer.rows(piece).expect("written");
        }
        writer.end_table().expect("written");
    }
    writer.finish().expect("written")
}

fn text() -> Vec<u8> {
    write(Vec::new()).0
}

/// The same as a file.
fn packed() -> Vec<u8> {
    let frames = Frames::new(SealWriter::new(Vec::new()), 3).expect("zstd");
    let (frames, _) = write(frames);
    frames.finish().expect("zstd").finish().expect("sealed")
}

fn read(inner: impl Read) -> Result<Summary, FormatError> {
    Reader::open(inner)?.finish()
}

fn unpack(bytes: &[u8]) -> Result<Summary, FormatError> {
    pack::read(Box::new(Cursor::new(bytes.to_vec())))?.finish()
}

#[test]
fn what_was_written_is_read() {
    let (text, written) = write(Vec::new());
    let mut reader = Reader::open(text.as_slice()).expect("whole");
    assert_eq!(*reader.manifest(), manifest());
    let mut found = Vec::new();
    while reader.next_table().expect("whole") {
        let mut rows = Vec::new();
        while let Some(piece) = reader.rows().expect("whole") {
            rows.extend_from_slice(piece);
        }
        found.push(rows);
    }
    assert_eq!(found, rows());
    let read = reader.finish().expect("whole");
    assert_eq!(read, written);
    let counts: Vec<(&str, u64)> = read
        .tables
        .iter()
        .map(|sum| (sum.name.as_str(), sum.rows))
        .collect();
    assert_eq!(counts, [("users", 300), ("\"Odd one\"", 0), ("notes", 6)]);
}

#[test]
fn frames_are_one_text() {
    let text: Vec<u8> = (0..1_200_000_u32).flat_map(u32::to_le_bytes).chain([7]).collect();
    let mut frames = Frames::new(Vec::new(), 1).expect("zstd");
    for piece in text.chunks(100_003) {
        frames.write_all(piece).expect("written");
    }
    let packed = frames.finish().expect("ended");
    assert!(zstd::decode_all(packed.as_slice()).expect("whole") == text);
    let nothing = Frames::new(Vec::new(), 1)
        .and_then(Frames::finish)
        .expect("ended");
    assert!(nothing.is_empty());
}

#[test]
fn it_does_not_matter_in_what_pieces_it_comes() {
    struct Bytewise<'a>(&'a [u8]);
    impl Read for Bytewise<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            let count = bytes.len().min(1);
            (&mut self.0).take(count as u64).read(bytes)
        }
    }
    let (text, written) = write(Vec::new());
    assert_eq!(read(Bytewise(&text)).expect("whole"), written);
    let packed = packed();
    let reader = SealReader::new(Bytewise(&packed));
    assert_eq!(
        read(zstd::Decoder::new(reader).expect("zstd")).expect("whole"),
        written
    );
}

#[test]
fn a_backup_that_is_cut_at_any_byte_is_refused() {
    let text = text();
    for length in 0..text.len() {
        assert!(read(&text[..length]).is_err(), "cut at {length}");
    }
    let packed = packed();
    assert!(unpack(&packed).is_ok());
    for length in 0..packed.len() {
        assert!(unpack(&packed[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn a_backup_with_any_flipped_bit_is_refused() {
    for (bytes, is_whole) in [
        (
            text(),
            &(|bytes: &[u8]| read(bytes).is_ok()) as &dyn Fn(&[u8]) -> bool,
        ),
        (packed(), &|bytes: &[u8]| unpack(bytes).is_ok()),
    ] {
        assert!(is_whole(&bytes));
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(!is_whole(&flipped), "bit {at}");
        }
    }
}

#[test]
fn what_is_longer_than_it_should_be_is_refused() {
    let more = [text(), b"\n".to_vec()].concat();
    assert!(read(more.as_slice()).is_err());
    let twice = [packed(), packed()].concat();
    assert!(unpack(&twice).is_err());
    assert!(unpack(&[packed(), vec![0]].concat()).is_err());
}

#[test]
fn another_form_and_what_is_not_ours_are_told_apart() {
    let text = String::from_utf8(text()).expect("text");
    let newer = text.replacen("form 1\n", "form 7\n", 1);
    let error = read(newer.as_bytes()).expect_err("another form");
    assert_eq!(
        error.to_string(),
        "this backup has form 7, which this version cannot read"
    );
    let error = read("--\n-- PostgreSQL database dump\n--\n".as_bytes()).expect_err("a dump");
    assert_eq!(
        error.to_string(),
        "this is no backup of tenantctl: its first line is another"
    );
    assert!(matches!(read(&b""[..]), Err(FormatError::Cut)));
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.write_all(text.as_bytes()).expect("zstd");
    assert!(
        unpack(&encoder.finish().expect("zstd")).is_err(),
        "it has no seal"
    );
}

#[test]
fn a_manifest_that_claims_to_be_huge_is_refused_before_it_is_read() {
    let huge = "-- tenantctl backup, form 1\n-- manifest 99999999999 sha256 00\n--| {\n";
    assert_eq!(
        read(huge.as_bytes()).expect_err("too long").to_string(),
        "the backup is damaged: the manifest is too long"
    );
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or_default()
    }
}

/// Changes a backup in a few places: bytes, pieces that go, come twice or trade places, lines of the format anywhere.
fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let (from, to) = (numbers.below(bytes.len()), numbers.below(bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 400));
        match numbers.below(7) {
            0 if !bytes.is_empty() => bytes[from] = u8::try_from(numbers.below(256)).unwrap_or_default(),
            1 if !bytes.is_empty() => bytes[from] ^= 1 << numbers.below(8),
            2 => bytes.truncate(from),
            3 => drop(bytes.drain(from..to)),
            4 => {
                let piece = bytes[from..to].to_vec();
                let at = numbers.below(bytes.len());
                bytes.splice(at..at, piece);
            }
            5 => {
                let lines = [
                    "\\.\n".to_owned(),
                    marked(MARK, "rows 1"),
                    marked(MARK, "end"),
                    format!("{TEXT_LINE}\n"),
                    format!("{LAST_LINE}\n"),
                    format!("{FIRST_LINE}1\n"),
                ];
                let line = lines[numbers.below(lines.len())].clone();
                bytes.splice(from..from, line.into_bytes());
            }
            _ => bytes[from..to].reverse(),
        }
    }
}

fn fuzz(rounds: u32) {
    let (text, packed) = (text(), packed());
    let mut numbers = Numbers(0x5eed_1234_5678_9abc);
    for round in 0..rounds {
        let is_text = round % 2 == 0;
        let original = if is_text { &text } else { &packed };
        let mut mutated = original.clone();
        mutate(&mut mutated, &mut numbers);
        let is_accepted = if is_text {
            read(mutated.as_slice()).is_ok()
        } else {
            unpack(&mutated).is_ok()
        };
        assert_eq!(is_accepted, mutated == *original, "round {round}");
    }
}

#[test]
fn thousands_of_changed_backups_are_refused() {
    fuzz(6_000);
}

#[test]
#[ignore = "a million inputs take minutes; `make fuzz` runs it"]
fn a_million_changed_backups_are_refused() {
    fuzz(1_000_000);
}

#[test]
fn two_backups_of_one_moment_have_a_file_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = || {
        let schema = SchemaName::new("tenant_acme").expect("a name");
        pack::FileWriter::begin(folder.path(), manifest(), schema, &pack::Recipients::default())
            .expect("begun")
    };
    let finish = |mut file: pack::FileWriter| {
        for rows in rows() {
            file.begin_table().expect("written");
            file.rows(&rows).expect("written");
            file.end_table().expect("written");
        }
        file.finish().expect("written")
    };
    // At once, and one after the other.
    let (first, second) = (begin(), begin());
    let written = [finish(second), finish(first), finish(begin())];
    let mut files = Vec::new();
    for written in written {
        let (manifest, _) = pack::check(&written.file, &pack::Identities::default()).expect("whole");
        assert_eq!(manifest.taken_at, written.taken_at);
        files.push(written.file);
    }
    files.sort();
    let names: Vec<_> = files
        .iter()
        .filter_map(|file| file.file_name()?.to_str())
        .collect();
    assert_eq!(
        names,
        [
            "acme-20260102T030405000Z.sql.zst",
            "acme-20260102T030405001Z.sql.zst",
            "acme-20260102T030405002Z.sql.zst",
        ]
    );
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 3);
}
