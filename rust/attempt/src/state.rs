//! The live state behind all targets, by stable ids.

use crate::balance::Load;
use crate::budget::{Bucket, Ratio};
use crate::estimate::Estimate;
use crate::health::{Board, Health};
use crate::hedge::{Purse, Share, Tail};
use crate::limit::Limit;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Things by id. The lock is taken when a plan is compiled and when metrics are read, never by a call.
#[derive(Debug)]
pub(crate) struct Registry<T>(Mutex<HashMap<Box<str>, Arc<T>>>);

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Registry<T> {
    /// What has this id, new if nothing had it.
    pub(crate) fn get(&self, id: &str, new: impl FnOnce() -> T) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(id.into()).or_insert_with(|| Arc::new(new())))
    }

    /// Forgets what nobody else holds.
    fn prune(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, held| Arc::strong_count(held) > 1);
    }

    fn each(&self, mut see: impl FnMut(&str, &T)) {
        for (id, held) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            see(id, held);
        }
    }
}

/// The live state of everything that attempts touch; one for each process. It outlives plans: a reload changes what is
/// asked of it, and not what is known.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) healths: Board,
    pub(crate) buckets: Registry<Bucket>,
    pub(crate) ratios: Registry<Ratio>,
    pub(crate) limits: Registry<Limit>,
    pub(crate) loads: Registry<Load>,
    pub(crate) tails: Registry<Tail>,
    pub(crate) shares: Registry<Share>,
    pub(crate) purses: Registry<Purse>,
    pub(crate) estimates: Registry<Estimate>,
}

impl State {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what no plan in use refers to.
    pub fn prune(&self) {
        self.healths.prune();
        self.buckets.prune();
        self.ratios.prune();
        self.limits.prune();
        self.loads.prune();
        self.tails.prune();
        self.shares.prune();
        self.purses.prune();
        self.estimates.prune();
    }

    /// A new plan is in force: what was in quarantine (a refused credential, a missing model) is asked once more.
    pub fn end_quarantines(&self, now_ns: u64) {
        self.healths.each(|_, health| health.end_quarantine(now_ns));
    }

    /// Shows every health key: `credential:PROVIDER/N`, `credential:PROVIDER/N/DEPLOYMENT`, `endpoint:ID/DEPLOYMENT`,
    /// `provider:PROVIDER/DEPLOYMENT`; `*` stands for models named outright.
    pub fn each_health(&self, see: impl FnMut(&str, &Health)) {
        self.healths.each(see);
    }

    /// Shows every provider's retry budget, by the provider.
    pub fn each_budget(&self, see: impl FnMut(&str, &Ratio)) {
        self.ratios.each(see);
    }

    /// Shows what is learnt of every deployment: `PROVIDER/DEPLOYMENT`, `*` for models named outright.
    pub fn each_estimate(&self, see: impl FnMut(&str, &Estimate)) {
        self.estimates.each(see);
    }

    /// Shows every adaptive limit, by the id of its health key.
    pub fn each_limit(&self, see: impl FnMut(&str, &Limit)) {
        self.limits.each(see);
    }
}
