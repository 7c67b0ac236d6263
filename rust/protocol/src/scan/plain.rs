//! The inner loops over strings.

/// How many bytes are looked at together while nothing special is among them.
const BLOCK: usize = 32;

/// Two words, which is what is looked at together near the front.
const PAIR: usize = 16;

/// How many pairs: text that people and programs write has an escape every few dozen bytes (a line's end, a quote), so
/// that most runs are found without a block.
const NEAR: usize = 4;

/// How many bytes at the front are neither a quote, a backslash nor a control character.
///
/// Three conditions in one pass: a search for the quote and the backslash alone (`memchr2`) would leave the control
/// characters to a second one. Near the front, arithmetic on two words at a time finds the place at once; beyond that,
/// blocks without any are passed in a form that compilers turn into vector instructions.
pub(crate) fn run(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    for _ in 0..NEAR {
        let Some((pair, after)) = rest.split_first_chunk::<PAIR>() else { break };
        if let Some(place) = first_special(pair) {
            return bytes.len() - rest.len() + place;
        }
        rest = after;
    }
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().fold(0, |any, &byte| any | u8::from(is_special(byte))) != 0 {
            break;
        }
        rest = after;
    }
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let marks = special_bytes(u64::from_le_bytes(*word));
        if marks != 0 {
            return bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let tail = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + tail
}

/// Where the first special byte of a pair of words stands.
#[inline]
fn first_special(pair: &[u8; PAIR]) -> Option<usize> {
    let both = u128::from_le_bytes(*pair);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let (low, high) = (special_bytes(both as u64), special_bytes((both >> 64) as u64));
    match (low, high) {
        (0, 0) => None,
        (0, _) => Some(8 + high.trailing_zeros() as usize / 8),
        _ => Some(low.trailing_zeros() as usize / 8),
    }
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The high bit of the lowest special byte of `word` is set, and no lower one; the bits above it may be wrong.
///
/// Source: the zero-byte test of Mycroft; a borrow runs upwards only, from a byte that is a hit itself. The three tests
/// share the part that leaves out bytes from 0x80 up, since no comparison changes a high bit.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let slash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    (quote | slash | control) & !word & HIGH
}

/// The byte that `\` and `byte` stand for, unless `byte` is `u` or wrong.
pub(crate) const fn simple_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        _ => None,
    }
}

/// The length of the escape whose backslash stands before `rest`, if it is whole and right.
#[inline]
pub(super) fn whole_escape(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(1),
        [b'u', a, b, c, d, ..] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()).then_some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_value_at_each_place_is_found_or_passed() {
        for byte in 0..=u8::MAX {
            for place in 0..70 {
                let mut text = vec![b'x'; 75];
                text[place] = byte;
                assert_eq!(run(&text), if is_special(byte) { place } else { 75 }, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn an_escape_is_whole_exactly_where_its_byte_stands_for_something() {
        for byte in 0..=u8::MAX {
            assert_eq!(whole_escape(&[byte, b'x']), simple_escape(byte).map(|_| 1), "{byte}");
        }
        for (rest, length) in [(&b"u00e9x"[..], Some(5)), (b"u00g9x", None), (b"u00e", None), (b"", None)] {
            assert_eq!(whole_escape(rest), length);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn the_run_ends_where_a_plain_search_ends(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(run(&bytes), expected);
        }

        #[test]
        fn the_lowest_mark_is_right_in_any_word(word in any::<u64>()) {
            let expected = word.to_le_bytes().iter().position(|byte| is_special(*byte));
            let marks = special_bytes(word);
            prop_assert_eq!((marks != 0).then(|| marks.trailing_zeros() as usize / 8), expected);
        }
    }
}
