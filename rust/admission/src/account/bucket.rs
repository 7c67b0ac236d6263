//! A bucket that fills evenly: how many requests or tokens in a while.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    amount: u64,
    per_ns: u64,
    burst_ns: u64,
}

impl Pace {
    /// `amount` (at least 1) in each `per_ns`; the bucket holds what comes in `burst_ns`, at least one.
    pub const fn new(amount: u64, per_ns: u64, burst_ns: u64) -> Self {
        let amount = if amount == 0 { 1 } else { amount };
        let one = per_ns.div_ceil(amount);
        Self { amount, per_ns, burst_ns: if burst_ns < one { one } else { burst_ns } }
    }

    /// How much comes in each period.
    pub const fn amount(self) -> u64 {
        self.amount
    }

    /// The period, in nanoseconds.
    pub const fn per_ns(self) -> u64 {
        self.per_ns
    }

    /// What comes in how many nanoseconds makes the bucket full.
    pub const fn burst_ns(self) -> u64 {
        self.burst_ns
    }

    /// How much the full bucket holds.
    pub fn size(self) -> u64 {
        self.units(self.burst_ns)
    }

    /// How long it takes until `weight` has come in. Rounded down, by less than a nanosecond, so that a full bucket
    /// always holds its size in whatever parts it is taken.
    fn ns(self, weight: u64) -> u64 {
        let ns = u128::from(weight) * u128::from(self.per_ns) / u128::from(self.amount);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    fn units(self, ns: u64) -> u64 {
        let units = u128::from(ns) * u128::from(self.amount) / u128::from(self.per_ns.max(1));
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

/// What was taken of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "values carry their unit")]
pub struct Taken {
    /// How long the bucket takes to make up for it, in nanoseconds.
    cost_ns: u64,
    /// When it would have made up for it and all before.
    full_at_ns: u64,
    /// What had been given back until then.
    given_ns: u64,
}

/// There is not enough in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// In how long there will be, in nanoseconds; more than the bucket holds counts as all that it holds.
    pub wait_ns: u64,
}

/// A bucket, shared by all workers: the moment at which it will be full.
///
/// Source: the generic cell rate algorithm as virtual scheduling (ITU-T I.371, annex A), with a weight for each arrival.
/// Ours besides: what was taken can be given back in part, and more can be taken afterwards than there is, as a debt that
/// those who come later wait for.
///
/// All orderings are relaxed: the moment guards no other data.
#[derive(Debug, Default)]
pub struct Bucket {
    full_at: AtomicU64,
    /// What was given back in all. Whatever is given back makes the bucket make up sooner for what was taken behind it.
    given: AtomicU64,
}

impl Bucket {
    /// Takes a weight, at most what the bucket holds when it is full; or nothing.
    pub fn take(&self, pace: Pace, weight: u64, now_ns: u64) -> Result<Taken, Short> {
        let cost_ns = pace.ns(weight).min(pace.burst_ns);
        let most_ns = now_ns.saturating_add(pace.burst_ns);
        let given_ns = self.given.load(Relaxed);
        let after = |full_at: u64| full_at.max(now_ns).saturating_add(cost_ns);
        let within = |full_at| Some(after(full_at)).filter(|at| *at <= most_ns);
        let taken = self.full_at.fetch_update(Relaxed, Relaxed, within);
        match taken {
            Ok(before) => Ok(Taken { cost_ns, full_at_ns: after(before), given_ns }),
            Err(now_full_at) => Err(Short { wait_ns: after(now_full_at) - most_ns }),
        }
    }

    /// Whether a weight could be taken now.
    pub fn check(&self, pace: Pace, weight: u64, now_ns: u64) -> Result<(), Short> {
        let cost_ns = pace.ns(weight).min(pace.burst_ns);
        let after = self.full_at.load(Relaxed).max(now_ns).saturating_add(cost_ns);
        match after.checked_sub(now_ns.saturating_add(pace.burst_ns)) {
            None | Some(0) => Ok(()),
            Some(wait_ns) => Err(Short { wait_ns }),
        }
    }

    /// Takes a weight whether or not it is there.
    pub fn take_anyway(&self, pace: Pace, weight: u64, now_ns: u64) -> Taken {
        let cost_ns = pace.ns(weight);
        let given_ns = self.given.load(Relaxed);
        let after = |full_at: u64| full_at.max(now_ns).saturating_add(cost_ns);
        let update = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| Some(after(full_at)));
        Taken { cost_ns, full_at_ns: after(update.unwrap_or_else(|same| same)), given_ns }
    }

    /// Gives back all but `used` of what was taken; takes the rest where that is more.
    ///
    /// What the bucket has made up for meanwhile cannot be given back: it would be there twice. So this never leaves more
    /// than there would be, had no more than `used` been taken from the start.
    pub fn settle(&self, pace: Pace, taken: Taken, used: u64, now_ns: u64) {
        let used_ns = pace.ns(used);
        if used_ns > taken.cost_ns {
            let more_ns = used_ns - taken.cost_ns;
            let after = |full_at: u64| full_at.max(now_ns).saturating_add(more_ns);
            self.change(after);
            return;
        }
        // What was given back since then may have stood before it or behind it; so none of it is left to be made up for.
        let since_ns = self.given.load(Relaxed).saturating_sub(taken.given_ns);
        let open_ns = taken.full_at_ns.saturating_sub(since_ns).saturating_sub(now_ns);
        let back_ns = (taken.cost_ns - used_ns).min(open_ns);
        if back_ns > 0 {
            self.given.fetch_add(back_ns, Relaxed);
            self.change(|full_at| full_at.saturating_sub(back_ns));
        }
    }

    /// How much could be taken now.
    pub fn left(&self, pace: Pace, now_ns: u64) -> u64 {
        pace.units(pace.burst_ns.saturating_sub(self.full_in_ns(now_ns)))
    }

    /// In how long it will be full, in nanoseconds.
    pub fn full_in_ns(&self, now_ns: u64) -> u64 {
        self.full_at.load(Relaxed).saturating_sub(now_ns)
    }

    /// When it will be full, in nanoseconds.
    pub(crate) fn full_at_ns(&self) -> u64 {
        self.full_at.load(Relaxed)
    }

    /// It is full at this moment at the earliest.
    pub(crate) fn restore(&self, full_at_ns: u64) {
        self.full_at.fetch_max(full_at_ns, Relaxed);
    }

    /// Its clock goes back.
    pub(crate) fn set_back(&self, by_ns: u64) {
        self.change(|full_at| full_at.saturating_sub(by_ns));
    }

    fn change(&self, to: impl Fn(u64) -> u64) {
        // Never refused.
        let _before = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| Some(to(full_at)));
    }
}
