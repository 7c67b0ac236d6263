//! An answer as data: pieces with pauses, which faults may bend before they become bytes on a socket.

use bytes::Bytes;
use http1::write;
use std::borrow::Cow;
use std::time::Duration;

/// A pause that lasts until the other side leaves.
pub const FOREVER: Duration = Duration::MAX;

/// What is sent for one request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// 200..=599.
    pub status: u16,
    /// Header lines without framing.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body, in the order of sending.
    pub pieces: Vec<Piece>,
    /// How the body is delimited.
    pub framing: Framing,
    /// What the pieces are.
    pub dialect: Dialect,
    /// What is done to the bytes on their way out.
    pub oddities: Oddities,
    /// What becomes of the connection.
    pub end: End,
}

/// A part of a body that is sent at once.
#[derive(Debug, Clone)]
pub struct Piece {
    /// One whole event of a stream, or the whole body.
    pub bytes: Bytes,
    /// How long to wait before it; [`FOREVER`] is allowed.
    pub wait: Duration,
    /// How many output tokens it carries, for the bill.
    pub tokens: u32,
    /// What it is.
    pub role: Role,
}

impl Piece {
    /// A piece that is sent at once and carries no tokens.
    pub fn new(role: Role, bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), wait: Duration::ZERO, tokens: 0, role }
    }
}

/// What a piece is within its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A whole body, or the head of a stream: no content yet.
    Whole,
    /// An event that opens or closes something.
    Frame,
    /// An event with text.
    Content,
    /// An event with a part of a tool's arguments.
    Arguments,
    /// The event that says why the answer ends.
    Finish,
    /// The event with the usage, where it has one of its own.
    Usage,
    /// The last event.
    Terminal,
}

/// The wire format of the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One body, no stream.
    Whole,
    /// Events of chat completions or completions: `data:` lines, `[DONE]` at the end.
    Chat,
    /// Events of the Responses API, and of others that name their events.
    Named,
}

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By its length; `Some` states another one than the true.
    Length(Option<u64>),
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// There is no body: 204, 304.
    Nothing,
}

/// What becomes of the connection after the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It takes the next request.
    Keep,
    /// It is closed, after what was sent has been read.
    Close,
    /// It is reset at once.
    Reset,
    /// It stays open and silent.
    Silence,
    /// It looks kept, and is reset when the next request comes.
    ResetAtNext,
}

/// What faults do to the bytes of an otherwise sound answer.
#[derive(Debug, Clone, Default)]
pub struct Oddities {
    /// Sent or waited before the head.
    pub before: Vec<Step>,
    /// Nothing but `before` is sent.
    pub headless: bool,
    /// Sent instead of the head.
    pub raw_head: Option<Bytes>,
    /// The head goes out in parts of so many bytes, so far apart.
    pub head_pace: Option<(usize, Duration)>,
    /// How pieces become chunks.
    pub chunks: Chunks,
    /// Sent after the end of the body.
    pub trailing: Option<Bytes>,
}

/// How pieces become chunks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chunks {
    /// A chunk each.
    #[default]
    PerPiece,
    /// A chunk and a write for each byte.
    PerByte,
    /// The second chunk has a size that is no number.
    BadSize,
    /// A chunk each, and no last chunk.
    Unfinished,
}

/// One thing that a connection does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes, which carry so many output tokens.
    Write(Bytes, u32),
    /// Do nothing for so long; [`FOREVER`] is allowed.
    Wait(Duration),
}

/// All that a connection does for one request.
#[derive(Debug, Clone)]
pub struct Script {
    /// In this order.
    pub steps: Vec<Step>,
    /// And then this.
    pub end: End,
    /// The status that is sent; `None` when no head is.
    pub status: Option<u16>,
}

