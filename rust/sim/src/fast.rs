//! The fast mode: a prebuilt answer per call, for loading a gateway.
//!
//! It costs what a call must cost: one read, one search through the body, one write. Nothing is checked but the framing
//! of the request, and whether its body contains what the options expect. The whole request is read before the answer
//! goes out; an answer that overtakes the request would flatter whoever is measured.

use crate::connection::LIMITS;
use crate::options::Options;
use crate::provider::{Provider, Request};
use crate::reply::Reply;
use crate::wire::Wire;
use bytes::{Buf, Bytes};
use http1::{Decoded, Decoder, Framing};
use memchr::memmem::{Finder, find};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::net::TcpStream;

/// The prebuilt answers and the totals.
#[derive(Debug)]
pub(crate) struct Fast {
    whole: Prebuilt,
    stream: Prebuilt,
    mismatch: Bytes,
    expected: Option<Finder<'static>>,
    connections: AtomicU64,
    calls: AtomicU64,
    streams: AtomicU64,
    mismatches: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
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
        let mismatch = Reply::json(
            400,
            &json!({"error": {"message": "The body does not contain what was expected.",
            "type": "invalid_request_error", "param": null, "code": "unexpected_body"}}),
        );
        Self {
            whole: build(false),
            stream: build(true),
            mismatch: bytes_of(mismatch),
            expected: options.expect_body_contains.as_ref().map(|text| Finder::new(text).into_owned()),
            connections: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            mismatches: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// The answer to a body, counted.
    fn answer(&self, body: &[u8]) -> &Bytes {
        self.calls.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(body.len() as u64, Relaxed);
        let answer = if self.expected.as_ref().is_some_and(|expected| expected.find(body).is_none()) {
            self.mismatches.fetch_add(1, Relaxed);
            &self.mismatch
        } else if asks_for_stream(body) {
            self.streams.fetch_add(1, Relaxed);
            &self.stream.bytes
        } else {
            &self.whole.bytes
        };
        self.bytes_out.fetch_add(answer.len() as u64, Relaxed);
        answer
    }

    fn page(&self) -> Value {
        let (calls, streams) = (self.calls.load(Relaxed), self.streams.load(Relaxed));
        let mismatches = self.mismatches.load(Relaxed);
        let whole = calls.saturating_sub(streams + mismatches);
        let sum = |of: fn(&Prebuilt) -> u64| whole * of(&self.whole) + streams * of(&self.stream);
        let (prompt, completion) = (sum(|p| p.prompt_tokens), sum(|p| p.completion_tokens));
        json!({"totals": {
            "connections": self.connections.load(Relaxed), "calls": calls, "streams": streams, "mismatches": mismatches,
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "bytes_in": self.bytes_in.load(Relaxed), "bytes_out": self.bytes_out.load(Relaxed),
        }})
    }

    fn reset(&self) {
        let counters =
            [&self.connections, &self.calls, &self.streams, &self.mismatches, &self.bytes_in, &self.bytes_out];
        for counter in counters {
            counter.store(0, Relaxed);
        }
    }
}

impl Prebuilt {
    fn build(provider: &Provider, stream: bool) -> Self {
        let options = if stream { r#","stream_options":{"include_usage":true}"# } else { "" };
        let body = format!(
            r#"{{"model":"chat","messages":[{{"role":"user","content":"hello"}}],"stream":{stream}{options}}}"#
        );
        let lines: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/json")];
        let head = http1::RequestHead::from_parts(b"POST", b"/v1/chat/completions", lines.into_iter());
        let answer = provider.answer(&Request { head, body: Bytes::from(body) });
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
    fast.connections.fetch_add(1, Relaxed);
    let mut wire = Wire::new(socket);
    while call(&mut wire, fast, provider).await == Some(true) {}
}

/// One call; says whether the connection goes on. `None`: it has ended.
async fn call(wire: &mut Wire, fast: &Fast, provider: &Provider) -> Option<bool> {
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
            wire.send(answer).await.ok()?;
        }
        Framing::Empty if request.head.method() == b"GET" || request.head.method() == b"POST" => {
            let reply = page(fast, provider, &request.head);
            wire.send(&bytes_of(reply)).await.ok()?;
        }
        framing => {
            let body = whole(wire, framing).await?;
            wire.send(fast.answer(&body)).await.ok()?;
        }
    }
    Some(keep)
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
            fast.reset();
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
