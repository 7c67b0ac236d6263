//! What a good answer is, prepared for comparing.

use crate::json::Usage;
use crate::spec::Expect;
use memchr::memmem;

/// What stands before the digits of a stamp.
pub(crate) const STAMP: &[u8] = b"\"x_sim_sent_ns\":\"";
/// Digits of a stamp.
pub(crate) const STAMP_DIGITS: usize = 20;

/// The time that a provider stamped an event with, in nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn stamp(data: &[u8]) -> Option<u64> {
    let at = memmem::find(data, STAMP)? + STAMP.len();
    let digits = data.get(at..at + STAMP_DIGITS)?;
    std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// The expectation of a load.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<Exact>,
    /// As it is, and as JSON writes it, which most answers do alike.
    pub(crate) text: Option<(String, Vec<u8>)>,
    pub(crate) frames: Option<u64>,
    pub(crate) total_tokens: Option<u64>,
}

/// Bytes that an answer has to have, but for the digits of its stamps.
#[derive(Debug)]
pub(crate) struct Exact {
    bytes: Vec<u8>,
    /// Where the digits of each stamp begin.
    stamps: Vec<usize>,
    /// What these bytes state; an answer that equals them states the same.
    pub(crate) usage: Option<Usage>,
}

impl Expected {
    pub(crate) fn new(expect: Expect) -> Self {
        let text = expect.text.map(|text| {
            let quoted = serde_json::Value::from(text.as_str()).to_string().into_bytes();
            (text, quoted[1..quoted.len() - 1].to_vec())
        });
        Self {
            status: expect.status,
            body: expect.body.map(|body| Exact::new(body.into_bytes())),
            text,
            frames: expect.frames,
            total_tokens: expect.total_tokens,
        }
    }

    /// Whether a status is the expected one.
    pub(crate) const fn takes(&self, status: u16) -> bool {
        match self.status {
            Some(expected) => status == expected,
            None => matches!(status, 200..=299),
        }
    }

    /// Whether a raw JSON string holds the expected text.
    pub(crate) fn takes_text(&self, raw: &[u8]) -> bool {
        let Some((text, quoted)) = &self.text else { return true };
        if raw == quoted {
            return true;
        }
        let whole = [b"\"", raw, b"\""].concat();
        serde_json::from_slice::<String>(&whole).is_ok_and(|given| given == *text)
    }
}

impl Exact {
    fn new(bytes: Vec<u8>) -> Self {
        let behind = |at: usize| at + STAMP.len();
        let stamps = memmem::find_iter(&bytes, STAMP).map(behind).filter(|at| at + STAMP_DIGITS <= bytes.len());
        let stamps = stamps.collect();
        Self { usage: Usage::of_body(&bytes), stamps, bytes }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether `piece` stands at `offset`.
    pub(crate) fn has(&self, offset: usize, piece: &[u8]) -> bool {
        let Some(expected) = self.bytes.get(offset..offset + piece.len()) else { return false };
        let end = offset + piece.len();
        let mut from = offset;
        let first = self.stamps.partition_point(|stamp| stamp + STAMP_DIGITS <= offset);
        for &stamp in self.stamps[first..].iter().take_while(|stamp| **stamp < end) {
            let (until, next) = (stamp.max(from), (stamp + STAMP_DIGITS).min(end));
            if expected[from - offset..until - offset] != piece[from - offset..until - offset] {
                return false;
            }
            from = next;
        }
        expected[from - offset..] == piece[from - offset..]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn stamped(digits: &str) -> String {
        format!(r#"data: {{"a":1,"x_sim_sent_ns":"{digits}"}}\n\ndata: {{"b":2,"x_sim_sent_ns":"{digits}"}}"#)
    }

    #[test]
    fn stamps_may_differ_and_nothing_else_wherever_the_bytes_are_cut() {
        let exact = Exact::new(stamped("00000000000000000000").into_bytes());
        let good = stamped("12345678901234567890").into_bytes();
        for cut in 0..=good.len() {
            assert!(exact.has(0, &good[..cut]) && exact.has(cut, &good[cut..]), "{cut}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = b'~';
            let in_stamp = exact.stamps.iter().any(|stamp| (*stamp..stamp + STAMP_DIGITS).contains(&at));
            assert_eq!(exact.has(0, &bad), in_stamp, "{at}");
        }
        assert!(!exact.has(0, &[&good[..], b"x"].concat()));
        assert!(!exact.has(1, &good));
    }

    #[test]
    fn a_stamp_is_twenty_digits_and_nothing_less() {
        assert_eq!(stamp(stamped("00000000001234567890").as_bytes()), Some(1_234_567_890));
        for odd in ["", r#"{"x_sim_sent_ns":"123"}"#, r#"{"x_sim_sent_ns":"0000000000123456789x"}"#] {
            assert_eq!(stamp(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn a_text_is_compared_by_what_it_says_and_not_by_how_it_is_escaped() {
        let expect =
            Expect { status: None, body: None, text: Some("é\n\"".to_owned()), frames: None, total_tokens: None };
        let expected = Expected::new(expect);
        for (raw, same) in [(r#"é\n\""#, true), (r#"\u00e9\u000a\""#, true), ("é", false), (r#"é\n""#, false)] {
            assert_eq!(expected.takes_text(raw.as_bytes()), same, "{raw}");
        }
    }
}
