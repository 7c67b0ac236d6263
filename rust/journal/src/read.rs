//! All segments of a journal, worker by worker, put in the order of time.

use crate::directory::{self, Named};
use crate::entry::Entry;
use crate::header::BadHeader;
use crate::position::{Place, Position};
use crate::scan::{Found, Next, Scan};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Something that stands where entries should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub path: PathBuf,
    /// From here,
    pub from: u64,
    /// up to here.
    pub until: u64,
    /// What it is.
    pub what: What,
}

/// What stands where entries should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Entries stand behind it.
    Gap,
    /// The end of a segment whose writer was killed: an entry that never became one.
    TornTail,
    /// The header is damaged, and without it nothing in the segment can be trusted.
    Header(BadHeader),
    /// A segment that should stand before this one is not there.
    Missing,
}

/// What reading met.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are entries")]
pub enum Read<'a> {
    /// An entry, and the worker that wrote it.
    Entry(u32, Entry<'a>),
    /// Something else.
    Damage(Damage),
}

/// Reads a journal, also while it is written.
///
/// Entries of one worker come in the order in which they were written; entries of several by their times, as far as
/// they are there. Whatever is damaged is passed over and told.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    workers: BTreeMap<u32, Cursor>,
}

impl Reader {
    /// Reads on from a position. Segments before it need not exist any more.
    pub fn new(directory: &Path, from: &Position) -> Self {
        let workers = from.0.iter().map(|(worker, place)| (*worker, Cursor::new(*place))).collect();
        Self { directory: directory.to_owned(), workers }
    }

    /// How far it has read.
    pub fn position(&self) -> Position {
        Position(self.workers.iter().map(|(worker, cursor)| (*worker, cursor.place)).collect())
    }

    /// Reads at most `limit` entries; fewer only where there are no more just now. Returns how many.
    pub fn read(&mut self, limit: usize, each: &mut dyn FnMut(Read<'_>)) -> io::Result<usize> {
        let mut listing: BTreeMap<u32, Vec<Named>> = BTreeMap::new();
        for named in directory::segments(&self.directory)? {
            self.workers.entry(named.worker).or_insert_with(|| Cursor::new(Place::default()));
            listing.entry(named.worker).or_default().push(named);
        }
        for (worker, cursor) in &mut self.workers {
            cursor.renew(listing.remove(worker).unwrap_or_default());
        }
        let mut count = 0;
        while count < limit {
            for cursor in self.workers.values_mut() {
                cursor.look(&mut |damage| each(Read::Damage(damage)))?;
            }
            let first = self.workers.iter_mut().filter(|(_, cursor)| cursor.head.is_some());
            let Some((worker, cursor)) = first.min_by_key(|(_, cursor)| cursor.head.map(|head| head.at_ns)) else {
                break;
            };
            count += usize::from(cursor.take(|entry| each(Read::Entry(*worker, entry))));
        }
        Ok(count)
    }
}

/// The next entry of a worker.
#[derive(Debug, Clone, Copy)]
struct Head {
    found: Found,
    at_ns: u64,
}

/// How far one worker's segments are read.
#[derive(Debug)]
struct Cursor {
    place: Place,
    /// The segments from `place` on.
    segments: Vec<Named>,
    open: Option<Open>,
    head: Option<Head>,
    /// There is nothing more until segments are listed anew.
    is_dry: bool,
}

/// The segment that is being read.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    scan: Scan,
    /// Nobody writes to it any more.
    is_over: bool,
}

impl Cursor {
    const fn new(place: Place) -> Self {
        Self { place, segments: Vec::new(), open: None, head: None, is_dry: false }
    }

    fn renew(&mut self, segments: Vec<Named>) {
        self.segments = segments;
        self.segments.retain(|named| named.sequence >= self.place.sequence);
        self.is_dry = false;
    }

    /// Looks for the next entry, if it is not known.
    fn look(&mut self, each: &mut dyn FnMut(Damage)) -> io::Result<()> {
        while self.head.is_none() && !self.is_dry {
            let Some(mut open) = self.opened(each)? else {
                self.is_dry = true;
                return Ok(());
            };
            match open.scan.next(open.is_over)? {
                Next::Record(found) => {
                    let at_ns = open.scan.entry(found).map(|entry| entry.at_ns());
                    self.head = at_ns.map(|at_ns| Head { found, at_ns });
                    if at_ns.is_none() {
                        open.scan.pass(found);
                        self.place.offset = open.scan.offset();
                    }
                }
                Next::Damage { from, until } => {
                    each(open.damage((from, until), What::Gap));
                    self.place.offset = until;
                }
                Next::End { torn } if open.is_over => {
                    let from = open.scan.offset();
                    if torn > 0 {
                        each(open.damage((from, from + torn), What::TornTail));
                    }
                    self.leave();
                    continue;
                }
                // Asked before the end is looked at once more: what is written meanwhile is not overlooked.
                Next::End { .. } => {
                    open.is_over = self.is_over(&mut open.scan)?;
                    self.is_dry = !open.is_over;
                }
            }
            self.open = Some(open);
        }
        Ok(())
    }

    /// The segment that is being read, or the next one; none where there is none.
    fn opened(&mut self, each: &mut dyn FnMut(Damage)) -> io::Result<Option<Open>> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        while let Some(named) = self.segments.first().cloned() {
            let (file, header) = match directory::open(&named.path) {
                Ok(opened) => opened,
                // Removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.segments.remove(0);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.place.sequence != named.sequence {
                self.place = Place { sequence: named.sequence, offset: 0 };
            }
            match header {
                Ok(header) => {
                    let mut scan = Scan::new(file, header)?;
                    scan.seek(self.place.offset);
                    return Ok(Some(Open { path: named.path, scan, is_over: false }));
                }
                Err(bad) => {
                    let until = file.metadata()?.len();
                    each(Damage { path: named.path, from: 0, until, what: What::Header(bad) });
                    self.leave();
                }
            }
        }
        Ok(None)
    }

    /// Whether nobody writes to the open segment any more: it was closed, or one behind it has entries.
    fn is_over(&self, scan: &mut Scan) -> io::Result<bool> {
        if scan.is_closed()? {
            return Ok(true);
        }
        for named in self.segments.iter().filter(|named| named.sequence > self.place.sequence) {
            if let Ok((file, Ok(header))) = directory::open(&named.path)
                && Scan::new(file, header)?.has_records()?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Done with the segment at `place`.
    fn leave(&mut self) {
        self.open = None;
        self.segments.retain(|named| named.sequence > self.place.sequence);
        self.place = Place { sequence: self.place.sequence + 1, offset: 0 };
    }

    /// Hands the next entry over. Says whether there was one.
    fn take(&mut self, each: impl FnOnce(Entry<'_>)) -> bool {
        let (Some(head), Some(open)) = (self.head.take(), &mut self.open) else { return false };
        let entry = open.scan.entry(head.found);
        let is_there = entry.is_some();
        if let Some(entry) = entry {
            each(entry);
        }
        open.scan.pass(head.found);
        self.place.offset = open.scan.offset();
        is_there
    }
}

impl Open {
    fn damage(&self, range: (u64, u64), what: What) -> Damage {
        Damage { path: self.path.clone(), from: range.0, until: range.1, what }
    }
}
