//! The body of a call, and the one that continues it.

use super::Text;
use crate::outline::{Found, Outline, Place};
use crate::splice;
use bytes::Bytes;
use std::ops::Range;

/// How a server is asked to go on from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefill {
    /// It does so whenever the last message is the assistant's.
    Assistant,
    /// By `continue_final_message` in the body.
    ContinueFinalMessage,
    /// By `prefix` in the message.
    Prefix,
}

/// Fields that mean the same for what is left of an answer as for all of it, or mean nothing to it.
const HARMLESS: &[&[u8]] = &[
    b"model",
    b"messages",
    b"stream",
    b"stream_options",
    b"temperature",
    b"top_p",
    b"top_k",
    b"min_p",
    b"typical_p",
    b"seed",
    b"stop",
    b"frequency_penalty",
    b"presence_penalty",
    b"repetition_penalty",
    b"logit_bias",
    b"user",
    b"metadata",
    b"store",
    b"service_tier",
    b"safety_identifier",
    b"prompt_cache_key",
    b"prompt_cache_options",
    b"prompt_cache_retention",
    b"verbosity",
];

/// Fields of which one value, without its white space, is harmless.
const HARMLESS_AS: &[(&[u8], &[u8])] = &[
    (b"n", b"1"),
    (b"logprobs", b"false"),
    (b"top_logprobs", b"0"),
    (b"tools", b"[]"),
    (b"functions", b"[]"),
    (b"tool_choice", b"\"none\""),
    (b"function_call", b"\"none\""),
    (b"response_format", b"{\"type\":\"text\"}"),
    (b"modalities", b"[\"text\"]"),
    (b"reasoning_effort", b"\"none\""),
];

/// Fields that bound the answer in tokens.
const LIMITS: &[&[u8]] = &[b"max_tokens", b"max_completion_tokens"];

/// Who may have spoken last, as JSON: an answer to them begins anew.
const SPEAKERS: &[&[u8]] = &[b"\"user\"", b"\"system\"", b"\"developer\""];

/// The longest value that is read.
const SHORT: u64 = 64;

/// A body that asks for plain text, and the places where it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// The bracket that closes `messages`.
    messages_end: u64,
    /// The bracket that closes all.
    end: u64,
    /// The values of [`LIMITS`].
    limits: Vec<(Range<u64>, u64)>,
}

/// What a walk finds of a body.
#[derive(Debug, Default)]
struct Fields {
    /// Values at the top that have to be looked at, with the harmless one; nothing is harmless where there is none.
    odd: Vec<(Range<u64>, Option<&'static [u8]>)>,
    limits: Vec<Range<u64>>,
    messages: Option<Range<u64>>,
    /// The role in the message that was told last, and whether that was an object.
    role: Option<Range<u64>>,
    last_role: Option<Range<u64>>,
    end: u64,
}

impl Fields {
    fn see(&mut self, found: &Found<'_>) {
        let key = |place: &Place| place.key().is_some_and(|key| key == b"messages");
        match found.path {
            [] => self.end = found.range.end.saturating_sub(1),
            [top] => self.top(top.key(), found),
            [top, item] if key(top) && item.item().is_some() => {
                self.last_role = self.role.take().filter(|_| found.first == b'{');
            }
            [top, item, member] if key(top) && item.item().is_some() && member.key() == Some(b"role") => {
                self.role = Some(found.range.clone());
            }
            _ => {}
        }
    }

    fn top(&mut self, key: Option<&[u8]>, found: &Found<'_>) {
        let Some(key) = key else { return self.odd.push((found.range.clone(), None)) };
        if key == b"messages" && found.first == b'[' {
            self.messages = Some(found.range.clone());
        }
        if LIMITS.contains(&key) {
            self.limits.push(found.range.clone());
        } else if !HARMLESS.contains(&key) {
            let harmless = HARMLESS_AS.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
            self.odd.push((found.range.clone(), harmless));
        }
    }
}

impl Plain {
    /// Reads a body in its pieces, whose grammar was checked. `None` where an answer to it cannot be continued: it asks
    /// for something else than one plain text, its last message is one that an answer continues already, or it holds a
    /// field that is not known here.
    pub fn read(pieces: &[Bytes]) -> Option<Self> {
        let mut fields = Fields::default();
        let mut outline = Outline::new(3, |found: &Found<'_>| fields.see(found));
        for piece in pieces {
            outline.push(piece);
        }
        if !outline.is_whole() {
            return None;
        }
        let value = |range: &Range<u64>| short(pieces, range);
        let is_harmless = |(range, harmless): &(Range<u64>, Option<&[u8]>)| {
            value(range).is_some_and(|value| value == b"null" || Some(value.as_slice()) == *harmless)
        };
        if !fields.odd.iter().all(is_harmless) || !SPEAKERS.contains(&value(&fields.last_role?)?.as_slice()) {
            return None;
        }
        let mut limits = Vec::new();
        for range in fields.limits {
            let value = value(&range)?;
            if value != b"null" {
                limits.push((range, std::str::from_utf8(&value).ok()?.parse().ok()?));
            }
        }
        Some(Self { messages_end: fields.messages?.end - 1, end: fields.end, limits })
    }

    /// The body that goes on from `text`, with other changes made to it besides, such as another name of the model: slices
    /// of `pieces`, which are those that were read, and what is new.
    ///
    /// A limit of tokens is lowered by one for each piece of the text: that many tokens came, or more.
    pub fn continued(
        &self,
        pieces: &[Bytes],
        mut changes: Vec<(Range<u64>, Bytes)>,
        text: &Text,
        prefill: Prefill,
    ) -> Vec<Bytes> {
        let insert = |at: u64, bytes: Bytes| (at..at, bytes);
        changes.push(insert(self.messages_end, message(text, prefill)));
        if prefill == Prefill::ContinueFinalMessage {
            let flags = b",\"continue_final_message\":true,\"add_generation_prompt\":false";
            changes.push(insert(self.end, Bytes::from_static(flags)));
        }
        for (range, limit) in &self.limits {
            let left = limit.saturating_sub(text.pieces).max(1);
            changes.push((range.clone(), Bytes::from(left.to_string())));
        }
        // From behind, so that what is before a change stays where it is.
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        changes.into_iter().fold(pieces.to_vec(), |pieces, (range, value)| splice::splice(&pieces, range, &value))
    }
}

/// The message that is added.
fn message(text: &Text, prefill: Prefill) -> Bytes {
    let end: &[u8] = if prefill == Prefill::Prefix { b"\",\"prefix\":true}" } else { b"\"}" };
    [b",{\"role\":\"assistant\",\"content\":\"".as_slice(), &text.json, end].concat().into()
}

/// A short value without its white space; what stands within a string keeps its own, or loses it and fits nothing.
fn short(pieces: &[Bytes], range: &Range<u64>) -> Option<Vec<u8>> {
    if range.end - range.start > SHORT {
        return None;
    }
    let mut value = Vec::new();
    let mut at = 0;
    for piece in pieces {
        let place =
            |position: u64| usize::try_from(position.saturating_sub(at)).map_or(piece.len(), |p| p.min(piece.len()));
        value.extend(piece[place(range.start)..place(range.end)].iter().filter(|byte| !byte.is_ascii_whitespace()));
        at += piece.len() as u64;
    }
    Some(value)
}

#[cfg(test)]
mod tests;
