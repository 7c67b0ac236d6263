//! Streams that can be taken up again: by whoever began one, on any worker, after its connection broke.
//!
//! The last bytes of such a stream stay on its tape, and each event says in its `id` which one it is. While nobody reads,
//! the provider's answer is read on for a minute, and what has ended stays for a minute. A caller that comes back with
//! `last-event-id` gets the rest: what has come already at once, and what comes as it comes.
//!
//! Only calls whose alias says `resume` come here. The table has a few locks that are held for a look-up each.

use crate::body;
use crate::call::{Call, Lost};
use crate::reply::Answered;
use crate::serve::Server;
use crate::snapshot::Snapshot;
use crate::together::{self, Begins, Given, Told};
use admission::Caller;
use fault::{Fault, Kind};
use http1::{RequestHead, Source};
use listener::Incoming;
use plan::{Key, Priority};
use record::{Borrowed, CallSeries, Record, RequestId};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stream::{AfterLeave, Keeping, Lead, Missed, Pace, Ran, Tape, To};

/// How long the provider's answer is read on for a caller that may come back, and how long an answer that has ended is
/// kept for it.
const KEPT_NS: u64 = 60_000_000_000;
/// How many streams there are in the table at most, those that have ended included.
const CAP: usize = 10_000;
/// How many locks the table has.
const SHARDS: usize = 16;
/// How far the provider may be ahead of a caller that reads.
const AHEAD: usize = 64 << 10;

/// How far a stream is read on when nobody reads it, where the alias says `leave`.
pub(crate) fn reads_on(leave: Option<AfterLeave>) -> AfterLeave {
    leave.filter(|limits| limits.ns > KEPT_NS).unwrap_or(AfterLeave { ns: KEPT_NS, bytes: u64::MAX })
}

/// A setting as a size.
pub(crate) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// A stream that can be taken up again.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The name of the key that may.
    key: Option<Box<str>>,
    path: Box<[u8]>,
    alias: Box<str>,
    operation: &'static str,
    tape: Tape<Begins>,
    /// When it ended, in nanoseconds of the wheels; 0 while it runs.
    over_ns: AtomicU64,
}

impl Kept {
    pub(crate) fn new(key: Option<&str>, path: &[u8], series: &CallSeries, tape: Tape<Begins>) -> Self {
        let (alias, operation) = (series.alias.clone(), series.operation);
        Self { key: key.map(Box::from), path: path.into(), alias, operation, tape, over_ns: AtomicU64::new(0) }
    }
}

/// All streams that can be taken up again.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    shards: [Mutex<HashMap<RequestId, Arc<Kept>>>; SHARDS],
    /// Those that have ended, and when; oldest first.
    over: Mutex<VecDeque<(u64, RequestId)>>,
    count: AtomicUsize,
}

