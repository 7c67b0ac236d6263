//! Identical calls at the same time: which are, and which are open.
//!
//! Calls are identical when nothing that a provider could see tells them apart: the same key, path, query and body, byte
//! for byte, and the same header lines, less those that only name or trace a call. They are looked up by a keyed hash
//! of all that and then compared with all that, so that no collision gives anybody another's answer. Each worker knows
//! the calls that are open on it, and no other core is asked.
//!
//! Only calls whose answer is meant to be the same each time share one: embeddings, moderations, and whatever asks for
//! `temperature: 0` and for nothing that is done at the provider, since that would be done once instead of twice.

use crate::call::{Call, Named, Spelling};
use crate::overload::Kept;
use crate::together::Begins;
use admission::Caller;
use bytes::Bytes;
use http1::RequestHead;
use protocol::openai::paths::Endpoint;
use record::RequestId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::rc::{Rc, Weak};
use stream::{Keeping, Pace, Reader, Tape};

/// An answer that is no longer than this, in bytes, can be joined until its end; a longer one until this much has come.
/// The slowest of those who share may be so far behind.
pub(crate) const SHARED: Keeping = Keeping { whole: 1 << 20, last: 0, ahead: 1 << 20, pace: Pace::Slowest };

/// Where the body asks for `temperature: 0`, the answer is meant to be the same.
const WITH_TEMPERATURE: &[&str] = &["chat/completions", "completions", "responses"];
/// There is no temperature, and the answer is the same.
const WITHOUT: &[&str] = &["embeddings", "moderations"];

/// Header lines that name or trace one call and change nothing in its answer.
const NAMES: &[&[u8]] = &[
    b"b3",
    b"idempotency-key",
    b"sentry-trace",
    b"traceparent",
    b"tracestate",
    b"uber-trace-id",
    b"x-amzn-trace-id",
    b"x-client-request-id",
    b"x-cloud-trace-context",
    b"x-correlation-id",
    b"x-request-id",
    b"x-stainless-retry-count",
];
/// The same, by how they begin.
const FAMILIES: &[&[u8]] = &[b"x-b3-", b"x-datadog-"];

/// Whether the answers to such a call are meant to be the same.
pub(crate) fn is_repeatable(endpoint: &Endpoint, named: &Named) -> bool {
    matches!(named.spelling, Spelling::Json)
        && (WITHOUT.contains(&endpoint.path)
            || (named.peek.asks.no_temperature()
                && WITH_TEMPERATURE.contains(&endpoint.path)
                && !named.acts_at_provider()))
}

/// All that could make the answer to one call another than that to the next.
#[derive(Debug)]
pub(crate) struct Same {
    /// Of the plan: after a reload calls may lead elsewhere.
    epoch: u64,
    key: Option<usize>,
    /// How long the caller itself waits: who waits longer must not be told that it is over.
    within_ms: Option<u64>,
    /// Path and query.
    target: Vec<u8>,
    /// Names in lower case.
    lines: Vec<u8>,
    body: Vec<Bytes>,
}

impl Same {
    pub(crate) fn of(call: &Call<'_>, named: &Named) -> Self {
        Self::new((call.snapshot.epoch, call.caller, call.within_ms), call.head, named.pieces.clone())
    }

    fn new(of: (u64, Caller, Option<u64>), head: &RequestHead, body: Vec<Bytes>) -> Self {
        let (epoch, caller, within_ms) = of;
        let key = match caller {
            Caller::Anyone => None,
            Caller::Key(index) => Some(index),
        };
        let mut lines = Vec::with_capacity(512);
        upstream::forwarded(head, |name, value| {
            if !names_a_call(name) {
                lines.extend(name.iter().map(u8::to_ascii_lowercase));
                lines.push(b':');
                lines.extend_from_slice(value);
                lines.push(b'\n');
            }
        });
        Self { epoch, key, within_ms, target: head.target().to_vec(), lines, body }
    }

    fn length(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }
}

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        let heads = (self.epoch, self.key, self.within_ms, &self.target, &self.lines);
        heads == (other.epoch, other.key, other.within_ms, &other.target, &other.lines)
            && self.length() == other.length()
            && have_equal_bytes(&self.body, &other.body)
    }
}

impl Eq for Same {}

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.epoch, self.key, self.within_ms, &self.target, &self.lines, self.length()).hash(state);
        // A body may have come in other pieces.
        self.body.iter().for_each(|piece| state.write(piece));
    }
}

/// Whether two bodies of the same length are the same, however they are cut up.
fn have_equal_bytes(a: &[Bytes], b: &[Bytes]) -> bool {
    let (mut a, mut b) = (a.iter().map(|piece| &piece[..]), b.iter().map(|piece| &piece[..]));
    let (mut left, mut right): (&[u8], &[u8]) = (&[], &[]);
    loop {
        while left.is_empty() {
            let Some(next) = a.next() else { return true };
            left = next;
        }
        while right.is_empty() {
            let Some(next) = b.next() else { return true };
            right = next;
        }
        let both = left.len().min(right.len());
        if left[..both] != right[..both] {
            return false;
        }
        (left, right) = (&left[both..], &right[both..]);
    }
}

