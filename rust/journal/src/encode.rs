//! An entry as bytes: numbers little-endian at fixed places, then texts with their lengths.
//!
//! The most that an entry can take is known before a byte of it is written, and so much room there is: nothing is
//! reckoned twice, and what does not fit leaves no trace.

use crate::entry::{CLASSES, Closed, Counts, Entry, Opened, Sent, Settled, Source, TAGS_MOST, TEXT_MOST, cut};

pub(crate) const OPENED: u8 = 1;
pub(crate) const SENT: u8 = 2;
pub(crate) const SETTLED: u8 = 3;
pub(crate) const CLOSED: u8 = 4;

/// Flags of a call beside that of a stream.
pub(crate) const SHARED: u8 = 2;
pub(crate) const RESUMED: u8 = 4;

/// The bytes of numbers, by kind; those of what is common to all first.
const COMMON: usize = 16 + 8;
const OPENED_FIXED: usize = COMMON + 8 + 1 + 2;
const SENT_FIXED: usize = COMMON + 4 * 2 + 1 + 3 * 8;
const SETTLED_FIXED: usize = COMMON + 2 * 2 + 1 + 3 * 8;
const CLOSED_FIXED: usize = COMMON + 2 * 2 + 3 * 8;

/// The longest words of our own: of a class, a fault, an outcome, a basis, a price.
const WORD_MOST: usize = 63;

/// The longest payload of each kind; of the first without its tags.
const OPENED_MOST: usize = OPENED_FIXED + 9 * (1 + TEXT_MOST);
pub(crate) const SENT_MOST: usize = SENT_FIXED + 3 * (1 + TEXT_MOST);
pub(crate) const SETTLED_MOST: usize = SETTLED_FIXED + 2 * (2 + CLASSES.len() * 8) + 4 * (1 + WORD_MOST);
pub(crate) const CLOSED_MOST: usize = CLOSED_FIXED + 2 * (1 + WORD_MOST);

/// The kind of an entry, and how long its payload can be.
pub(crate) fn bound(entry: &Entry<'_>) -> (u8, usize) {
    match entry {
        Entry::Opened(opened) => (OPENED, OPENED_MOST + opened.tags.0.len().min(TAGS_MOST)),
        Entry::Sent(_) => (SENT, SENT_MOST),
        Entry::Settled(_) => (SETTLED, SETTLED_MOST),
        Entry::Closed(_) => (CLOSED, CLOSED_MOST),
    }
}

/// Writes a payload and returns its length; `room` has as many bytes as it can be long.
pub(crate) fn write(entry: &Entry<'_>, room: &mut [u8]) -> usize {
    let mut put = Put { room, at: 0 };
    match entry {
        Entry::Opened(entry) => opened(&mut put, entry),
        Entry::Sent(entry) => sent(&mut put, entry),
        Entry::Settled(entry) => settled(&mut put, entry),
        Entry::Closed(entry) => closed(&mut put, entry),
    }
    put.at
}

fn opened(put: &mut Put<'_>, entry: &Opened<'_>) {
    let tags = &entry.tags.0[..entry.tags.0.len().min(TAGS_MOST)];
    let mut fixed = common::<OPENED_FIXED>(entry.call, entry.at_ns);
    fixed[24..32].copy_from_slice(&entry.plan.to_be_bytes());
    fixed[32] = u8::from(entry.streamed) | source(entry.source);
    fixed[33..].copy_from_slice(&small(tags.len()));
    put.bytes(&fixed);
    put.text(entry.alias);
    put.text(entry.operation);
    put.text(entry.key);
    put.text(entry.team);
    put.text(entry.user);
    put.text(entry.agent);
    put.text(entry.session);
    put.text(entry.task);
    put.bytes(tags);
    put.text(entry.model);
}

fn sent(put: &mut Put<'_>, entry: &Sent<'_>) {
    let mut fixed = common::<SENT_FIXED>(entry.call, entry.at_ns);
    fixed[24..26].copy_from_slice(&entry.attempt.to_le_bytes());
    fixed[26..28].copy_from_slice(&entry.step.to_le_bytes());
    fixed[28..30].copy_from_slice(&entry.endpoint.to_le_bytes());
    fixed[30..32].copy_from_slice(&entry.credential.to_le_bytes());
    fixed[32] = u8::from(entry.hedge) | u8::from(entry.reserved_nano_usd.is_some()) << 1;
    fixed[33..41].copy_from_slice(&entry.input_tokens.to_le_bytes());
    fixed[41..49].copy_from_slice(&entry.output_tokens.to_le_bytes());
    fixed[49..].copy_from_slice(&entry.reserved_nano_usd.unwrap_or_default().to_le_bytes());
    put.bytes(&fixed);
    put.text(entry.provider);
    put.text(entry.deployment);
    put.text(entry.model);
}

