//! What is on its way to the caller: heads, chunk lines and small pieces as one text, large pieces as they are.

use crate::io::Io;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Pieces up to this size are copied behind the text before them: cheaper than one more slice for the kernel.
const COPIED: usize = 4 * 1024;
/// No more is gathered than this, in bytes and in slices. The slices of one write: each piece may have text around it.
const GATHERED_BYTES: usize = 64 * 1024;
const GATHERED_PARTS: usize = 32;
/// The text buffer is given back to this size.
const KEPT: usize = 16 * 1024;

/// Bytes to write, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: Vec<u8>,
    /// How much of the text has been written.
    sent: usize,
    parts: VecDeque<Part>,
    bytes: usize,
}

#[derive(Debug)]
enum Part {
    /// So many bytes of the text.
    Text(usize),
    Piece(Bytes),
}

impl Outbox {
    /// Whether more may be gathered before a write.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < GATHERED_BYTES && self.parts.len() < GATHERED_PARTS
    }

    /// How many bytes are still to be written.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Appends what `encode` appends.
    pub(crate) fn encode(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.len();
        encode(&mut self.text);
        let added = self.text.len() - before;
        self.bytes += added;
        match self.parts.back_mut() {
            Some(Part::Text(length)) => *length += added,
            _ if added > 0 => self.parts.push_back(Part::Text(added)),
            _ => {}
        }
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.len() <= COPIED {
            self.encode(|text| text.extend_from_slice(&piece));
        } else {
            self.bytes += piece.len();
            self.parts.push_back(Part::Piece(piece));
        }
    }

    /// Writes until nothing is left. `Pending`: the rest goes when the caller reads.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, io: &mut Io) -> Poll<io::Result<()>> {
        while self.bytes > 0 {
            let written = ready!(self.poll_write(cx, io))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(io).poll_flush(cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, io: &mut Io) -> Poll<io::Result<usize>> {
        let text = &self.text[self.sent..];
        if let (Some(Part::Text(_)), 1) = (self.parts.front(), self.parts.len()) {
            return Pin::new(io).poll_write(cx, text);
        }
        let mut slices = [IoSlice::new(&[]); GATHERED_PARTS + 4];
        let mut at = 0;
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = match part {
                Part::Piece(piece) => IoSlice::new(piece),
                Part::Text(length) => {
                    at += length;
                    IoSlice::new(&text[at - length..at])
                }
            };
            used += 1;
        }
        Pin::new(io).poll_write_vectored(cx, &slices[..used])
    }

    /// Takes `written` bytes off the front.
    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while written > 0 {
            let Some(part) = self.parts.front_mut() else { break };
            let length = match part {
                Part::Text(length) => *length,
                Part::Piece(piece) => piece.len(),
            };
            let taken = length.min(written);
            written -= taken;
            if let Part::Text(_) = part {
                self.sent += taken;
            }
            if taken == length {
                self.parts.pop_front();
                continue;
            }
            match part {
                Part::Text(length) => *length -= taken,
                Part::Piece(piece) => drop(piece.split_to(taken)),
            }
        }
        if self.parts.is_empty() {
            self.text.clear();
            self.text.shrink_to(KEPT);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rest(outbox: &Outbox) -> Vec<u8> {
        let mut text = &outbox.text[outbox.sent..];
        let mut all = Vec::new();
        for part in &outbox.parts {
            match part {
                Part::Piece(piece) => all.extend_from_slice(piece),
                Part::Text(length) => {
                    all.extend_from_slice(&text[..*length]);
                    text = &text[*length..];
                }
            }
        }
        all
    }

    proptest! {
        #[test]
        fn whatever_a_write_takes_the_rest_stays_in_order(
            pieces in prop::collection::vec((any::<u8>(), prop_oneof![0..40_usize, 4000..9000_usize], any::<bool>()), 0..12),
            writes in prop::collection::vec(1..6000_usize, 0..40),
        ) {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for (byte, length, encoded) in pieces {
                let piece = vec![byte; length];
                expected.extend_from_slice(&piece);
                if encoded {
                    outbox.encode(|text| text.extend_from_slice(&piece));
                } else {
                    outbox.push(Bytes::from(piece));
                }
            }
            prop_assert_eq!(&rest(&outbox), &expected);
            for write in writes {
                let write = write.min(outbox.len());
                outbox.advance(write);
                expected.drain(..write);
                prop_assert_eq!(&rest(&outbox), &expected);
                prop_assert_eq!(outbox.len(), expected.len());
            }
        }
    }
}
