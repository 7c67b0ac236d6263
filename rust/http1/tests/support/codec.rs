//! The codec over a whole input, fed as a connection would feed it.

use super::Message;
use bytes::BytesMut;
use http1::{Decoded, Decoder, Framing, Limits, Refusal, read_request, read_response};

/// How reading came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was read.
    Clean,
    /// The input ended within a head or a body.
    Cut,
    /// A message was refused.
    Refused(Refusal),
    /// The last message asked to close the connection, or the one answer that was awaited has been read.
    Closed,
}

/// Bytes that arrive in pieces.
struct Wire<'a> {
    pieces: std::slice::Iter<'a, &'a [u8]>,
    buffer: BytesMut,
}

impl<'a> Wire<'a> {
    fn new(pieces: &'a [&'a [u8]]) -> Self {
        Self { pieces: pieces.iter(), buffer: BytesMut::new() }
    }

    /// Whether there was another piece.
    fn read(&mut self) -> bool {
        self.pieces.next().map(|piece| self.buffer.extend_from_slice(piece)).is_some()
    }

    fn body(&mut self, framing: Framing) -> Result<Vec<u8>, End> {
        let mut decoder = Decoder::new(framing);
        let mut body = Vec::new();
        loop {
            match decoder.decode(&mut self.buffer).map_err(End::Refused)? {
                Decoded::Piece(piece) => {
                    assert!(!piece.is_empty(), "pieces are never empty");
                    body.extend_from_slice(&piece);
                }
                Decoded::Done => return Ok(body),
                Decoded::More if self.read() => {}
                Decoded::More if decoder.at_eof() => return Ok(body),
                Decoded::More => return Err(End::Cut),
            }
        }
    }
}

/// All requests of one connection.
pub(crate) fn requests(pieces: &[&[u8]]) -> (Vec<Message>, End) {
    let mut wire = Wire::new(pieces);
    let mut messages = Vec::new();
    let end = loop {
        match next_request(&mut wire) {
            Ok((message, keep_alive)) => {
                messages.push(message);
                if !keep_alive {
                    break End::Closed;
                }
            }
            Err(end) => break end,
        }
    };
    (messages, end)
}

fn next_request(wire: &mut Wire<'_>) -> Result<(Message, bool), End> {
    let limits = Limits::default();
    let request = loop {
        match read_request(&mut wire.buffer, &limits).map_err(End::Refused)? {
            Some(request) => break request,
            None if wire.read() => {}
            None if wire.buffer.is_empty() => return Err(End::Clean),
            None => return Err(End::Cut),
        }
    };
    let body = wire.body(request.framing)?;
    let line = [request.head.method(), b" ", request.head.target()].concat();
    let first = String::from_utf8_lossy(&line).into_owned();
    Ok((Message::new(first, request.head.headers.iter(), body), request.keep_alive))
}

/// The answer to one request; interim answers before it are skipped.
pub(crate) fn answer(pieces: &[&[u8]], to_head: bool) -> Result<Message, End> {
    let mut wire = Wire::new(pieces);
    let response = loop {
        match read_response(&mut wire.buffer, to_head, &Limits::default()).map_err(End::Refused)? {
            Some(response) if response.head.status < 200 => {}
            Some(response) => break response,
            None if wire.read() => {}
            None if wire.buffer.is_empty() => return Err(End::Clean),
            None => return Err(End::Cut),
        }
    };
    let body = wire.body(response.framing)?;
    Ok(Message::new(response.head.status.to_string(), response.head.headers.iter(), body))
}

/// The name of a refusal without what it holds.
pub(crate) fn name(refusal: Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}
