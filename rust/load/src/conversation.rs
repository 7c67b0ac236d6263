//! Chats that grow: each call sends all that was said before, as an agent does.
//!
//! What was said is kept as the bytes of a JSON list, and the assistant's answers as they came, escapes and all: nothing
//! is parsed and written again.

use crate::request::{About, Heads, Kind};
use crate::spec::Calls;
use http1::write;
use random::Rng;

/// What all conversations of a load share.
#[derive(Debug)]
pub(crate) struct Script {
    /// A head without `content-length` and without its end.
    head: Vec<u8>,
    /// The body up to the messages, the system's included.
    start: Vec<u8>,
    /// The body behind the messages.
    end: Vec<u8>,
    prompt_bytes: usize,
    turns: u32,
    seed: u64,
    pub(crate) about: About,
}

impl Script {
    /// `None` for loads without conversations.
    pub(crate) fn new(calls: &Calls, heads: &Heads<'_>, seed: u64) -> Option<Self> {
        let Calls::Conversation { path, model, system, prompt_bytes, turns, stream, max_tokens } = calls else {
            return None;
        };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let first = match system.as_str() {
            "" => String::new(),
            system => format!(r#"{{"role":"system","content":{}}}"#, quoted(system)),
        };
        let start = format!(r#"{{"model":{},"messages":[{first}"#, quoted(model));
        let usage = if *stream { r#","stream_options":{"include_usage":true}"# } else { "" };
        let bound = max_tokens.map(|most| format!(r#","max_tokens":{most}"#)).unwrap_or_default();
        Some(Self {
            head: heads.open(path, &[]),
            start: start.into_bytes(),
            end: format!(r#"],"stream":{stream}{usage}{bound}}}"#).into_bytes(),
            prompt_bytes: *prompt_bytes,
            turns: *turns,
            seed,
            about: About { kind: Kind::Chat, streams: *stream },
        })
    }
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    rng: Rng,
    turn: u32,
    /// The body so far: up to the last message.
    said: Vec<u8>,
    /// How much of `said` both sides agreed on.
    agreed: usize,
}

impl Conversation {
    /// The words depend on the seed and on `number` alone.
    pub(crate) fn new(script: &Script, number: u64) -> Self {
        let said = script.start.clone();
        Self { rng: Rng::of(script.seed ^ 0x7461_6c6b, number), turn: 0, agreed: said.len(), said }
    }

    /// Says something and writes the request to `out`, which is cleared.
    pub(crate) fn ask(&mut self, script: &Script, out: &mut Vec<u8>) {
        self.said.truncate(self.agreed);
        self.speak(b"user", |said, rng| words(said, rng, script.prompt_bytes));
        out.clear();
        out.extend_from_slice(&script.head);
        write::content_length(out, (self.said.len() + script.end.len()) as u64);
        write::end(out);
        out.extend_from_slice(&self.said);
        out.extend_from_slice(&script.end);
    }

    /// Takes the answer, the raw content of a JSON string; `None`: there was no good one. Then, and after the last turn,
    /// it starts anew.
    pub(crate) fn hear(&mut self, script: &Script, answer: Option<&[u8]>) {
        self.turn += 1;
        match answer {
            Some(answer) if self.turn < script.turns => {
                self.speak(b"assistant", |said, _| said.extend_from_slice(answer));
                self.agreed = self.said.len();
            }
            _ => {
                self.turn = 0;
                self.agreed = script.start.len();
            }
        }
    }

    fn speak(&mut self, role: &[u8], content: impl FnOnce(&mut Vec<u8>, &mut Rng)) {
        if self.said.last() == Some(&b'}') {
            self.said.push(b',');
        }
        self.said.extend_from_slice(b"{\"role\":\"");
        self.said.extend_from_slice(role);
        self.said.extend_from_slice(b"\",\"content\":\"");
        content(&mut self.said, &mut self.rng);
        self.said.extend_from_slice(b"\"}");
    }
}

const SYLLABLES: [&[u8]; 16] = [
    b"ka", b"lo", b"mi", b"ren", b"su", b"ta", b"vel", b"no", b"di", b"per", b"an", b"gos", b"he", b"zu", b"bri", b"ot",
];

/// Appends words of one to four syllables, exactly so many bytes in all.
fn words(out: &mut Vec<u8>, rng: &mut Rng, bytes: usize) {
    let end = out.len() + bytes;
    while out.len() < end {
        for _ in 0..=below(rng, 4) {
            out.extend_from_slice(SYLLABLES[below(rng, SYLLABLES.len())]);
        }
        out.push(b' ');
    }
    out.truncate(end);
}

/// Evenly spread over 0 <= x < `count`, a power of two; as it always was, so that a seed's conversations stay the same.
fn below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.bits() >> 32).unwrap_or(0) % count
}
