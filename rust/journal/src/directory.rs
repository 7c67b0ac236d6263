//! The directory of a journal: its lock, the names of its segments, what consumers have read.

use crate::header::{BadHeader, Header, LENGTH};
use crate::position::Position;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What segments end in.
const SEGMENT: &str = "hgj";
/// What is held by the one process that writes.
const LOCK: &str = "lock";
/// What the notes of consumers end in.
const READ: &str = "read";

/// A file that is named like a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) worker: u32,
    pub(crate) sequence: u64,
    pub(crate) path: PathBuf,
}

/// The path of a segment: `WORKER-SEQUENCE.hgj`, both decimal, padded so that names sort.
pub(crate) fn path(directory: &Path, worker: u32, sequence: u64) -> PathBuf {
    directory.join(format!("{worker:03}-{sequence:015}.{SEGMENT}"))
}

/// All segments, by worker, then in the order in which they were written.
pub(crate) fn segments(directory: &Path) -> io::Result<Vec<Named>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let path = file?.path();
        if let Some((worker, sequence)) = numbers(&path) {
            found.push(Named { worker, sequence, path });
        }
    }
    found.sort_unstable_by_key(|named| (named.worker, named.sequence));
    Ok(found)
}

fn numbers(path: &Path) -> Option<(u32, u64)> {
    if path.extension()? != SEGMENT {
        return None;
    }
    let (worker, sequence) = path.file_stem()?.to_str()?.split_once('-')?;
    Some((worker.parse().ok()?, sequence.parse().ok()?))
}

/// The header of a segment and how long its file is.
pub(crate) fn open(path: &Path) -> io::Result<(File, Result<Header, BadHeader>)> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::with_capacity(LENGTH);
    (&mut file).take(LENGTH as u64).read_to_end(&mut bytes)?;
    Ok((file, Header::read(&bytes)))
}

/// Takes the lock of a directory, and makes the directory where there is none. None where another process holds it.
pub(crate) fn lock(directory: &Path) -> io::Result<Option<File>> {
    std::fs::create_dir_all(directory)?;
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what a process that was killed left half made.
pub(crate) fn tidy(directory: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(directory)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Makes names that have changed last through a power cut.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Notes how far a consumer has read; what lies before it need not be kept for it. `consumer` is letters, digits, `-`
/// and `_`.
pub fn acknowledge(directory: &Path, consumer: &str, position: &Position) -> io::Result<()> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if consumer.is_empty() || !consumer.bytes().all(is_name) {
        let message = format!("{consumer:?} is no name of a consumer: use letters, digits, `-` and `_`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let path = directory.join(format!("{consumer}.{READ}"));
    let unfinished = path.with_extension("read-tmp");
    std::fs::write(&unfinished, position.to_string())?;
    std::fs::rename(unfinished, path)
}

/// How far each consumer has read. A note that cannot be read stands for one that has read nothing.
pub(crate) fn acknowledged(directory: &Path) -> io::Result<Vec<Position>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == READ) {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            found.push(text.trim().parse().unwrap_or_default());
        }
    }
    Ok(found)
}
