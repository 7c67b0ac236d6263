//! What the encoders write, the codec reads back the same, however it is cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use bytes::BytesMut;
use http1::{Decoded, Decoder, Framing, Limits, read_request, read_response, write};
use proptest::prelude::*;
use support::Message;
use support::codec::{self, End};

/// A message to be sent.
#[derive(Debug, Clone)]
struct Sent {
    lines: Vec<(String, Vec<u8>)>,
    /// The body in the chunks in which it is sent.
    chunks: Vec<Vec<u8>>,
    framing: Sends,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sends {
    Length,
    Chunked,
}

impl Sent {
    fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.lines {
            write::line(out, name.as_bytes(), value);
        }
        let length = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        match self.framing {
            Sends::Length => write::content_length(out, length),
            Sends::Chunked => write::chunked(out),
        }
        write::end(out);
        for chunk in &self.chunks {
            match self.framing {
                Sends::Length => out.extend_from_slice(chunk),
                Sends::Chunked => {
                    write::chunk_size(out, chunk.len());
                    out.extend_from_slice(chunk);
                    write::end(out);
                }
            }
        }
        if self.framing == Sends::Chunked {
            out.extend_from_slice(write::LAST_CHUNK);
        }
    }

    /// As it should arrive. `more`: lines that stand before its own.
    fn message(&self, first: String, more: &[(&[u8], &[u8])]) -> Message {
        let body = self.chunks.concat();
        let length = body.len().to_string();
        let framing: (&[u8], &[u8]) = match self.framing {
            Sends::Length => (b"content-length", length.as_bytes()),
            Sends::Chunked => (b"transfer-encoding", b"chunked"),
        };
        let own = self.lines.iter().map(|(name, value)| (name.as_bytes(), value.trim_ascii()));
        Message::new(first, more.iter().copied().chain(own).chain([framing]), body)
    }
}

prop_compose! {
    fn sent()(
        lines in prop::collection::vec(("x-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}", "[ \t]{0,2}([!-~\u{80}-\u{ff}][ \t]?){0,20}"), 0..8),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..700), 0..8),
        framing in prop_oneof![Just(Sends::Length), Just(Sends::Chunked)],
    ) -> Sent {
        let latin = |text: String| text.chars().map(|c| u8::try_from(c).unwrap()).collect();
        Sent { lines: lines.into_iter().map(|(name, value)| (name, latin(value))).collect(), chunks, framing }
    }
}

/// `bytes` in pieces that end where `cuts` say, as shares of the whole.
fn cut<'a>(bytes: &'a [u8], cuts: &[u16]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|&cut| bytes.len() * usize::from(cut) / 65536).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let starts = [0].into_iter().chain(ends.clone());
    starts.zip(ends).map(|(start, end)| &bytes[start..end]).collect()
}

proptest! {
    #[test]
    fn requests_arrive_as_they_were_sent(
        requests in prop::collection::vec(("[A-Z]{1,32}", "/[!$-;=?-\\[\\]^_a-~]{0,60}", sent()), 1..4),
        cuts in prop::collection::vec(any::<u16>(), 0..40),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (method, target, sent) in &requests {
            prop_assume!(method != "CONNECT");
            let (base, path) = target.as_bytes().split_at(target.len() / 2);
            write::request_line(&mut bytes, method.as_bytes(), &[base, path]);
            write::line(&mut bytes, b"host", b"a:1");
            sent.encode(&mut bytes);
            expected.push(sent.message(format!("{method} {target}"), &[(b"host", b"a:1")]));
        }
        let (messages, end) = codec::requests(&cut(&bytes, &cuts));
        prop_assert_eq!(end, End::Clean);
        prop_assert_eq!(messages, expected);
    }

    #[test]
    fn answers_arrive_as_they_were_sent(
        status in (200_u16..=599).prop_filter("has a body", |status| *status != 204 && *status != 304),
        sent in sent(),
        cuts in prop::collection::vec(any::<u16>(), 0..40),
    ) {
        let mut bytes = write::CONTINUE.to_vec();
        write::status_line(&mut bytes, status);
        sent.encode(&mut bytes);
        prop_assert_eq!(codec::answer(&cut(&bytes, &cuts), false), Ok(sent.message(status.to_string(), &[])));
    }

    #[test]
    fn bodies_until_close_arrive_as_they_were_sent(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..10),
    ) {
        let mut arrives: Vec<&[u8]> = vec![b"HTTP/1.0 200 OK\r\n\r\n"];
        arrives.extend(pieces.iter().map(Vec::as_slice));
        let expected = Message::new("200".to_owned(), std::iter::empty(), pieces.concat());
        prop_assert_eq!(codec::answer(&arrives, false), Ok(expected));
    }

    #[test]
    fn any_bytes_get_a_verdict_that_does_not_depend_on_how_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n :;GET/HTP1.0chunked".to_vec())], 0..300),
        begun in any::<bool>(),
        cuts in prop::collection::vec(any::<u16>(), 0..20),
    ) {
        let start: &[u8] = if begun { b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" } else { b"" };
        let bytes = [start, &bytes].concat();
        prop_assert_eq!(codec::requests(&[&bytes]), codec::requests(&cut(&bytes, &cuts)));
        prop_assert_eq!(codec::answer(&[&bytes], false), codec::answer(&cut(&bytes, &cuts), false));
    }

    #[test]
    fn a_refusal_takes_nothing_off_the_buffer_and_comes_again(
        bytes in prop::collection::vec(prop::sample::select(b"\r\n :;GET/HTP1.0a5".to_vec()), 0..60),
    ) {
        for start in [&b""[..], b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n"] {
            let whole = [start, &bytes].concat();
            let mut buffer = BytesMut::from(&whole[..]);
            if let Err(refusal) = read_request(&mut buffer, &Limits::default()) {
                prop_assert_eq!(&buffer, &whole);
                prop_assert_eq!(read_request(&mut buffer, &Limits::default()).unwrap_err(), refusal);
            }
            let mut buffer = BytesMut::from(&whole[..]);
            if read_response(&mut buffer, false, &Limits::default()).is_err() {
                prop_assert_eq!(&buffer, &whole);
            }
        }
        let mut buffer = BytesMut::from(&bytes[..]);
        let mut decoder = Decoder::new(Framing::Chunked);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Piece(_)) => {}
                Ok(Decoded::More | Decoded::Done) => break,
                Err(refusal) => {
                    let left = buffer.clone();
                    prop_assert_eq!(decoder.decode(&mut buffer), Err(refusal));
                    prop_assert_eq!(buffer, left);
                    break;
                }
            }
        }
    }

    #[test]
    fn a_target_stays_one_word_whatever_is_in_it(target in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut out = Vec::new();
        write::request_line(&mut out, b"GET", &[b"/", &target]);
        prop_assert!(out.ends_with(b" HTTP/1.1\r\n"));
        prop_assert_eq!(memchr::memchr_iter(b' ', &out).count(), 2);
        prop_assert_eq!(memchr::memchr2_iter(b'\r', b'\n', &out).count(), 2);
    }
}
