//! One HTTP/1.1 connection and its input buffer.

use crate::pools::Counts;
use crate::wire::Wire;
use bytes::BytesMut;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// What one read asks for at first; a head with a small body fits.
const SMALL_BYTES: usize = 16 * 1024;
/// What one read asks for at most.
const LARGE_BYTES: usize = 64 * 1024;

/// An open connection; closed by dropping it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    /// What was read and not yet taken.
    pub(crate) input: BytesMut,
    /// How much the next read asks for where nothing is known of the body.
    appetite: usize,
    /// The pool's epoch when it was last used.
    pub(crate) epoch: u32,
    counts: Rc<Counts>,
}

impl Connection {
    pub(crate) fn new(wire: Wire, counts: Rc<Counts>) -> Self {
        counts.opened();
        Self { wire, input: BytesMut::new(), appetite: SMALL_BYTES, epoch: 0, counts }
    }

    /// Reads once; yields how many bytes came, 0 at the end of the input. `expected`: how many the body still has.
    pub(crate) fn poll_fill(&mut self, expected: Option<u64>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room(expected);
        let spare = self.input.capacity() - self.input.len();
        let read = pin!(self.wire.read_buf(&mut self.input)).poll(cx);
        if let Poll::Ready(Ok(count)) = read {
            self.appetite = match count {
                _ if count >= spare => (self.appetite * 2).min(LARGE_BYTES),
                _ if count < self.appetite / 4 => SMALL_BYTES,
                _ => self.appetite,
            };
        }
        read
    }

    /// Goes back to the front of the buffer once all that was taken from it has been dropped, so that a connection
    /// lives in the same few warm pages; takes a new one where pieces are still in use.
    fn make_room(&mut self, expected: Option<u64>) {
        let want = match expected {
            Some(bytes) => usize::try_from(bytes).unwrap_or(LARGE_BYTES).clamp(SMALL_BYTES, LARGE_BYTES),
            None => self.appetite,
        };
        if self.input.is_empty() && self.input.try_reclaim(want) {
            return;
        }
        let spare = self.input.capacity() - self.input.len();
        let rest_fits = expected.is_some_and(|bytes| bytes < spare as u64);
        if spare < want / 2 && !rest_fits {
            self.input.reserve(want);
        }
    }

    /// Whether the peer has neither closed nor sent anything that nobody asked for. The event loop knows, so this costs
    /// no system call unless there is something to be read.
    pub(crate) fn is_alive(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        Pin::new(&mut self.wire).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer).is_pending()
    }

    /// Gives the input buffer back to the allocator while the connection rests.
    pub(crate) fn slim(&mut self) {
        self.input = BytesMut::new();
        self.appetite = SMALL_BYTES;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counts.closed();
    }
}
