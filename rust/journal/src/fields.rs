//! An entry field by field, under the names that everybody else knows them by.

use crate::entry::{Closed, Counts, Entry, Opened, Sent, Settled, Source, Tags};

/// A value of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// Not known, or there is none.
    None,
    /// The id of a call; its text is `req_` and 32 hex digits.
    Call(u128),
    /// The beginning of a hash: 16 hex digits.
    Hash(u64),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A text that is not empty.
    Text(&'a str),
    /// Names and values.
    Tags(Tags<'a>),
    /// Classes of usage and their numbers.
    Counts(Counts),
}

impl Entry<'_> {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Sent(_) => "sent",
            Self::Settled(_) => "settled",
            Self::Closed(_) => "closed",
        }
    }

    /// Hands over each field but the kind, always the same ones in the same order.
    pub fn fields(&self, each: &mut dyn FnMut(&'static str, Field<'_>)) {
        each("call", Field::Call(self.call()));
        each("at_ns", Field::Number(self.at_ns()));
        match self {
            Self::Opened(entry) => opened(entry, each),
            Self::Sent(entry) => sent(entry, each),
            Self::Settled(entry) => settled(entry, each),
            Self::Closed(entry) => closed(entry, each),
        }
    }
}

fn opened(entry: &Opened<'_>, each: &mut dyn FnMut(&'static str, Field<'_>)) {
    each("plan", Field::Hash(entry.plan));
    each("stream", Field::Flag(entry.streamed));
    each("alias", text(entry.alias));
    each("operation", text(entry.operation));
    each("key", text(entry.key));
    each("team", text(entry.team));
    each("user", text(entry.user));
    each("agent", text(entry.agent));
    each("session", text(entry.session));
    each("task", text(entry.task));
    each("tags", Field::Tags(entry.tags));
    each("model", text(entry.model));
    let source = match entry.source {
        Source::Own => "",
        Source::Shared => "shared",
        Source::Resumed => "resumed",
    };
    each("source", text(source));
}

fn sent(entry: &Sent<'_>, each: &mut dyn FnMut(&'static str, Field<'_>)) {
    each("attempt", Field::Number(entry.attempt.into()));
    each("step", Field::Number(entry.step.into()));
    each("endpoint", Field::Number(entry.endpoint.into()));
    each("credential", Field::Number(entry.credential.into()));
    each("hedge", Field::Flag(entry.hedge));
    each("input_tokens", Field::Number(entry.input_tokens));
    each("output_tokens", Field::Number(entry.output_tokens));
    each("reserved_nano_usd", number(entry.reserved_nano_usd));
    each("provider", text(entry.provider));
    each("deployment", text(entry.deployment));
    each("model", text(entry.model));
}

fn settled(entry: &Settled<'_>, each: &mut dyn FnMut(&'static str, Field<'_>)) {
    each("attempt", Field::Number(entry.attempt.into()));
    each("status", number(entry.status.map(u64::from)));
    each("took_ns", Field::Number(entry.took_ns));
    each("first_token_ns", number(entry.first_token_ns));
    each("nano_usd", number(entry.nano_usd));
    each("used", Field::Counts(entry.used));
    each("rates", Field::Counts(entry.rates));
    each("basis", text(entry.basis));
    each("class", text(entry.class));
    each("fault", text(entry.fault));
    each("price", text(entry.price));
}

fn closed(entry: &Closed<'_>, each: &mut dyn FnMut(&'static str, Field<'_>)) {
    each("attempts", Field::Number(entry.attempts.into()));
    each("status", number(entry.status.map(u64::from)));
    each("took_ns", Field::Number(entry.took_ns));
    each("bytes_in", Field::Number(entry.bytes_in));
    each("bytes_out", Field::Number(entry.bytes_out));
    each("outcome", text(entry.outcome));
    each("fault", text(entry.fault));
}

fn text(text: &str) -> Field<'_> {
    if text.is_empty() { Field::None } else { Field::Text(text) }
}

fn number(number: Option<u64>) -> Field<'static> {
    number.map_or(Field::None, Field::Number)
}
