//! One segment that is being written: a file of fixed length, mapped shared.
//!
//! This is the one place of headgate with `unsafe`, and this is why it is sound. A mapping may be touched as long as its
//! file keeps its length and its blocks: the blocks are allocated before it is mapped, and a process that holds the
//! directory's lock is the only one that makes segments and shortens them, which it does when the mapping is gone.
//! Within the process, bytes behind `end` are touched by the one [`Pen`] of the segment, which is not `Clone` and
//! writes through `&mut self`; what is before `end` is never touched again. No reference into the mapping leaves this
//! file, and nothing is read through it: whatever another program does to the file, no value here depends on it. A
//! program that cuts the file short under a running gateway ends it by SIGBUS, as one that overwrites its program file
//! would.

use crate::frame::{HEAD, check, space, word};
use crate::header::{Header, LENGTH};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How far ahead the kernel is to have pages at hand, at least.
const AHEAD: usize = 1 << 20;

/// A segment as its writer and its keeper share it.
#[derive(Debug)]
pub(crate) struct Segment {
    map: MmapRaw,
    file: File,
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    /// Up to where it is written.
    end: AtomicUsize,
    /// Up to where it is on the disk.
    synced: AtomicUsize,
    /// Up to where the kernel has its pages at hand; and up to where it was written when that was seen to.
    at_hand: [AtomicUsize; 2],
}

impl Segment {
    /// Makes a file of the header's capacity, with all its blocks allocated, and maps it. Its name appears when it is
    /// whole; a full disk shows here, and leaves nothing behind.
    pub(crate) fn make(path: PathBuf, header: Header) -> io::Result<Arc<Self>> {
        let unfinished = path.with_extension("tmp");
        let made = Self::fill(&unfinished, &header).and_then(|made| {
            std::fs::rename(&unfinished, &path)?;
            Ok(made)
        });
        match made {
            Ok((map, file)) => {
                let [end, synced] = [LENGTH; 2].map(AtomicUsize::new);
                let segment = Self { map, file, path, header, end, synced, at_hand: Default::default() };
                segment.populate();
                Ok(Arc::new(segment))
            }
            Err(error) => {
                drop(std::fs::remove_file(&unfinished));
                Err(error)
            }
        }
    }

    fn fill(path: &Path, header: &Header) -> io::Result<(MmapRaw, File)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        allocate(&mut file, header.capacity)?;
        rustix::io::pwrite(&file, &header.bytes(), 0)?;
        file.sync_all()?;
        let length = usize::try_from(header.capacity).map_err(io::Error::other)?;
        let map = MmapOptions::new().len(length).map_raw(&file)?;
        Ok((map, file))
    }

    /// Up to where it is written.
    pub(crate) fn end(&self) -> usize {
        self.end.load(Ordering::Acquire)
    }

    /// Up to where it is on the disk.
    pub(crate) fn synced(&self) -> usize {
        self.synced.load(Ordering::Acquire)
    }

    /// Hands what was written to the disk, and waits for it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (from, until) = (self.synced(), self.end());
        if from < until {
            self.map.flush_range(from, until - from)?;
            self.synced.store(until, Ordering::Release);
        }
        Ok(())
    }

    /// Has the kernel find the pages that are written next, as far as what was written since the last time says: a
    /// worker that touches a page first would wait for that, a microsecond or more.
    ///
    /// A kernel that does not know how is left alone; then the worker waits.
    pub(crate) fn populate(&self) {
        let [at_hand, seen] = &self.at_hand;
        let end = self.end();
        let since = end - seen.swap(end, Ordering::Relaxed).min(end);
        let until = end.saturating_add(AHEAD.max(since.saturating_mul(2))).min(self.map.len());
        let from = at_hand.load(Ordering::Relaxed).max(end);
        if from < until {
            #[cfg(target_os = "linux")]
            drop(self.map.advise_range(memmap2::Advice::PopulateWrite, from, until - from));
            at_hand.store(until, Ordering::Relaxed);
        }
    }

    /// Ends the mapping.
    pub(crate) fn unmap(self) -> (File, PathBuf) {
        drop(self.map);
        (self.file, self.path)
    }
}

/// Blocks for the whole file. A file system that has no call for it is made to find them by zeros.
fn allocate(file: &mut File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(&*file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        done => return done.map_err(Into::into),
    }
    let zeros = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(&zeros[..now])?;
        left -= now as u64;
    }
    Ok(())
}

/// What writes a segment; there is one.
#[derive(Debug)]
pub(crate) struct Pen {
    pub(crate) segment: Arc<Segment>,
    at: usize,
}

impl Pen {
    /// The pen of a segment that was just made.
    pub(crate) fn new(segment: Arc<Segment>) -> Self {
        let at = segment.end();
        Self { segment, at }
    }

    /// How many bytes are left.
    pub(crate) fn room(&self) -> usize {
        self.segment.map.len() - self.at
    }

    /// Writes a record whose payload is `bound` bytes long at most; `fill` says how long it is. Returns what it takes;
    /// none, and nothing is written, where there is less room than that.
    ///
    /// The word before it comes last: a process that is killed on the way leaves a 0 there, and the record does not
    /// exist.
    #[expect(unsafe_code, reason = "the mapping; see the module")]
    pub(crate) fn write(&mut self, kind: u8, bound: usize, fill: impl FnOnce(&mut [u8]) -> usize) -> Option<usize> {
        let (map, at) = (&self.segment.map, self.at);
        if space(bound) > map.len() - at {
            return None;
        }
        // SAFETY: `at + HEAD + bound` is within the mapping; nobody else touches these bytes.
        let record = unsafe { std::slice::from_raw_parts_mut(map.as_mut_ptr().add(at), HEAD + bound) };
        let (head, room) = record.split_at_mut(HEAD);
        let length = fill(room);
        let payload = room.get(..length)?;
        let word = word(kind, length);
        let sum = check(self.segment.header.salt, at as u64, word, payload);
        head[4..].copy_from_slice(&sum.to_le_bytes());
        // SAFETY: `at` is a multiple of 8 and the mapping begins with a page, so the word is aligned; it is within the
        // mapping, and the slice above is not used any more.
        let first = unsafe { AtomicU32::from_ptr(map.as_mut_ptr().add(at).cast()) };
        first.store(word.to_le(), Ordering::Release);
        let space = space(length);
        self.at = at + space;
        self.segment.end.store(self.at, Ordering::Release);
        Some(space)
    }
}
