//! The files beside the journal: replaced whole, so that whoever is killed on the way leaves the one before.

use super::open::OpenCall;
use admission::Saved;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The version of both files.
pub(super) const VERSION: u32 = 1;
/// The accounts as of a position.
pub(super) const CHECKPOINT: &str = "accounts.json";

/// The accounts as of a position of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) version: u32,
    /// As `journal::Position` writes it.
    pub(super) position: String,
    /// The time of the last entry before it, in nanoseconds since 1970.
    pub(super) last_ns: u64,
    /// The calls that were open there.
    pub(super) open: Vec<OpenCall>,
    pub(super) accounts: Vec<Saved>,
}

/// Reads a file of this version; none where there is none. `Err`: it cannot be used, and why.
pub(super) fn read<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<Option<T>, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let path = directory.join(name);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let broken = |error: serde_json::Error| format!("{}: {error}", path.display());
    let Version { version } = serde_json::from_slice(&bytes).map_err(broken)?;
    if version != VERSION {
        return Err(format!("{}: version {version} where {VERSION} is known", path.display()));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(broken)
}

/// Writes a file, so that it lasts through a power cut.
pub(super) fn write<T: Serialize>(directory: &Path, name: &str, value: &T) -> io::Result<()> {
    let path = directory.join(name);
    let unfinished = path.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    let mut buffered = io::BufWriter::new(&mut file);
    serde_json::to_writer(&mut buffered, value)?;
    buffered.flush()?;
    drop(buffered);
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    File::open(directory)?.sync_all()
}
