//! The fast mode: a prebuilt answer per call, for loading a gateway.
//!
//! It costs what a call must cost: one read, one search through the body, one write; a stream that is paced has one
//! write per event. Nothing is checked but the framing of the request, and whether its body contains what the options
//! expect. The whole request is read before the answer goes out; an answer that overtakes the request would flatter
//! whoever is measured.
//!
//! Totals: an answer without pauses is counted whole when it begins, since it is one write. A stream with a pace or with
//! times is counted by the event, so one that its client cuts is billed to there, and counted as cancelled.

mod stream;

use crate::connection::LIMITS;
use crate::options::Options;
use crate::provider::{self, Provider, Request};
use crate::reply::Reply;
use crate::wire::Wire;
use bytes::{Buf, Bytes};
use http1::{Decoded, Decoder, Framing};
use memchr::memmem::{Finder, find};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use stream::Stream;
use tokio::net::TcpStream;

/// The prebuilt answers and the totals.
#[derive(Debug)]
pub(crate) struct Fast {
    whole: Prebuilt,
    stream: Prebuilt,
    /// The stream where it has a pace or times; `stream` then says what a whole one states.
    paced: Option<Stream>,
    mismatch: Bytes,
    expected: Option<Finder<'static>>,
    tally: Tally,
}

/// What was done.
#[derive(Debug, Default)]
struct Tally {
    connections: AtomicU64,
    calls: AtomicU64,
    streams: AtomicU64,
    /// Paced streams whose client left before their end.
    cancelled: AtomicU64,
    mismatches: AtomicU64,
    /// Output tokens of paced streams, as far as they were sent.
    paced_tokens: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Tally {
    /// Counts one write of a paced stream.
    fn sent(&self, bytes: u64, tokens: u64) {
        self.bytes_out.fetch_add(bytes, Relaxed);
        self.paced_tokens.fetch_add(tokens, Relaxed);
    }

    fn reset(&self) {
        let counts = [&self.connections, &self.calls, &self.streams, &self.cancelled, &self.mismatches];
        for count in counts.into_iter().chain([&self.paced_tokens, &self.bytes_in, &self.bytes_out]) {
            count.store(0, Relaxed);
        }
    }
}

/// What goes out for a body.
enum Answer<'a> {
    Bytes(&'a Bytes),
    Stream(&'a Stream),
}

/// An answer as bytes on the wire, and the tokens that it states.
#[derive(Debug)]
struct Prebuilt {
    bytes: Bytes,
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Fast {
    /// Builds the answers by asking the ordinary provider once.
    pub(crate) fn new(options: &Options) -> Self {
        let plain =
            Options { bill_file: None, scenario: Vec::new(), credential: None, models: Vec::new(), ..options.clone() };
        let provider = Provider::new(plain).ok();
        let build =
            |stream: bool| provider.as_ref().map_or_else(Prebuilt::empty, |provider| Prebuilt::build(provider, stream));
        let paced = provider.as_ref().and_then(|provider| Stream::new(ask(provider, true).reply, options.stamps));
        let mismatch = Reply::json(
            400,
            &json!({"error": {"message": "The body does not contain what was expected.",
            "type": "invalid_request_error", "param": null, "code": "unexpected_body"}}),
        );
        Self {
            whole: build(false),
            stream: build(true),
            paced,
            mismatch: bytes_of(mismatch),
            expected: options.expect_body_contains.as_ref().map(|text| Finder::new(text).into_owned()),
            tally: Tally::default(),
        }
    }

    /// The answer to a body, counted; a paced one is counted as it goes out.
    fn answer(&self, body: &[u8]) -> Answer<'_> {
        let tally = &self.tally;
        tally.calls.fetch_add(1, Relaxed);
        tally.bytes_in.fetch_add(body.len() as u64, Relaxed);
        let answer = if self.expected.as_ref().is_some_and(|expected| expected.find(body).is_none()) {
            tally.mismatches.fetch_add(1, Relaxed);
            &self.mismatch
        } else if asks_for_stream(body) {
            tally.streams.fetch_add(1, Relaxed);
            if let Some(paced) = &self.paced {
                return Answer::Stream(paced);
            }
            &self.stream.bytes
        } else {
            &self.whole.bytes
        };
        tally.bytes_out.fetch_add(answer.len() as u64, Relaxed);
        Answer::Bytes(answer)
    }

    fn page(&self) -> Value {
        let tally = &self.tally;
        let count = |of: &AtomicU64| of.load(Relaxed);
        let (calls, streams, mismatches) = (count(&tally.calls), count(&tally.streams), count(&tally.mismatches));
        let whole = calls.saturating_sub(streams + mismatches);
        let prompt = whole * self.whole.prompt_tokens + streams * self.stream.prompt_tokens;
        let streamed =
            if self.paced.is_some() { count(&tally.paced_tokens) } else { streams * self.stream.completion_tokens };
        let completion = whole * self.whole.completion_tokens + streamed;
        json!({"totals": {
            "connections": count(&tally.connections), "calls": calls, "streams": streams,
            "cancelled": count(&tally.cancelled), "mismatches": mismatches,
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "bytes_in": count(&tally.bytes_in), "bytes_out": count(&tally.bytes_out),
        }})
    }
}

impl Prebuilt {
    fn build(provider: &Provider, stream: bool) -> Self {
        let answer = ask(provider, stream);
        Self {
            prompt_tokens: answer.note.map_or(0, |note| u64::from(note.prompt_tokens)),
            completion_tokens: answer.reply.pieces.iter().map(|piece| u64::from(piece.tokens)).sum(),
            bytes: bytes_of(answer.reply),
        }
    }

    const fn empty() -> Self {
        Self { bytes: Bytes::new(), prompt_tokens: 0, completion_tokens: 0 }
    }
}

/// The answer of the ordinary provider to a short call.
fn ask(provider: &Provider, stream: bool) -> provider::Answer {
    let options = if stream { r#","stream_options":{"include_usage":true}"# } else { "" };
    let body =
        format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"hello"}}],"stream":{stream}{options}}}"#);
    let lines: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/json")];
    let head = http1::RequestHead::from_parts(b"POST", b"/v1/chat/completions", lines.into_iter());
    provider.answer(&Request { head, body: Bytes::from(body) })
}

