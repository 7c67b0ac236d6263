//! The streams that can be taken up again, by the ids of the calls that began them.
//!
//! All workers share the table. It has a few locks, which are held for a look-up each.

use crate::call::Call;
use crate::together::Begins;
use admission::Caller;
use record::{CallSeries, Record, RequestId};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stream::{Ran, Tape};

/// How long the provider's answer is read on for a caller that may come back, and how long an answer that has ended is
/// kept for it.
pub(super) const KEPT_NS: u64 = 60_000_000_000;
/// How many streams there are in the table at most, those that have ended included.
const CAP: usize = 10_000;
/// How many locks the table has.
const SHARDS: usize = 16;

/// A stream that can be taken up again.
#[derive(Debug)]
pub(crate) struct KeptStream {
    /// The name of the key that may.
    key: Option<Box<str>>,
    path: Box<[u8]>,
    pub(super) alias: Box<str>,
    pub(super) operation: &'static str,
    pub(super) tape: Tape<Begins>,
    /// When it ended, in nanoseconds of the wheels; 0 while it runs.
    over_ns: AtomicU64,
}

impl KeptStream {
    /// What `call` has begun to write on a tape; none where it is not known yet what it is counted as.
    pub(super) fn of(call: &Call<'_>, record: &Record, tape: &Tape<Begins>) -> Option<Self> {
        let key = match call.caller {
            Caller::Anyone => None,
            Caller::Key(index) => Some(&*call.snapshot.compiled.plan.keys[index].name),
        };
        Some(Self::new(key, call.head.path(), record.series()?, tape.clone()))
    }

    fn new(key: Option<&str>, path: &[u8], series: &CallSeries, tape: Tape<Begins>) -> Self {
        let (alias, operation) = (series.alias.clone(), series.operation);
        Self { key: key.map(Box::from), path: path.into(), alias, operation, tape, over_ns: AtomicU64::new(0) }
    }

    /// Whether this key may take it up on this path.
    pub(super) fn is_of(&self, key: Option<&str>, path: &[u8]) -> bool {
        self.key.as_deref() == key && *self.path == *path
    }
}

/// All streams that can be taken up again.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    shards: [Mutex<HashMap<RequestId, Arc<KeptStream>>>; SHARDS],
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
    pub(crate) fn register(self: &Arc<Self>, id: RequestId, kept: KeptStream) -> Option<Registered> {
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

    pub(super) fn find(&self, id: RequestId, now_ns: u64) -> Option<Arc<KeptStream>> {
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

    fn shard(&self, id: RequestId) -> &Mutex<HashMap<RequestId, Arc<KeptStream>>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Meters, RequestIds};
    use stream::{Keeping, Pace};

    fn kept() -> KeptStream {
        let series = Meters::default().calls("smart", "chat_completions", true);
        KeptStream::new(None, b"/v1/chat/completions", &series, Tape::new(KEEPING, Arc::default()).0)
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
}