impl Reply {
    /// An answer with one body.
    pub fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(Cow::Borrowed("content-type"), content_type.to_owned())],
            pieces: vec![Piece::new(Role::Whole, body)],
            framing: Framing::Length(None),
            dialect: Dialect::Whole,
            oddities: Oddities::default(),
            end: End::Keep,
        }
    }

    /// An answer with one JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::whole(status, "application/json", body.to_string())
    }

    /// A stream of events.
    pub fn events(dialect: Dialect, pieces: Vec<Piece>) -> Self {
        let mut reply = Self::whole(200, "text/event-stream; charset=utf-8", Bytes::new());
        reply.pieces = pieces;
        reply.framing = Framing::Chunked;
        reply.dialect = dialect;
        reply
    }

    /// Adds a header line.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// Replaces a header line, or adds it.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.headers.retain(|(line, _)| line != name);
        self.headers.push((Cow::Borrowed(name), value.into()));
    }

    /// The number of bytes of the body, before framing.
    pub fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX)).sum()
    }

    /// The answer as steps. `head_only`: the request was HEAD, so the head stands alone.
    pub fn script(mut self, head_only: bool) -> Script {
        let mut out = Steps { done: std::mem::take(&mut self.oddities.before), pending: Vec::new(), tokens: 0 };
        if self.oddities.headless {
            return Script { steps: out.finish(), end: self.end, status: None };
        }
        let head = self.head();
        match self.oddities.head_pace {
            None => out.push(&head, 0),
            Some((bytes, pause)) => {
                for part in head.chunks(bytes.max(1)) {
                    out.wait(pause);
                    out.push(part, 0);
                }
            }
        }
        if !head_only {
            self.body(&mut out);
        }
        Script { steps: out.finish(), end: self.end, status: Some(self.status) }
    }

    fn head(&self) -> Vec<u8> {
        if let Some(raw) = &self.oddities.raw_head {
            return raw.to_vec();
        }
        let mut head = Vec::with_capacity(512);
        write::status_line(&mut head, self.status);
        for (name, value) in &self.headers {
            write::line(&mut head, name.as_bytes(), value.as_bytes());
        }
        match self.framing {
            Framing::Length(stated) => write::content_length(&mut head, stated.unwrap_or_else(|| self.length())),
            Framing::Chunked => write::chunked(&mut head),
            Framing::UntilClose | Framing::Nothing => {}
        }
        let named = self.headers.iter().any(|(name, _)| name == "connection");
        if !named && matches!(self.end, End::Close) && self.framing != Framing::Chunked {
            write::line(&mut head, b"connection", b"close");
        }
        write::end(&mut head);
        head
    }

    fn body(&self, out: &mut Steps) {
        if self.framing == Framing::Nothing {
            return;
        }
        for (index, piece) in self.pieces.iter().enumerate() {
            out.wait(piece.wait);
            if self.framing == Framing::Chunked {
                out.flush();
                self.chunk(index, piece, out);
                out.flush();
            } else {
                out.push(&piece.bytes, piece.tokens);
            }
        }
        let finished = !matches!(self.oddities.chunks, Chunks::Unfinished | Chunks::BadSize);
        if self.framing == Framing::Chunked && finished {
            out.push(write::LAST_CHUNK, 0);
        }
        if let Some(trailing) = &self.oddities.trailing {
            out.push(trailing, 0);
        }
    }

    fn chunk(&self, index: usize, piece: &Piece, out: &mut Steps) {
        if piece.bytes.is_empty() {
            return;
        }
        match self.oddities.chunks {
            Chunks::PerPiece | Chunks::Unfinished => out.chunk(&piece.bytes, piece.tokens),
            Chunks::BadSize if index == 0 && self.pieces.len() > 1 => out.chunk(&piece.bytes, piece.tokens),
            Chunks::BadSize => out.push(b"xyz\r\n", 0),
            Chunks::PerByte => {
                for (at, byte) in piece.bytes.chunks(1).enumerate() {
                    out.chunk(byte, if at == 0 { piece.tokens } else { 0 });
                    out.flush();
                }
            }
        }
    }
}

/// Collects steps; writes without a pause between them become one, unless flushed.
struct Steps {
    done: Vec<Step>,
    pending: Vec<u8>,
    tokens: u32,
}

impl Steps {
    const TOGETHER: usize = 64 * 1024;

    fn push(&mut self, bytes: &[u8], tokens: u32) {
        self.pending.extend_from_slice(bytes);
        self.tokens += tokens;
        if self.pending.len() > Self::TOGETHER {
            self.flush();
        }
    }

    fn chunk(&mut self, bytes: &[u8], tokens: u32) {
        write::chunk_size(&mut self.pending, bytes.len());
        self.pending.extend_from_slice(bytes);
        self.push(b"\r\n", tokens);
    }

    fn wait(&mut self, pause: Duration) {
        if !pause.is_zero() {
            self.flush();
            self.done.push(Step::Wait(pause));
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let bytes = Bytes::from(std::mem::take(&mut self.pending));
            self.done.push(Step::Write(bytes, std::mem::take(&mut self.tokens)));
        }
    }

    fn finish(mut self) -> Vec<Step> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn bytes(script: &Script) -> Vec<u8> {
        let writes = script.steps.iter().filter_map(|step| match step {
            Step::Write(bytes, _) => Some(bytes.to_vec()),
            Step::Wait(_) => None,
        });
        writes.collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_whole_answer_is_one_write() {
        let script = Reply::json(200, &serde_json::json!({"a": 1})).script(false);
        assert_eq!(script.steps.len(), 1);
        let text = String::from_utf8(bytes(&script)).unwrap();
        assert!(text.contains("content-length: 7\r\n") && text.ends_with("\r\n\r\n{\"a\":1}"), "{text}");
    }

    #[test]
    fn a_stream_is_a_chunk_per_event_and_a_last_chunk() {
        let pieces = vec![Piece::new(Role::Content, "data: 1\n\n"), Piece::new(Role::Terminal, "data: [DONE]\n\n")];
        let script = Reply::events(Dialect::Chat, pieces).script(false);
        let text = String::from_utf8(bytes(&script)).unwrap();
        assert!(text.ends_with("9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");
        assert_eq!(script.steps.len(), 4);
    }

    #[test]
    fn an_answer_to_head_states_the_length_and_has_no_body() {
        let text = String::from_utf8(bytes(&Reply::whole(200, "text/plain", "four").script(true))).unwrap();
        assert!(text.contains("content-length: 4\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }
}
