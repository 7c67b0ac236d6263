//! The chunked coding. Source: RFC 9112, 7.1.

use crate::decoder::Decoded;
use crate::diagnose;
use crate::refusal::Refusal;
use bytes::{Buf, BytesMut};

/// The longest extension of one chunk, in bytes.
const EXTENSION: usize = 256;
/// All extensions of one body, in bytes.
const EXTENSIONS: usize = 16 * 1024;
/// All trailer lines of one body, in bytes.
const TRAILERS: usize = 8 * 1024;
/// Chunks below this many bytes are joined when several are there.
const SMALL: usize = 512;
/// A joined piece is not longer than this.
const JOINED: usize = 16 * 1024;
/// The most digits of a size: 64 bits.
const SIZE_DIGITS: usize = 16;

/// Where in the coding the front of the buffer is.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    /// Bytes of extensions so far.
    extensions: usize,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Size,
    /// Within data; bytes to come, never 0.
    Data(u64),
    DataEnd,
    /// Within the trailers; bytes so far.
    Trailers(usize),
    Done,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { at: At::Size, extensions: 0 }
    }

    /// The next piece. Small chunks that stand in the buffer one after the other are joined: one allocation instead of a
    /// piece, and a write, for each.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Refusal> {
        let first = match self.frame(buffer)? {
            Ahead::More => return Ok(Decoded::More),
            Ahead::Done => return Ok(Decoded::Done),
            Ahead::Data(bytes) => self.take(buffer, bytes),
        };
        let mut joined = Vec::new();
        // A refusal further on is found again by the next call.
        while first.len() < SMALL
            && let Ok(Ahead::Data(bytes @ ..SMALL)) = self.frame(buffer)
        {
            if joined.is_empty() {
                joined.reserve_exact(first.len() + buffer.len().min(JOINED));
                joined.extend_from_slice(&first);
            }
            if joined.len() + bytes > joined.capacity() {
                break;
            }
            joined.extend_from_slice(&self.take(buffer, bytes));
        }
        Ok(Decoded::Piece(if joined.is_empty() { first.freeze() } else { joined.into() }))
    }

    /// Takes framing off the buffer up to the next data.
    fn frame(&mut self, buffer: &mut BytesMut) -> Result<Ahead, Refusal> {
        loop {
            match self.at {
                At::Done => return Ok(Ahead::Done),
                _ if buffer.is_empty() => return Ok(Ahead::More),
                At::Data(left) => {
                    return Ok(Ahead::Data(usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len())));
                }
                At::Size => {
                    let Some(line) = read_size(buffer)? else { return Ok(Ahead::More) };
                    if self.extensions + line.extension > EXTENSIONS {
                        return Err(Refusal::ExtensionTooLong);
                    }
                    self.extensions += line.extension;
                    buffer.advance(line.bytes);
                    self.at = if line.size == 0 { At::Trailers(0) } else { At::Data(line.size) };
                }
                At::DataEnd => {
                    let Some(()) = read_line_end(buffer)? else { return Ok(Ahead::More) };
                    buffer.advance(2);
                    self.at = At::Size;
                }
                At::Trailers(seen) => {
                    let Some(line) = read_trailer(buffer, TRAILERS - seen)? else { return Ok(Ahead::More) };
                    buffer.advance(line);
                    self.at = if line == 2 { At::Done } else { At::Trailers(seen + line) };
                }
            }
        }
    }

    /// Takes data, of which so much is there.
    fn take(&mut self, buffer: &mut BytesMut, bytes: usize) -> BytesMut {
        if let At::Data(left) = self.at {
            self.at = match left.saturating_sub(bytes as u64) {
                0 => At::DataEnd,
                left => At::Data(left),
            };
        }
        buffer.split_to(bytes)
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.at, At::Done)
    }
}

/// What stands at the front of the buffer once the framing is gone.
enum Ahead {
    /// Data, so many bytes of it; never 0.
    Data(usize),
    /// Nothing yet.
    More,
    /// The end of the body.
    Done,
}

/// A line that states the size of a chunk.
struct SizeLine {
    size: u64,
    /// Of its extension, from the semicolon on.
    extension: usize,
    /// Of the whole line.
    bytes: usize,
}

/// Departures: no blank may stand before an extension, as it may in RFC 9112, 7.1.1, for the sake of old senders.
fn read_size(buffer: &[u8]) -> Result<Option<SizeLine>, Refusal> {
    let mut size: u64 = 0;
    let mut digits = 0;
    for digit in buffer.iter().map_while(|&byte| char::from(byte).to_digit(16)) {
        digits += 1;
        if digits > SIZE_DIGITS {
            return Err(Refusal::BadChunkSize);
        }
        size = size << 4 | u64::from(digit);
    }
    let rest = &buffer[digits..];
    match rest {
        [_, ..] if digits == 0 => Err(Refusal::BadChunkSize),
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some(SizeLine { size, extension: 0, bytes: digits + 2 })),
        [b';', ..] => {
            let extension = read_extension(rest)?;
            Ok(extension.map(|extension| SizeLine { size, extension, bytes: digits + extension + 2 }))
        }
        _ => Err(Refusal::BadChunkSize),
    }
}

/// The bytes of an extension, from its semicolon to before its CRLF.
fn read_extension(rest: &[u8]) -> Result<Option<usize>, Refusal> {
    let end = rest.iter().position(|&byte| byte.is_ascii_control() && byte != b'\t');
    if end.unwrap_or(rest.len()) > EXTENSION {
        return Err(Refusal::ExtensionTooLong);
    }
    match end.map(|end| &rest[end..]) {
        None | Some([b'\r']) => Ok(None),
        Some([b'\r', b'\n', ..]) => Ok(end),
        Some(_) => Err(Refusal::BadExtension),
    }
}

fn read_line_end(buffer: &[u8]) -> Result<Option<()>, Refusal> {
    match buffer {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some(())),
        _ => Err(Refusal::BadChunkEnd),
    }
}

/// The bytes of the next trailer line, its end included, of which at most `room` are left; 2: the empty line.
fn read_trailer(buffer: &[u8], room: usize) -> Result<Option<usize>, Refusal> {
    let Some(end) = memchr::memchr(b'\n', &buffer[..buffer.len().min(room)]) else {
        return if buffer.len() < room { Ok(None) } else { Err(Refusal::TrailersTooLarge) };
    };
    let line = buffer[..end].strip_suffix(b"\r").ok_or(Refusal::BadTrailer)?;
    if !line.is_empty() && diagnose::header_line(line, 0).is_some() {
        return Err(Refusal::BadTrailer);
    }
    Ok(Some(end + 1))
}
