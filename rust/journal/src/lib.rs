//! What was used and spent, written so that a killed process loses none of it.
//!
//! A call makes four kinds of [`Entry`]: `opened` when its route is known, `sent` before an attempt's bytes leave,
//! `settled` when it is known what that attempt used, `closed` at the end. Each worker has a [`Writer`] and segments of
//! its own: files of fixed length, allocated ahead and mapped shared. To append is to copy and to reckon a checksum;
//! nothing is allocated and the system is not called. The pages belong to the kernel from the moment of the copy on, so
//! whatever kills the process, what was appended is there. A power cut is another matter: a thread of the journal hands
//! pages to the disk every so often, and what is younger than that may be lost.
//!
//! The same thread allocates the next segment while the last one is written. So a full disk shows when a segment is
//! made, where it is an error like any other, and never when a page is touched, where it would be a signal that ends
//! the process. Where the next segment is not there in time, [`Writer::append`] says [`Full`] and whoever asked
//! decides.
//!
//! A [`Reader`] takes what is whole: a record counts when its first word is there, which is written last, and when its
//! checksum is right. It reads files, not mappings, and needs no lock. The format is described in `docs/journal.md`,
//! well enough to read it with something else.
//!
//! Not here: what the numbers mean (`record`, `admission`); who may be served when nothing can be written (`gateway`).

mod batch;
mod decode;
mod directory;
mod encode;
mod entry;
mod fields;
mod frame;
mod header;
mod keeper;
mod lane;
mod open;
mod position;
mod read;
mod retain;
mod scan;
mod segment;
mod verify;
mod writer;

pub use batch::Batch;
pub use directory::acknowledge;
pub use entry::{CLASSES, Closed, Counts, Entry, Opened, Sent, Settled, Source, TAGS_MOST, TEXT_MOST, TagList, Tags};
pub use fields::Field;
pub use header::{BadHeader, Header, VERSION};
pub use lane::{KINDS, State};
pub use open::{Journal, OpenError, Settings};
pub use position::{NoPosition, Place, Position};
pub use read::{Damage, Read, Reader, What};
pub use verify::{Report, verify};
pub use writer::{Full, Writer};
