//! Reading a body.

use crate::body::Framing;
use crate::chunked::Chunks;
use crate::refusal::Refusal;
use bytes::{Bytes, BytesMut};

/// What a look at the buffer gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// The next piece of the body, never empty.
    Piece(Bytes),
    /// The buffer has nothing more to give; read from the connection.
    More,
    /// The body is whole. What is left in the buffer belongs to the next message.
    Done,
}

/// Takes one body off the front of a buffer, piece by piece.
///
/// After a refusal, the same one comes again.
#[derive(Debug)]
pub struct Decoder {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bytes to come, never 0.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Done,
}

impl Decoder {
    /// For a body delimited like this.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunks::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Takes the next piece. Call until it says [`Decoded::More`] or [`Decoded::Done`]; trailers are checked and
    /// dropped.
    ///
    /// Refusals: those of chunks.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Refusal> {
        Ok(match &mut self.state {
            State::Done => Decoded::Done,
            State::Chunked(chunks) => chunks.decode(buffer)?,
            State::Length(_) | State::UntilClose if buffer.is_empty() => Decoded::More,
            State::UntilClose => Decoded::Piece(buffer.split().freeze()),
            State::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= take as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                Decoded::Piece(buffer.split_to(take).freeze())
            }
        })
    }

    /// Whether the body is whole and all its bytes have been taken. Often known together with the last piece.
    pub fn is_done(&self) -> bool {
        match &self.state {
            State::Done => true,
            State::Chunked(chunks) => chunks.is_done(),
            State::Length(_) | State::UntilClose => false,
        }
    }

    /// How many bytes are still to come, where that is known: 0 when done, `None` for chunks and until close.
    pub fn remaining(&self) -> Option<u64> {
        match &self.state {
            State::Length(left) => Some(*left),
            State::Chunked(_) | State::UntilClose if !self.is_done() => None,
            State::Done | State::Chunked(_) | State::UntilClose => Some(0),
        }
    }

    /// Whether the body is whole when the input ends here. A body until close is done by that.
    pub fn at_eof(&mut self) -> bool {
        if matches!(self.state, State::UntilClose) {
            self.state = State::Done;
        }
        self.is_done()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn pieces(decoder: &mut Decoder, buffer: &mut BytesMut) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Decoded::Piece(piece) = decoder.decode(buffer).unwrap() {
            pieces.push(piece);
        }
        pieces
    }

    #[test]
    fn a_length_is_counted_down_and_the_next_message_is_left() {
        let mut decoder = Decoder::new(Framing::Length(5));
        let mut buffer = BytesMut::from("hel");
        assert_eq!(decoder.remaining(), Some(5));
        assert_eq!(pieces(&mut decoder, &mut buffer), ["hel"]);
        assert_eq!((decoder.remaining(), decoder.is_done(), decoder.at_eof()), (Some(2), false, false));
        buffer.extend_from_slice(b"loGET");
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::Piece(Bytes::from("lo"))));
        assert_eq!((decoder.remaining(), decoder.is_done(), decoder.at_eof()), (Some(0), true, true));
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::Done));
        assert_eq!(buffer, "GET");
    }

    #[test]
    fn an_empty_body_is_done_before_it_is_asked_for() {
        for framing in [Framing::Empty, Framing::Length(0)] {
            let mut decoder = Decoder::new(framing);
            assert!(decoder.is_done());
            assert_eq!(decoder.decode(&mut BytesMut::from("GET")), Ok(Decoded::Done));
        }
    }

    #[test]
    fn a_body_until_close_is_whole_when_the_input_ends() {
        let mut decoder = Decoder::new(Framing::UntilClose);
        let mut buffer = BytesMut::from("all of it");
        assert_eq!(pieces(&mut decoder, &mut buffer), ["all of it"]);
        assert_eq!((decoder.remaining(), decoder.is_done()), (None, false));
        assert!(decoder.at_eof());
        assert_eq!((decoder.remaining(), decoder.is_done()), (Some(0), true));
    }

    #[test]
    fn an_end_of_input_within_chunks_is_no_whole_body() {
        let mut decoder = Decoder::new(Framing::Chunked);
        let mut buffer = BytesMut::from("2\r\nhi\r\n0\r\n");
        assert_eq!(pieces(&mut decoder, &mut buffer), ["hi"]);
        assert_eq!((decoder.remaining(), decoder.at_eof()), (None, false));
    }

    #[test]
    fn small_chunks_are_joined_and_the_end_is_known_with_the_last_of_them() {
        let mut decoder = Decoder::new(Framing::Chunked);
        let mut buffer = BytesMut::from("1\r\na\r\n2;x\r\nbc\r\n0\r\nx: y\r\n\r\nGET");
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::Piece(Bytes::from("abc"))));
        assert!(decoder.is_done());
        assert_eq!(decoder.remaining(), Some(0));
        assert_eq!(buffer, "GET");
    }

    #[test]
    fn large_pieces_are_slices_of_the_buffer() {
        let wire = format!("1\r\na\r\n400\r\n{}\r\n", "b".repeat(0x400));
        let mut buffer = BytesMut::from(wire.as_str());
        let range = buffer.as_ptr_range();
        let pieces = pieces(&mut Decoder::new(Framing::Chunked), &mut buffer);
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [1, 0x400]);
        assert!(range.contains(&pieces[1].as_ptr()));
    }

    #[test]
    fn what_stands_before_an_odd_chunk_is_delivered_before_the_refusal() {
        let mut decoder = Decoder::new(Framing::Chunked);
        let mut buffer = BytesMut::from("1\r\na\r\n1\r\nb\r\nzz\r\n");
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::Piece(Bytes::from("ab"))));
        assert_eq!(decoder.decode(&mut buffer), Err(Refusal::BadChunkSize));
        assert_eq!(decoder.decode(&mut buffer), Err(Refusal::BadChunkSize));
    }

    #[test]
    fn a_body_in_single_bytes_comes_in_few_pieces() {
        let wire = "1\r\nx\r\n".repeat(100_000) + "0\r\n\r\n";
        let mut buffer = BytesMut::from(wire.as_str());
        let pieces = pieces(&mut Decoder::new(Framing::Chunked), &mut buffer);
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 100_000);
        assert!(pieces.len() < 10, "{}", pieces.len());
    }
}