fn names_a_call(name: &[u8]) -> bool {
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || FAMILIES
            .iter()
            .any(|family| name.get(..family.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(family)))
}

/// The calls of one worker that others may join. The hash is keyed at random.
#[derive(Debug, Default)]
pub(crate) struct Flights(RefCell<HashMap<Rc<Same>, Flight>>);

#[derive(Debug)]
struct Flight {
    id: RequestId,
    tape: Tape<Begins>,
    /// Its copy of the body, to compare others with.
    _kept: Kept,
}

impl Flights {
    /// A reader of the answer to an identical call, and the id of that call; none where no such call can be joined.
    pub(crate) fn join(&self, same: &Same) -> Option<(Reader<Begins>, RequestId)> {
        let flights = self.0.borrow();
        let flight = flights.get(same)?;
        Some((flight.tape.join()?, flight.id))
    }

    /// Lets others join a call from here on, in the place of one that can be joined no more.
    pub(crate) fn enter(self: &Rc<Self>, same: Same, id: RequestId, tape: Tape<Begins>, kept: Kept) -> Entered {
        let same = Rc::new(same);
        self.0.borrow_mut().insert(Rc::clone(&same), Flight { id, tape, _kept: kept });
        Entered { flights: Rc::downgrade(self), same, id }
    }
}

/// A call that others may join, for as long as this is not dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    flights: Weak<Flights>,
    same: Rc<Same>,
    id: RequestId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(flights) = self.flights.upgrade()
            && let Entry::Occupied(flight) = flights.0.borrow_mut().entry(Rc::clone(&self.same))
            && flight.get().id == self.id
        {
            flight.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::BuildHasher;
    use std::hash::RandomState;

    fn head(target: &str, lines: &[(&str, &str)]) -> RequestHead {
        let lines = lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        RequestHead::from_parts(b"POST", target.as_bytes(), lines)
    }

    fn same(lines: &[(&str, &str)]) -> Same {
        Same::new((1, Caller::Key(0), None), &head("/v1/embeddings", lines), vec![Bytes::from_static(b"{}")])
    }

    #[test]
    fn what_a_provider_could_see_tells_calls_apart() {
        let usual = || same(&[("x-a", "1")]);
        assert_eq!(usual(), usual());
        let body = || vec![Bytes::from_static(b"{}")];
        for other in [
            Same::new((2, Caller::Key(0), None), &head("/v1/embeddings", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Key(1), None), &head("/v1/embeddings", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Anyone, None), &head("/v1/embeddings", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Key(0), Some(5)), &head("/v1/embeddings", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Key(0), None), &head("/v1/moderations", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Key(0), None), &head("/v1/embeddings?a", &[("x-a", "1")]), body()),
            Same::new((1, Caller::Key(0), None), &head("/v1/embeddings", &[("x-a", "2")]), body()),
            Same::new(
                (1, Caller::Key(0), None),
                &head("/v1/embeddings", &[("x-a", "1"), ("openai-beta", "x")]),
                body(),
            ),
            Same::new(
                (1, Caller::Key(0), None),
                &head("/v1/embeddings", &[("x-a", "1")]),
                vec![Bytes::from_static(b"{ }")],
            ),
            Same::new(
                (1, Caller::Key(0), None),
                &head("/v1/embeddings", &[("x-a", "1")]),
                vec![Bytes::from_static(b"[]")],
            ),
        ] {
            assert_ne!(usual(), other);
        }
    }

    #[test]
    fn ids_traces_and_what_stays_here_do_not() {
        for name in ["X-Request-Id", "traceparent", "X-B3-TraceId", "x-stainless-retry-count", "Authorization", "Host"]
        {
            assert_eq!(same(&[(name, "1"), ("X-A", "1")]), same(&[(name, "2"), ("x-a", "1")]), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_body_is_the_same_however_it_came(
            body in "[ab]{0,12}",
            other in "[ab]{0,12}",
            cuts in prop::collection::vec(0..13_usize, 0..4),
        ) {
            let cut = |body: &str| {
                let mut at: Vec<_> = cuts.iter().map(|cut| *cut.min(&body.len())).chain([0, body.len()]).collect();
                at.sort_unstable();
                at.windows(2).map(|ends| Bytes::copy_from_slice(&body.as_bytes()[ends[0]..ends[1]])).collect()
            };
            let of = |pieces| Same::new((1, Caller::Anyone, None), &head("/", &[]), pieces);
            let (whole, pieces) = (of(vec![Bytes::copy_from_slice(body.as_bytes())]), of(cut(&body)));
            prop_assert_eq!(&whole, &pieces);
            let state = RandomState::new();
            prop_assert_eq!(state.hash_one(&whole), state.hash_one(&pieces));
            prop_assert_eq!(whole == of(cut(&other)), body == other);
        }
    }
}
