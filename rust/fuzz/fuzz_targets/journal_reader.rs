//! A segment with any payloads, kinds and gaps whose checksums are right: whatever it says, reading ends, does not panic,
//! and gives the same entries at once and one by one from where the last reading ended.
//!
//! The input is a sequence of pieces: a byte with the kind (above 31: bytes that are no record), two with a length,
//! and so many bytes.
#![no_main]

use journal::{Batch, Position, Reader};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

const SALT: u32 = 0x5eed_5eed;

fuzz_target!(|data: &[u8]| {
    let directory = std::env::temp_dir().join(format!("headgate-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("000-000000000000001.hgj"), segment(data)).expect("a file");
    let at_once = read(&directory, usize::MAX);
    assert_eq!(at_once, read(&directory, 1));
    let report = journal::verify(&directory).expect("readable");
    assert_eq!(report.entries.iter().sum::<u64>(), at_once.len() as u64);
});

/// All entries, as text, so many at a time.
fn read(directory: &Path, limit: usize) -> Vec<String> {
    let (mut entries, mut position) = (Vec::new(), Position::default());
    loop {
        let mut reader = Reader::new(directory, &position);
        let batch = Batch::read(&mut reader, limit).expect("readable");
        if batch.is_empty() {
            return entries;
        }
        entries.extend(batch.iter().map(|(_, entry)| format!("{entry:?}")));
        position = reader.position().to_string().parse().expect("a position");
    }
}

/// As docs/journal.md describes it, by other code than the journal's own.
fn segment(mut data: &[u8]) -> Vec<u8> {
    let mut bytes = b"headgate\x01\x00\x60\x00\x00\x00\x00\x00".to_vec();
    for number in [1_u64, 0, 0, 1 << 20] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(SALT.to_le_bytes());
    bytes.resize(92, 0);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    while let Some(([kind, low, high], rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()).min(8192);
        let (payload, behind) = rest.split_at(length);
        data = behind;
        if *kind > 31 {
            bytes.extend(payload);
        } else {
            let word = u32::from(*kind) << 24 | length as u32;
            let place = (bytes.len() / 8) as u32;
            bytes.extend(word.to_le_bytes());
            bytes.extend(crc32c::crc32c_append(SALT ^ word ^ place, payload).to_le_bytes());
            bytes.extend(payload);
        }
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}
