//! One value exchanged in a body that is held in pieces.

use bytes::Bytes;
use std::ops::Range;

/// The body with the bytes of `range` exchanged for `value`: slices of `pieces`, nothing is copied.
///
/// Empty pieces are left out. A range that reaches past the end is cut there; one that is empty inserts.
pub fn splice(pieces: &[Bytes], range: Range<u64>, value: &Bytes) -> Vec<Bytes> {
    let mut spliced = Vec::with_capacity(pieces.len() + 2);
    let mut at = 0;
    let mut placed = false;
    for piece in pieces {
        let before = within(range.start, at, piece);
        let after = within(range.end.max(range.start), at, piece);
        at += piece.len() as u64;
        keep(&mut spliced, piece.slice(..before));
        if !placed && range.start <= at && before < piece.len() {
            keep(&mut spliced, value.clone());
            placed = true;
        }
        keep(&mut spliced, piece.slice(after..));
    }
    if !placed {
        keep(&mut spliced, value.clone());
    }
    spliced
}

/// Where `position` falls in a piece that begins at `start`: 0 when before it, its length when behind it.
fn within(position: u64, start: u64, piece: &Bytes) -> usize {
    usize::try_from(position.saturating_sub(start)).map_or(piece.len(), |offset| offset.min(piece.len()))
}

fn keep(pieces: &mut Vec<Bytes>, piece: Bytes) {
    if !piece.is_empty() {
        pieces.push(piece);
    }
}

/// `name` as a JSON string, with its quotes.
pub fn json_string(name: &str) -> Bytes {
    serde_json::to_vec(name).unwrap_or_default().into()
}

/// How many bytes the pieces hold together.
pub fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_may_cross_pieces_stand_at_either_end_or_be_inserted() {
        let pieces: Vec<Bytes> = ["ab", "", "cd", "ef"].into_iter().map(Bytes::from).collect();
        let with = |range| splice(&pieces, range, &Bytes::from("-")).concat();
        assert_eq!(with(1..5), b"a-f");
        assert_eq!(with(0..2), b"-cdef");
        assert_eq!(with(4..6), b"abcd-");
        assert_eq!(with(2..2), b"ab-cdef");
        assert_eq!(with(6..6), b"abcdef-");
        assert_eq!(with(5..99), b"abcde-");
        assert_eq!(length(&pieces), 6);
    }

    #[test]
    fn names_are_escaped_as_json() {
        assert_eq!(json_string("a\"\\\n\u{e9}"), "\"a\\\"\\\\\\n\u{e9}\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn pieces_splice_like_the_whole(lengths in prop::collection::vec(0usize..5, 0..6), ends in any::<(u8, u8)>()) {
            let whole: Vec<u8> = (0..).take(lengths.iter().sum()).collect();
            let mut rest = Bytes::from(whole.clone());
            let pieces: Vec<Bytes> = lengths.iter().map(|length| rest.split_to(*length)).collect();
            let place = |end: u8| usize::from(end) % (whole.len() + 1);
            let (start, end) = (place(ends.0).min(place(ends.1)), place(ends.0).max(place(ends.1)));
            let mut expected = whole.clone();
            expected.splice(start..end, *b"new");
            let spliced = splice(&pieces, start as u64..end as u64, &Bytes::from_static(b"new"));
            prop_assert_eq!(spliced.concat(), expected);
            prop_assert!(spliced.iter().all(|piece| !piece.is_empty()));
        }
    }
}
