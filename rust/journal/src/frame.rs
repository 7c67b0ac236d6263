//! How records lie in a segment: eight bytes before each payload, everything at multiples of eight.
//!
//! The first word of a record is its length and its kind, the second its checksum. The first is written last: where it
//! is 0, nothing has been written yet, or not all of it. The checksum starts from the segment's salt, the word and the
//! record's place, so a record counts only where it was written, and no text of a caller can pass for one.

use crate::encode::CLOSED;

/// The bytes before a payload.
pub(crate) const HEAD: usize = 8;
/// The longest payload: what the largest entry takes, with room for later versions.
pub(crate) const MOST: usize = 8 << 10;
/// How far kinds of later versions may go.
const KINDS_MOST: u8 = 31;

/// The first word of a record.
#[inline]
pub(crate) fn word(kind: u8, length: usize) -> u32 {
    u32::from(kind) << 24 | u32::try_from(length).unwrap_or_default() & 0x00ff_ffff
}

/// Kind and length of what a word is before; none where no version writes such a word.
pub(crate) fn parts(word: u32) -> Option<(u8, usize)> {
    let (kind, length) = (word.to_le_bytes()[3], (word & 0x00ff_ffff) as usize);
    ((1..=KINDS_MOST).contains(&kind) && length <= MOST).then_some((kind, length))
}

/// The checksum of a record that stands at `offset`.
#[inline]
pub(crate) fn check(salt: u32, offset: u64, word: u32, payload: &[u8]) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the place, as far as 32 bits tell it")]
    let place = (offset / 8) as u32;
    crc32c::crc32c_append(salt ^ word ^ place, payload)
}

/// The bytes that a payload of this length takes with all around it.
pub(crate) const fn space(length: usize) -> usize {
    (HEAD + length).next_multiple_of(8)
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Nothing: the word is 0.
    Blank,
    /// A record whose checksum is right.
    Record { kind: u8, payload: &'a [u8] },
    /// Something else.
    Bad,
}

/// Reads what stands at `offset`, where `bytes` begin.
pub(crate) fn read(salt: u32, offset: u64, bytes: &[u8]) -> Frame<'_> {
    let Some((head, behind)) = bytes.split_first_chunk::<HEAD>() else { return Frame::Bad };
    let both = u64::from_le_bytes(*head);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half, and the upper one")]
    let (word, sum) = (both as u32, (both >> 32) as u32);
    if word == 0 {
        return Frame::Blank;
    }
    let Some((kind, length)) = parts(word) else { return Frame::Bad };
    match behind.get(..length) {
        Some(payload) if check(salt, offset, word, payload) == sum => Frame::Record { kind, payload },
        _ => Frame::Bad,
    }
}

const _: () = assert!(CLOSED <= KINDS_MOST);
