//! Entries of the journal, counted into accounts.

use super::file::{Checkpoint, VERSION};
use super::open::OpenCall;
use super::since::Since;
use admission::{Limits, Meets, Now, Past, Saved};
use journal::{Closed, Entry, Opened, Position, Settled};
use std::collections::HashMap;
use std::sync::Arc;

/// How often a part of the accounts is looked through for what says nothing any more: as a process that serves does.
const SWEEP_EVERY_NS: u64 = 250_000_000;
/// All parts have their turn.
const TURNS: u64 = 64;

/// What was counted until now.
#[derive(Debug)]
pub(super) struct Tally {
    limits: Arc<Limits>,
    /// Of each rule, since when it counts.
    since_ns: Vec<u64>,
    open: HashMap<u128, OpenCall>,
    last_ns: u64,
    swept_ns: u64,
    turn: usize,
    /// Accounts of limits that are not in force.
    others: Vec<Saved>,
}

impl Tally {
    /// Goes on from a checkpoint, in the accounts of `limits`.
    pub(super) fn new(limits: &Arc<Limits>, since: &Since, from: Option<Checkpoint>) -> Self {
        let (last_ns, open, accounts) = from.map(|from| (from.last_ns, from.open, from.accounts)).unwrap_or_default();
        let others = limits.restore(accounts, at(last_ns));
        let mut tally = Self {
            limits: Arc::clone(limits),
            since_ns: since.by_rule(limits),
            open: HashMap::new(),
            last_ns,
            swept_ns: last_ns,
            turn: 0,
            others,
        };
        for call in open {
            tally.open(call);
        }
        tally
    }

    /// Counts an entry.
    pub(super) fn count(&mut self, entry: &Entry<'_>) {
        self.last_ns = self.last_ns.max(entry.at_ns());
        self.sweep();
        match entry {
            Entry::Opened(opened) => self.opened(opened),
            Entry::Sent(sent) => {
                if let Some(call) = self.open.get_mut(&sent.call) {
                    call.sends(sent);
                }
            }
            Entry::Settled(settled) => self.settled(settled),
            Entry::Closed(closed) => self.closed(closed),
        }
    }

    /// The calls that are open, in the order in which they were let in.
    pub(super) fn open_calls(&self) -> Vec<&OpenCall> {
        let mut open: Vec<_> = self.open.values().collect();
        open.sort_by_key(|call| (call.opened_ns, call.call));
        open
    }

    /// The time of the last entry.
    pub(super) const fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// The accounts go on at this moment. A clock that was set back since the last entry would make every bucket seem
    /// emptier than it is, by as much.
    pub(super) fn set_clock(&self, now_ns: u64) {
        let ahead_ns = self.last_ns.saturating_sub(now_ns);
        if ahead_ns > 0 {
            self.limits.accounts().set_back(ahead_ns);
        }
    }

    /// What is kept of limits that are not in force is of no use to this process.
    pub(super) fn forget_others(&mut self) {
        self.others.clear();
    }

    /// All that a later one needs to go on from here.
    pub(super) fn checkpoint(&self, position: &Position) -> Checkpoint {
        let Self { limits, last_ns, others, .. } = self;
        let mut accounts = limits.accounts().saved(self.settled_at(), limits.forget_ns());
        accounts.extend(others.iter().cloned());
        accounts.sort_by(|one, other| (&one.limit, &one.value).cmp(&(&other.limit, &other.value)));
        let open = self.open_calls().into_iter().cloned().collect();
        Checkpoint { version: VERSION, position: position.to_string(), last_ns: *last_ns, open, accounts }
    }

    fn opened(&mut self, opened: &Opened<'_>) {
        self.open(OpenCall::new(opened));
    }

    /// Its accounts are found when it is let in: of values that come later some may find no place of their own.
    fn open(&mut self, mut call: OpenCall) {
        call.meets = self.limits.met_by_names(&call.names(), at(self.last_ns));
        self.open.insert(call.call, call);
    }

    /// An attempt is over, as far as the limits of its target are concerned.
    fn settled(&mut self, settled: &Settled<'_>) {
        let Some(call) = self.open.get_mut(&settled.call) else { return };
        let let_in_ns = call.opened_ns;
        let Some((attempt, used)) = call.settles(settled) else { return };
        let meets = self.limits.met_at_names(attempt.deployment.as_deref(), &attempt.provider, at(self.last_ns));
        let past = Past { taken_ns: attempt.sent_ns, ended_ns: settled.at_ns, used };
        self.replay(&meets, let_in_ns, &past);
    }

    /// A call is over, as far as all other limits are.
    fn closed(&mut self, closed: &Closed<'_>) {
        let Some(call) = self.open.remove(&closed.call) else { return };
        let Some(used) = call.used() else { return };
        let past = Past { taken_ns: call.opened_ns, ended_ns: closed.at_ns, used };
        self.replay(&call.meets, call.opened_ns, &past);
    }

    fn replay(&self, meets: &Meets, let_in_ns: u64, past: &Past) {
        let was_in_force = |rule: usize| self.since_ns.get(rule).is_some_and(|since_ns| *since_ns <= let_in_ns);
        meets.iter().filter(|met| was_in_force(met.rule)).for_each(|met| self.limits.replay(met, past));
    }

    /// The moment at which what an account says is judged. What a call that is open will take of a rate, it takes as of
    /// when it was let in: what was owed then is not forgotten before.
    fn settled_at(&self) -> Now {
        let oldest_ns = self.open.values().map(|call| call.opened_ns).min();
        Now { steady_ns: oldest_ns.unwrap_or(self.last_ns).min(self.last_ns), unix_ns: self.last_ns }
    }

    /// Forgets what a process that serves would have forgotten by now.
    fn sweep(&mut self) {
        let due = self.last_ns.saturating_sub(self.swept_ns) / SWEEP_EVERY_NS;
        if due == 0 {
            return;
        }
        self.swept_ns = self.last_ns;
        let now = self.settled_at();
        for _ in 0..due.min(TURNS) {
            self.limits.accounts().sweep(self.turn, now, self.limits.forget_ns());
            self.turn = self.turn.wrapping_add(1);
        }
    }
}

/// A moment of the past: the steady clock goes on from the system's.
const fn at(unix_ns: u64) -> Now {
    Now { steady_ns: unix_ns, unix_ns }
}