impl Streams {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Enters a stream; none where there are too many that still run.
    pub(crate) fn register(self: &Arc<Self>, id: RequestId, kept: Kept) -> Option<Registered> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= CAP {
            let oldest = lock(&self.over).pop_front();
            let Some((_, oldest)) = oldest else {
                self.count.fetch_sub(1, Ordering::Relaxed);
                return None;
            };
            self.remove(oldest);
        }
        lock(self.shard(id)).insert(id, Arc::new(kept));
        Some(Registered { streams: Arc::clone(self), id, is_over: false })
    }

    /// Forgets what has been over for long enough.
    pub(crate) fn sweep(&self, now_ns: u64) {
        if self.count() == 0 {
            return;
        }
        let mut over = lock(&self.over);
        while let Some((_, id)) = over.pop_front_if(|(at, _)| is_old(*at, now_ns)) {
            self.remove(id);
        }
    }

    fn find(&self, id: RequestId, now_ns: u64) -> Option<Arc<Kept>> {
        let kept = lock(self.shard(id)).get(&id).cloned()?;
        let over_ns = kept.over_ns.load(Ordering::Relaxed);
        (over_ns == 0 || !is_old(over_ns, now_ns)).then_some(kept)
    }

    fn end(&self, id: RequestId, now_ns: u64) {
        if let Some(kept) = lock(self.shard(id)).get(&id) {
            kept.over_ns.store(now_ns.max(1), Ordering::Relaxed);
        }
        lock(&self.over).push_back((now_ns, id));
    }

    fn remove(&self, id: RequestId) {
        // Its tape is dropped behind the lock.
        let removed = lock(self.shard(id)).remove(&id);
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, id: RequestId) -> &Mutex<HashMap<RequestId, Arc<Kept>>> {
        let last = id.as_str().bytes().next_back().unwrap_or_default();
        &self.shards[usize::from(last) % SHARDS]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn is_old(over_ns: u64, now_ns: u64) -> bool {
    over_ns.saturating_add(KEPT_NS) <= now_ns
}

/// The entry of a stream that runs. Dropped before the stream is over, it takes it out.
#[derive(Debug)]
pub(crate) struct Registered {
    streams: Arc<Streams>,
    id: RequestId,
    is_over: bool,
}

impl Registered {
    /// The stream has ended, or was given up.
    pub(crate) fn over(mut self, ran: Ran, now_ns: u64) {
        if ran == Ran::Ended {
            self.is_over = true;
            self.streams.end(self.id, now_ns);
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if !self.is_over {
            self.streams.remove(self.id);
        }
    }
}

/// Lets a stream be taken up again, of which `bytes` are kept. Other answers, and those that the table has no place for,
/// go on as they are.
pub(crate) fn keep(call: &Call<'_>, answered: Answered, bytes: u64, record: &mut Record) -> Answered {
    let Answered::Provider { provided, held: Some(held), again } = answered else { return answered };
    let streams = together::streams_of(call.endpoint, &provided.begun);
    let keeping = Keeping { whole: 0, last: size(bytes), ahead: AHEAD, pace: Pace::Latest };
    let (tape, writer) = Tape::new(keeping, Arc::clone(&call.server.shared.stock));
    let (id, table) = (record.request_id(), &call.server.shared.streams);
    let key = match call.caller {
        Caller::Anyone => None,
        Caller::Key(index) => Some(&*call.snapshot.compiled.plan.keys[index].name),
    };
    let kept = record.series().filter(|_| streams.is_some());
    let kept = kept.map(|series| Kept::new(key, call.head.path(), series, tape.clone()));
    let (Some(registered), Some(reader)) = (kept.and_then(|kept| table.register(id, kept)), tape.join()) else {
        return Answered::Provider { provided, held: Some(held), again };
    };
    let told = Told::of(&provided, again, streams);
    let lines = provided.lines(again, record);
    let lead = Lead::default();
    let local = Rc::clone(&call.server.local);
    let to = To { writer, lead: lead.watch(), alarm: local.alarm() };
    let answered = told.to_lead(reader, lines, (lead, id));
    to.writer.begin(Begins::Answer(told));
    let given = Given { provided, held: Some(held), record: record.hand_over() };
    let host = Rc::clone(&local);
    local.cast(async move { together::cast(given, to, &host, Some(registered)).await });
    answered
}

/// What a caller wants to take up again: a stream, and the event that it got last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked(Result<(RequestId, u64), ()>);

/// What a call takes up again, if it says so; lines of another form are none of ours.
pub(crate) fn asked(head: &RequestHead) -> Option<Asked> {
    let value = head.headers.get("last-event-id")?;
    if !value.starts_with(b"req_") || !matches!(head.method(), b"GET" | b"POST") {
        return None;
    }
    let read = || {
        let colon = value.iter().position(|byte| *byte == b':')?;
        let number = std::str::from_utf8(&value[colon + 1..]).ok()?;
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        Some((RequestId::read(&value[..colon])?, number.parse().ok().filter(|_| is_number)?))
    };
    Some(Asked(read().ok_or(())))
}

impl Server {
    /// Goes on with a stream that an earlier call began. The body of this one is read, and goes nowhere.
    pub(crate) async fn take_up(
        &self,
        snapshot: &Snapshot,
        incoming: &mut Incoming,
        by: (Asked, Option<&Key>),
        record: &mut Record,
    ) -> Result<Answered, Lost> {
        let (Asked(asked), key) = by;
        let http = &snapshot.compiled.plan.http;
        self.has_room_for(http, true, Priority::Normal)?;
        record.received(pass_over(incoming, http.max_body_bytes).await?);
        let (id, event) = asked.map_err(|()| not_found("`last-event-id` is not one that a stream from here has"))?;
        let may =
            |kept: &Arc<Kept>| kept.key.as_deref() == key.map(|key| &*key.name) && *kept.path == *incoming.head.path();
        let kept = self.shared.streams.find(id, self.wheel.now()).filter(may).ok_or_else(|| {
            not_found("No stream of this key and path has that id, or it has been over for longer than a minute")
        })?;
        let mut reader = kept.tape.after(event).map_err(|missed| match missed {
            Missed::FallenOff => Fault::new(
                Kind::StreamOutrun,
                "What followed that event is no longer kept (`resume.buffer`): send the call again",
            ),
            Missed::NotYet => not_found("That stream has not had this event"),
        })?;
        record.routed(self.meters.calls(&kept.alias, kept.operation, true));
        record.borrows(Borrowed::Resumed(id, event));
        match poll_fn(|cx| reader.poll_head(cx)).await.as_deref() {
            Some(Begins::Answer(told)) => Ok(told.to_another(reader, record.hand_over(), None)),
            Some(Begins::Lost(lost)) => Err(lost.clone()),
            None => Err(not_found("That stream has no beginning").into()),
        }
    }
}

/// Reads a body and keeps nothing of it; how long it was.
async fn pass_over(incoming: &mut Incoming, limit: u64) -> Result<u64, Fault> {
    body::check_length(incoming.length, limit, "http.max_body")?;
    let mut length = 0;
    while let Some(piece) = incoming.body.piece().await {
        length += piece?.len() as u64;
        body::check_length(Some(length), limit, "http.max_body")?;
    }
    Ok(length)
}

fn not_found(what: &'static str) -> Fault {
    Fault::new(Kind::StreamNotFound, format!("{what}: send the call again without `last-event-id`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Meters, RequestIds};

    fn kept() -> Kept {
        let series = Meters::default().calls("smart", "chat_completions", true);
        Kept::new(None, b"/v1/chat/completions", &series, Tape::new(KEEPING, Arc::default()).0)
    }

    const KEEPING: Keeping = Keeping { whole: 0, last: 0, ahead: 0, pace: Pace::Latest };

    #[test]
    fn a_stream_is_found_while_it_runs_and_for_a_minute_after() {
        let (table, id) = (Arc::<Streams>::default(), RequestIds::new(1).next());
        let registered = table.register(id, kept()).unwrap();
        assert!(table.find(id, u64::MAX - 1).is_some(), "it runs");
        registered.over(Ran::Ended, 5);
        assert!(table.find(id, 4 + KEPT_NS).is_some());
        assert!(table.find(id, 5 + KEPT_NS).is_none());
        table.sweep(4 + KEPT_NS);
        assert_eq!(table.count(), 1);
        table.sweep(5 + KEPT_NS);
        assert_eq!(table.count(), 0);
    }

    #[test]
    fn a_stream_that_is_given_up_is_forgotten_at_once() {
        let (table, ids) = (Arc::<Streams>::default(), RequestIds::new(1));
        let (one, other) = (ids.next(), ids.next());
        table.register(one, kept()).unwrap().over(Ran::GivenUp, 5);
        drop(table.register(other, kept()));
        assert_eq!(table.count(), 0);
    }

    #[test]
    fn there_are_no_more_than_so_many_and_those_that_ended_make_room_first() {
        let (table, ids) = (Arc::<Streams>::default(), RequestIds::new(1));
        let running: Vec<_> = (1..CAP).map(|_| table.register(ids.next(), kept()).unwrap()).collect();
        let over = ids.next();
        table.register(over, kept()).unwrap().over(Ran::Ended, 5);
        let last = table.register(ids.next(), kept());
        assert!(last.is_some() && table.find(over, 5).is_none());
        assert!(table.register(ids.next(), kept()).is_none());
        assert_eq!(table.count(), CAP);
        drop((running, last));
        assert_eq!(table.count(), 0);
    }

    #[test]
    fn what_a_caller_asks_for_is_a_request_and_a_number() {
        let id = RequestIds::new(7).next();
        let asked = |method: &str, value: &str| {
            let lines = [(&b"last-event-id"[..], value.as_bytes())];
            asked(&RequestHead::from_parts(method.as_bytes(), b"/v1/responses", lines.into_iter())).map(|asked| asked.0)
        };
        let of = |rest: &str| format!("{}{rest}", id.as_str());
        assert_eq!(asked("POST", &of(":12")), Some(Ok((id, 12))));
        assert_eq!(asked("GET", &of(":0")), Some(Ok((id, 0))));
        for wrong in ["", ":", ":x", ":-1", ":+1", ":1:2", ":99999999999999999999"] {
            assert_eq!(asked("GET", &of(wrong)), Some(Err(())), "{wrong}");
        }
        assert_eq!(asked("POST", "42"), None, "an id of somebody else");
        assert_eq!(asked("DELETE", &of(":1")), None);
    }
}
