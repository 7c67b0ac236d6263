//! A process that is killed in the middle loses nothing that it was told stands.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{append, calls, close, closed, open};

const DIRECTORY: &str = "HEADGATE_TEST_JOURNAL";
const SEGMENT: u64 = 256 << 10;

/// Appends for ever, and says the number of each entry when it stands: what the test below starts, and kills.
#[test]
fn writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let begin = calls(directory).len() as u64;
    let (_journal, writer) = open(directory, SEGMENT);
    let mut said = std::io::stderr().lock();
    for call in begin.. {
        append(&writer, &closed(call.into()));
        said.write_all(&call.to_le_bytes()).unwrap();
    }
}

/// Runs the one above until it has said as many numbers; returns the last that it said.
fn run(directory: &Path, numbers: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = child.stderr.take().unwrap();
    let mut bytes = vec![0; numbers * 8];
    said.read_exact(&mut bytes).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    said.read_to_end(&mut bytes).unwrap();
    let last = bytes.chunks_exact(8).next_back().unwrap();
    u64::from_le_bytes(last.try_into().unwrap())
}

#[test]
fn what_was_said_to_stand_is_read_after_each_of_twenty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for kill in 0..20 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let last = run(directory.path(), usize::try_from(random >> 51).unwrap() + 1);
        let read = calls(directory.path());
        assert!(read.iter().copied().eq(0..read.len() as u128), "kill {kill}: none is lost, none is there twice");
        assert!(read.len() as u64 > last, "kill {kill}: {last} was said to stand, {} stand", read.len());
    }
    // Whoever comes next closes what was left open.
    let (journal, writer) = open(directory.path(), SEGMENT);
    close(&journal, writer);
    assert!(!journal::verify(directory.path()).unwrap().is_damaged());
}
