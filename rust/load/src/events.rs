//! An event stream, as it is judged: event by event, with the time of each.

use crate::expected::stamp;
use crate::failure::{Failed, Failure, printable};
use crate::json::{self, Usage};
use crate::request::{About, Kind};
use crate::tally::Tally;
use protocol::sse::{Event, Splitter};

/// How much of an event is kept for an example.
const KEPT: usize = 300;

/// One stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    splitter: Splitter,
    pub(crate) seen: Seen,
}

/// What is known of a stream so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Events with data, `[DONE]` not counted.
    pub(crate) frames: u64,
    pub(crate) usage: Option<Usage>,
    /// When the first event with content came, the last, and how many.
    pub(crate) first_content: Option<u64>,
    pub(crate) last_content: u64,
    pub(crate) contents: u64,
    /// The raw text of all deltas, where it is asked for.
    pub(crate) text: Vec<u8>,
    is_done: bool,
    first: Option<u64>,
    previous: Option<u64>,
    last: Vec<u8>,
    failed: Option<Failed>,
}

/// What to do with the events of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Care {
    pub(crate) about: About,
    /// The text is needed.
    pub(crate) keep_text: bool,
    /// Every event is parsed.
    pub(crate) parse: bool,
}

impl Events {
    /// Forgets the stream before; memory is kept.
    pub(crate) fn reset(&mut self) {
        self.splitter = Splitter::new();
        let Seen { mut text, mut last, .. } = std::mem::take(&mut self.seen);
        text.clear();
        last.clear();
        (self.seen.text, self.seen.last) = (text, last);
    }

    /// Takes bytes that came at `at`. `tally` is there when the call counts.
    pub(crate) fn push(&mut self, bytes: &[u8], at: u64, care: Care, mut tally: Option<&mut Tally>) {
        let Self { splitter, seen } = self;
        let outcome = splitter.push(bytes, |event| seen.take(event, at, care, tally.as_deref_mut()));
        if let Err(fault) = outcome {
            seen.fail(Failure::NotEvents, fault.to_string());
            *splitter = Splitter::new();
        }
    }

    /// Judges the stream when its bytes are over.
    pub(crate) fn finish(&mut self, about: About) -> Result<(), Failed> {
        let seen = &mut self.seen;
        if seen.frames == 0 && !seen.is_done {
            seen.fail(Failure::NotEvents, "the stream holds no event");
        }
        if !seen.is_done && about.kind != Kind::Other {
            let detail = format!("no terminal event after {}; the last is {}", seen.frames, printable(&seen.last));
            seen.fail(Failure::NoEnd, detail);
        }
        seen.failed.take().map_or(Ok(()), Err)
    }

    /// What the target said of its trouble, if it did.
    pub(crate) fn take_error(&mut self) -> Option<Failed> {
        self.seen.failed.take_if(|failed| failed.class == Failure::ErrorEvent)
    }
}

impl Seen {
    fn take(&mut self, event: Event<'_>, at: u64, care: Care, tally: Option<&mut Tally>) {
        if event.data == b"[DONE]" {
            self.is_done |= matches!(care.about.kind, Kind::Chat | Kind::Completions);
            return;
        }
        self.frames += 1;
        self.first.get_or_insert(at);
        if let Some(tally) = tally {
            if let Some(previous) = self.previous {
                tally.gap.record(at.saturating_sub(previous));
            }
            if let Some(sent) = stamp(event.data) {
                tally.stamped.record(at.saturating_sub(sent));
            }
        }
        self.previous = Some(at);
        self.last.clear();
        self.last.extend_from_slice(&event.data[..event.data.len().min(KEPT)]);
        self.look(event, at, care);
    }

    fn look(&mut self, event: Event<'_>, at: u64, care: Care) {
        let data = event.data;
        let is_responses = care.about.kind == Kind::Responses;
        let name = if is_responses { name_of(event) } else { event.name };
        let start = || printable(&data[..data.len().min(KEPT)]);
        if matches!(name, b"error" | b"response.failed") || json::states_error(data) {
            self.fail(Failure::ErrorEvent, format!("the stream says: {}", start()));
        } else if !json::looks_whole(data) || (care.parse && !json::is_whole(data)) {
            self.fail(Failure::NotEvents, format!("an event is not JSON: {}", start()));
            return;
        }
        if let Some(usage) = Usage::of(data) {
            self.usage = Some(usage);
        }
        self.is_done |= is_responses && matches!(name, b"response.completed" | b"response.incomplete");
        if has_content(care.about.kind, name, data) {
            self.first_content.get_or_insert(at);
            self.last_content = at;
            self.contents += 1;
            if care.keep_text {
                self.text.extend_from_slice(text_of(care.about.kind, name, data).unwrap_or_default());
            }
        }
    }

    /// When the answer began, as its reader sees it.
    pub(crate) fn began(&self) -> Option<u64> {
        self.first_content.or(self.first)
    }

    fn fail(&mut self, class: Failure, detail: impl Into<std::borrow::Cow<'static, str>>) {
        self.failed.get_or_insert_with(|| Failed::new(class, detail));
    }
}

/// The type of an event of /responses: its name, or what its data says.
fn name_of(event: Event<'_>) -> &[u8] {
    if event.name.is_empty() {
        json::TYPE.value(event.data).and_then(json::string).unwrap_or_default()
    } else {
        event.name
    }
}

/// Whether a reader gets something to read, or a tool something to do.
fn has_content(kind: Kind, name: &[u8], data: &[u8]) -> bool {
    match kind {
        Kind::Chat => {
            let texts = [&json::CONTENT, &json::REASONING_CONTENT, &json::REASONING, &json::REFUSAL, &json::ARGUMENTS];
            texts.iter().any(|key| key.has_text(data))
                || json::TOOL_CALLS.value(data).is_some_and(|calls| json::NAME.has_text(calls))
        }
        Kind::Completions => json::TEXT.has_text(data),
        Kind::Responses => name.ends_with(b".delta"),
        Kind::Other => true,
    }
}

fn text_of<'a>(kind: Kind, name: &[u8], data: &'a [u8]) -> Option<&'a [u8]> {
    let value = match kind {
        Kind::Chat => json::CONTENT.value(json::DELTA.behind(data)?),
        Kind::Completions => json::TEXT.value(data),
        Kind::Responses if name == b"response.output_text.delta" => json::DELTA.value(data),
        Kind::Responses | Kind::Other => None,
    };
    value.and_then(json::string)
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
