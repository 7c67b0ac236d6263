//! What a provider says of its limits: how much there is, how much is left, when it starts anew.
//!
//! Two spellings: `x-ratelimit-{limit,remaining,reset}[-KIND]`, and `anthropic-ratelimit-KIND-{limit,remaining,reset}`.
//! Sources: OpenAI, "Rate limits in headers"; Anthropic, "Rate limits", "Response headers"; Groq and Cerebras, the pages
//! "Rate limits"; Mistral's answers. Read 2026-11.

use super::{MS_NS, SECOND_NS, until, value};
use http1::Headers;
use std::cmp::Reverse;
use std::time::Duration;

/// What limits are counted in; the first is a limit without a name. A limit by the month is not among them: it says
/// nothing about the next minutes.
const KINDS: [&str; 11] = [
    "",
    "requests",
    "tokens",
    "input-tokens",
    "output-tokens",
    "project-tokens",
    "requests-minute",
    "req-minute",
    "tokens-minute",
    "requests-day",
    "tokens-day",
];

/// From here on a bare number is a moment and no pause: seconds since 1970, and milliseconds since then.
const EPOCH_S: u64 = 1_000_000_000;
const EPOCH_MS: u64 = 100_000_000_000;

/// One limit. Numbers as they came: some providers write -1 for "not known".
#[derive(Debug, Clone, Copy, Default)]
struct Quota<'a> {
    limit: Option<&'a [u8]>,
    remaining: Option<&'a [u8]>,
    reset: Option<&'a [u8]>,
}

impl Quota<'_> {
    /// What is left, per mille. Nothing left is nothing of whatever size; more than all is all.
    fn share_permille(&self) -> Option<u32> {
        let remaining = value::count(self.remaining?)?;
        if remaining == 0 {
            return Some(0);
        }
        let limit = self.limit.and_then(value::count).filter(|limit| *limit > 0)?;
        u32::try_from(u128::from(remaining) * 1000 / u128::from(limit)).ok().or(Some(1000)).map(|share| share.min(1000))
    }

    /// In how long it starts anew: a span (`6m0s`), a moment, or a number, which is one or the other by its size.
    fn reset_in(&self, sent_ms: u64) -> Option<Duration> {
        let text = self.reset?;
        match value::count(text) {
            Some(count) if count >= EPOCH_MS => until(count, sent_ms),
            Some(count) if count >= EPOCH_S => until(count.saturating_mul(SECOND_NS / MS_NS), sent_ms),
            Some(_) => value::number(text, SECOND_NS),
            None => value::span(text).or_else(|| until(value::moment_ms(text)?, sent_ms)),
        }
    }
}

/// The share that is left of the limit nearest to its end, per mille; `None`: the provider does not say.
///
/// It steers calls elsewhere before the first of them is refused, so it is read from every answer.
pub fn remaining_permille(headers: &Headers) -> Option<u32> {
    quotas(headers).iter().filter_map(Quota::share_permille).min()
}

/// In how long the limit nearest to its end starts anew; of limits that are equally near, the last to do so.
pub(super) fn reset(headers: &Headers, sent_ms: u64) -> Option<Duration> {
    let resets = quotas(headers).into_iter().filter_map(|quota| {
        let share = quota.share_permille().unwrap_or(1000);
        quota.reset_in(sent_ms).map(|pause| (share, Reverse(pause)))
    });
    resets.min().map(|(_, Reverse(pause))| pause)
}

/// The limits in the order of [`KINDS`]; of a line that comes twice, the first. One pass over the lines.
fn quotas(headers: &Headers) -> [Quota<'_>; KINDS.len()] {
    let mut quotas = [Quota::default(); KINDS.len()];
    for (name, value) in headers.iter() {
        let Some((field, kind)) = field_and_kind(name) else { continue };
        let Some(at) = KINDS.iter().position(|known| kind.eq_ignore_ascii_case(known.as_bytes())) else { continue };
        let Quota { limit, remaining, reset } = &mut quotas[at];
        for (name, place) in [("limit", limit), ("remaining", remaining), ("reset", reset)] {
            if field.eq_ignore_ascii_case(name.as_bytes()) {
                place.get_or_insert(value);
            }
        }
    }
    quotas
}

/// `x-ratelimit-limit-tokens` is `limit` of `tokens`, and so is `anthropic-ratelimit-tokens-limit`.
fn field_and_kind(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_dash = |byte: &u8| *byte == b'-';
    if let Some(rest) = without(b"x-ratelimit-", name) {
        let end = rest.iter().position(is_dash).unwrap_or(rest.len());
        return Some((&rest[..end], rest.get(end + 1..).unwrap_or_default()));
    }
    let rest = without(b"anthropic-ratelimit-", name)?;
    let dash = rest.iter().rposition(is_dash)?;
    Some((&rest[dash + 1..], &rest[..dash]))
}

fn without<'a>(prefix: &[u8], name: &'a [u8]) -> Option<&'a [u8]> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
