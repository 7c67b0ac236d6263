//! What a token is here: up to four bytes of UTF-8 that end at the end of a character. Of ASCII text there are
//! `ceil(bytes / 4)`. A stream sends one token per event, so usage and events can be compared.

/// The tokens of a text, in order.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.floor_char_boundary(4);
        let (piece, left) = rest.split_at(end);
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How many tokens a text has.
pub(crate) fn count(text: &str) -> u32 {
    u32::try_from(pieces(text).count()).unwrap_or(u32::MAX)
}

/// Shortens a text to `most` tokens; says whether it was longer.
pub(crate) fn cut(text: &mut String, most: u32) -> bool {
    let kept: usize = pieces(text).take(usize::try_from(most).unwrap_or(usize::MAX)).map(str::len).sum();
    let longer = kept < text.len();
    text.truncate(kept);
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_four_bytes_and_never_split_a_character() {
        assert_eq!(pieces("abcdefghi").collect::<Vec<_>>(), ["abcd", "efgh", "i"]);
        assert_eq!(pieces("ab\u{1f7e6}c").collect::<Vec<_>>(), ["ab", "\u{1f7e6}", "c"]);
        assert_eq!(count(""), 0);
        let mut text = "abcdefghi".to_owned();
        assert!(cut(&mut text, 2));
        assert_eq!(text, "abcdefgh");
        assert!(!cut(&mut text, 2));
    }
}
