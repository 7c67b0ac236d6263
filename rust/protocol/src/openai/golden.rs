//! The recorded streams of `tests/golden`, for tests.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

/// Each recorded stream with its path.
pub(crate) fn streams() -> Vec<(String, Vec<u8>)> {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
    let mut found = vec![];
    for dialect in ["openai_chat", "openai_responses"] {
        for entry in std::fs::read_dir(format!("{golden}/{dialect}")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sse") {
                found.push((path.to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    assert!(found.len() >= 15, "{} streams", found.len());
    found.sort();
    found
}