fn settled(put: &mut Put<'_>, entry: &Settled<'_>) {
    let mut fixed = common::<SETTLED_FIXED>(entry.call, entry.at_ns);
    fixed[24..26].copy_from_slice(&entry.attempt.to_le_bytes());
    fixed[26..28].copy_from_slice(&entry.status.unwrap_or_default().to_le_bytes());
    fixed[28] = u8::from(entry.first_token_ns.is_some()) | u8::from(entry.nano_usd.is_some()) << 1;
    fixed[29..37].copy_from_slice(&entry.took_ns.to_le_bytes());
    fixed[37..45].copy_from_slice(&entry.first_token_ns.unwrap_or_default().to_le_bytes());
    fixed[45..].copy_from_slice(&entry.nano_usd.unwrap_or_default().to_le_bytes());
    put.bytes(&fixed);
    put.counts(&entry.used);
    put.counts(&entry.rates);
    put.word(entry.basis);
    put.word(entry.class);
    put.word(entry.fault);
    put.word(entry.price);
}

fn closed(put: &mut Put<'_>, entry: &Closed<'_>) {
    let mut fixed = common::<CLOSED_FIXED>(entry.call, entry.at_ns);
    fixed[24..26].copy_from_slice(&entry.attempts.to_le_bytes());
    fixed[26..28].copy_from_slice(&entry.status.unwrap_or_default().to_le_bytes());
    fixed[28..36].copy_from_slice(&entry.took_ns.to_le_bytes());
    fixed[36..44].copy_from_slice(&entry.bytes_in.to_le_bytes());
    fixed[44..].copy_from_slice(&entry.bytes_out.to_le_bytes());
    put.bytes(&fixed);
    put.word(entry.outcome);
    put.word(entry.fault);
}

/// Where an answer comes from, as bits.
const fn source(source: Source) -> u8 {
    match source {
        Source::Own => 0,
        Source::Shared => SHARED,
        Source::Resumed => RESUMED,
    }
}

/// What begins all of them.
fn common<const N: usize>(call: u128, at_ns: u64) -> [u8; N] {
    let mut fixed = [0; N];
    fixed[..16].copy_from_slice(&call.to_be_bytes());
    fixed[16..24].copy_from_slice(&at_ns.to_le_bytes());
    fixed
}

/// A number that is small.
fn small(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or_default().to_le_bytes()
}

/// Where a payload is written to.
struct Put<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Put<'_> {
    /// What finds no room is left out: a bound that is wrong damages one entry and nothing else.
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let until = self.at + bytes.len();
        if let Some(here) = self.room.get_mut(self.at..until) {
            here.copy_from_slice(bytes);
            self.at = until;
        }
    }

    #[inline]
    fn length(&mut self, length: usize) {
        if let Some(here) = self.room.get_mut(self.at) {
            *here = length.to_le_bytes()[0];
            self.at += 1;
        }
    }

    fn text(&mut self, text: &str) {
        let text = cut(text);
        self.length(text.len());
        if !text.is_empty() {
            self.bytes(text.as_bytes());
        }
    }

    fn word(&mut self, word: &str) {
        self.text(if word.len() <= WORD_MOST { word } else { &word[..word.floor_char_boundary(WORD_MOST)] });
    }

    /// Which are not 0, as a set of bits; then these.
    fn counts(&mut self, counts: &Counts) {
        let (at, mut set) = (self.at, 0_u16);
        self.bytes(&[0, 0]);
        for (bit, number) in counts.0.iter().enumerate() {
            if *number > 0 {
                set |= 1 << bit;
                self.bytes(&number.to_le_bytes());
            }
        }
        if let Some(here) = self.room.get_mut(at..at + 2) {
            here.copy_from_slice(&set.to_le_bytes());
        }
    }
}
