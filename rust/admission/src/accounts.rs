//! All accounts of a process, by the id of their limit and the value that they are of.
//!
//! Callers choose many of the values (a session, a task), so their number is bounded: of each limit as many accounts are
//! held as the plan says. What comes beyond shares one account, `other`, until some of those that are held say nothing
//! any more and are forgotten. What is held is counted exactly, always.

use crate::account::{Account, Bucket, Now, Places, Spend, State};
use crate::saved::Saved;
use crate::sync::lock;
use hashbrown::HashTable;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Enough that workers seldom meet at one.
const SHARDS: usize = 64;
/// While a limit has no room, how often a shard is looked through for what can be forgotten.
const SWEEP_EVERY_NS: u64 = 1_000_000_000;

/// What an account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Requests or tokens in a while.
    Rate,
    /// Calls at once.
    Places,
    /// Tokens or money in a window.
    Spend,
}

impl Counts {
    fn state(self) -> State {
        match self {
            Self::Rate => State::Rate(Bucket::default()),
            Self::Places => State::Places(Places::default()),
            Self::Spend => State::Spend(Spend::default()),
        }
    }
}

/// How many values a limit may have, and how long those of a lifetime are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of one limit; at least 1.
    pub most_values: u64,
    /// Without a call, in nanoseconds.
    pub forget_ns: u64,
}

/// What there is of one limit.
#[derive(Debug, Default)]
struct Held {
    accounts: AtomicU64,
    other: Mutex<Option<Arc<Account>>>,
    /// How often a value found no room.
    beyond: AtomicU64,
}

/// Some of all accounts, each with what there is of its limit.
#[derive(Debug, Default)]
struct Shard {
    table: HashTable<(Arc<Account>, Arc<Held>)>,
    swept_ns: u64,
}

/// See the module. Its locks are held for one look-up, or for the sweep of one shard.
#[derive(Debug)]
pub struct Accounts {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    held: Mutex<HashMap<Arc<str>, Arc<Held>>>,
}

/// The accounts of one limit.
#[derive(Debug, Clone)]
pub struct OfLimit {
    /// The id of the limit.
    pub limit: Arc<str>,
    counts: Counts,
    hash: u64,
    held: Arc<Held>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            held: Mutex::default(),
        }
    }
}

impl Accounts {
    /// The accounts of a limit. Takes a lock: keep what it returns.
    pub fn of_limit(&self, limit: &str, counts: Counts) -> OfLimit {
        let mut all = lock(&self.held);
        let limit: Arc<str> = all.get_key_value(limit).map_or_else(|| Arc::from(limit), |(known, _)| Arc::clone(known));
        let held = Arc::clone(all.entry(Arc::clone(&limit)).or_default());
        OfLimit { hash: self.hasher.hash_one(&*limit), limit, counts, held }
    }

    /// The account of a value. A new one where there is room; else that of all others.
    pub fn of(&self, limit: &OfLimit, value: &str, bounds: Bounds, now: Now) -> Arc<Account> {
        let hash = self.hasher.hash_one(value).wrapping_add(limit.hash);
        let mut shard = lock(self.shard(hash));
        let is_it = |(account, _): &(Arc<Account>, Arc<Held>)| *account.value == *value && account.limit == limit.limit;
        if let Some((account, _)) = shard.table.find(hash, is_it) {
            return Arc::clone(account);
        }
        let is_full = || limit.held.accounts.load(Relaxed) >= bounds.most_values;
        if is_full() && now.steady_ns.saturating_sub(shard.swept_ns) >= SWEEP_EVERY_NS {
            shard.sweep(now, bounds.forget_ns);
        }
        if is_full() {
            drop(shard);
            limit.held.beyond.fetch_add(1, Relaxed);
            return limit.other();
        }
        let account = Arc::new(limit.account(value, false));
        let entry = (Arc::clone(&account), Arc::clone(&limit.held));
        limit.held.accounts.fetch_add(1, Relaxed);
        shard.table.insert_unique(hash, entry, |(account, _)| self.hash(account));
        account
    }

    /// Forgets what says nothing any more in one shard of many; called now and then, with a number that counts up.
    pub fn sweep(&self, turn: usize, now: Now, forget_ns: u64) {
        if let Some(shard) = self.shards.get(turn % SHARDS) {
            lock(shard).sweep(now, forget_ns);
        }
    }

    /// Shows the accounts that are held, in no order.
    pub fn each(&self, mut see: impl FnMut(&Account)) {
        for shard in &self.shards {
            lock(shard).table.iter().for_each(|(account, _)| see(account));
        }
    }

    /// The accounts as they are kept, those that say nothing any more left out.
    pub fn saved(&self, now: Now, forget_ns: u64) -> Vec<Saved> {
        let mut saved = Vec::new();
        let mut see = |account: &Account| {
            if !account.says_nothing(now, forget_ns) {
                saved.extend(account.saved());
            }
        };
        self.each(&mut see);
        for held in lock(&self.held).values() {
            lock(&held.other).iter().for_each(|account| see(account));
        }
        saved
    }

    /// The clock of rates goes back.
    pub fn set_back(&self, by_ns: u64) {
        self.each(|account| {
            if let State::Rate(bucket) = &account.state {
                bucket.set_back(by_ns);
            }
        });
    }

    /// Of each limit: its id, how many accounts are held, and how often a value found no room.
    pub fn each_limit(&self, mut see: impl FnMut(&str, u64, u64)) {
        for (limit, held) in &*lock(&self.held) {
            see(limit, held.accounts.load(Relaxed), held.beyond.load(Relaxed));
        }
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The table goes by the lowest bits and the highest ones.
        &self.shards[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS]
    }

    fn hash(&self, account: &Account) -> u64 {
        self.hasher.hash_one(&*account.value).wrapping_add(self.hasher.hash_one(&*account.limit))
    }
}

impl OfLimit {
    fn account(&self, value: &str, is_other: bool) -> Account {
        Account { limit: Arc::clone(&self.limit), value: value.into(), is_other, state: self.counts.state() }
    }

    /// The account of all values that there was no room for.
    pub(crate) fn other(&self) -> Arc<Account> {
        let mut other = lock(&self.held.other);
        Arc::clone(other.get_or_insert_with(|| Arc::new(self.account("other", true))))
    }
}

impl Shard {
    /// Forgets what says nothing and is held by no call and no plan.
    fn sweep(&mut self, now: Now, forget_ns: u64) {
        self.swept_ns = now.steady_ns;
        self.table.retain(|(account, held)| {
            let stays = Arc::strong_count(account) > 1 || !account.says_nothing(now, forget_ns);
            if !stays {
                held.accounts.fetch_sub(1, Relaxed);
            }
            stays
        });
    }
}