/// An answer in one piece, without its pauses.
fn bytes_of(reply: Reply) -> Bytes {
    let writes = reply.script(false).steps.into_iter().filter_map(|step| match step {
        crate::reply::Step::Write(bytes, _) => Some(bytes),
        crate::reply::Step::Wait(_) => None,
    });
    Bytes::from(writes.fold(Vec::new(), |mut all, bytes| {
        all.extend_from_slice(&bytes);
        all
    }))
}

/// Whether the body has `"stream": true`. Inside a string the quotes would be escaped, so a prompt cannot look like it.
fn asks_for_stream(body: &[u8]) -> bool {
    let mut rest = body;
    while let Some(at) = find(rest, b"\"stream\"") {
        rest = rest[at + 8..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b":") {
            return value.trim_ascii_start().starts_with(b"true");
        }
    }
    false
}

/// Serves one connection. A stop ends it wherever it stands: the future is dropped.
pub(crate) async fn serve(socket: TcpStream, fast: &Fast, provider: &Provider) {
    fast.tally.connections.fetch_add(1, Relaxed);
    let mut connection = Connection { wire: Wire::new(socket), copy: Vec::new() };
    while connection.call(fast, provider).await == Some(true) {}
}

struct Connection {
    wire: Wire,
    /// The stream with its times, once there was one.
    copy: Vec<u8>,
}

impl Connection {
    /// One call; says whether the connection goes on. `None`: it has ended.
    async fn call(&mut self, fast: &Fast, provider: &Provider) -> Option<bool> {
        let wire = &mut self.wire;
        let request = loop {
            match http1::read_request(&mut wire.buffer, &LIMITS) {
                Ok(Some(request)) => break request,
                Ok(None) => wire.fill().await.ok()?,
                Err(_) => return None,
            }
        };
        if request.expects_continue && wire.buffer.is_empty() {
            wire.send(http1::write::CONTINUE).await.ok()?;
        }
        let keep = request.keep_alive;
        match request.framing {
            Framing::Length(length) => {
                let length = usize::try_from(length).ok()?;
                while wire.buffer.len() < length {
                    let missing = length - wire.buffer.len();
                    wire.read(missing.clamp(16 * 1024, 1024 * 1024)).await.ok()?;
                }
                let answer = fast.answer(&wire.buffer[..length]);
                wire.buffer.advance(length);
                self.send(answer, &fast.tally).await?;
            }
            Framing::Empty if request.head.method() == b"GET" || request.head.method() == b"POST" => {
                let reply = page(fast, provider, &request.head);
                wire.send(&bytes_of(reply)).await.ok()?;
            }
            framing => {
                let body = whole(wire, framing).await?;
                self.send(fast.answer(&body), &fast.tally).await?;
            }
        }
        Some(keep)
    }

    async fn send(&mut self, answer: Answer<'_>, tally: &Tally) -> Option<()> {
        match answer {
            Answer::Bytes(bytes) => self.wire.send(bytes).await.ok(),
            Answer::Stream(stream) => {
                let sent = stream.send(&mut self.wire, &mut self.copy, tally).await;
                tally.cancelled.fetch_add(u64::from(sent.is_err()), Relaxed);
                sent.ok()
            }
        }
    }
}

/// A body that comes in chunks, copied together.
async fn whole(wire: &mut Wire, framing: Framing) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(framing);
    let mut body = Vec::new();
    loop {
        match decoder.decode(&mut wire.buffer).ok()? {
            Decoded::Piece(piece) => body.extend_from_slice(&piece),
            Decoded::Done => return Some(body),
            Decoded::More => wire.fill().await.ok()?,
        }
    }
}

/// What is asked for without a body: the totals, or a page of the ordinary provider.
fn page(fast: &Fast, provider: &Provider, head: &http1::RequestHead) -> Reply {
    match (head.method(), head.path()) {
        (b"GET", b"/bill" | b"/v1/bill") => Reply::json(200, &fast.page()),
        (b"POST", b"/bill/reset" | b"/v1/bill/reset") => {
            fast.tally.reset();
            Reply::json(200, &json!({"reset": true}))
        }
        _ => provider.answer(&Request { head: head.clone(), body: Bytes::new() }).reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_recognised_in_any_spelling_and_not_in_a_prompt() {
        assert!(asks_for_stream(br#"{"stream":true}"#));
        assert!(asks_for_stream(b"{\"stream\" :\n true}"));
        assert!(!asks_for_stream(br#"{"stream":false}"#));
        assert!(!asks_for_stream(br#"{"content":"\"stream\":true"}"#));
        assert!(asks_for_stream(br#"{"content":"stream","x":"stream","stream":true}"#));
    }

    #[test]
    fn the_prebuilt_answers_are_whole() {
        let fast = Fast::new(&Options { fast: true, ..Options::default() });
        assert!(fast.whole.bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && fast.whole.bytes.ends_with(b"}"));
        assert!(fast.stream.bytes.ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"));
        assert!(fast.whole.completion_tokens > 0 && fast.stream.completion_tokens == fast.whole.completion_tokens);
    }
}
