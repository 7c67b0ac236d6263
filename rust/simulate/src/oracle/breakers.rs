//! Health keys: none is taken out without its own failures, and none is probed by two at once.
//!
//! What the gateway announces is held against what the provider's books say of the attempts behind the key.

use super::blame;
use super::keys::{Keys, Scope};
use super::{Began, Violations};
use crate::time::of_ms;
use crate::visit::{Cause, Place};
use plan::{Breaker, Plan};
use std::collections::VecDeque;

/// What the gateway says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is out of service; for this reason.
    Opened(Reason),
    /// It is in service again.
    Closed,
}

/// Why a key is out of service, in the words of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Consecutive,
    Ratio,
    Slow,
    Cooldown,
    Quarantine,
    Probe,
}

/// What is known of one key at one replica.
struct Key {
    breaker: Breaker,
    /// Blamed failures before the first content, since the last first content of an attempt of this generation.
    missed_in_a_row: u32,
    /// Blamed failures after it, since the last whole answer.
    cut_in_a_row: u32,
    /// When blamed failures came, within the breaker's window.
    failures: VecDeque<u64>,
    /// When slow first tokens came, or failed to, within the breaker's window.
    slow: VecDeque<u64>,
    /// When the key last changed.
    changed_ns: u64,
    out: Option<Reason>,
    /// Attempts that began while it was out, and of which nothing is known yet.
    probes: u32,
    /// Whether anything was ever blamed on it.
    is_marked: bool,
}

/// All keys of one replica.
pub(super) struct Breakers(Vec<Key>);

impl Breakers {
    pub(super) fn new(plan: &Plan, keys: &Keys) -> Self {
        let key = |number| {
            let provider = keys.provider(number).and_then(|provider| plan.providers.get(provider));
            provider.map(|provider| Key {
                breaker: provider.breaker,
                missed_in_a_row: 0,
                cut_in_a_row: 0,
                failures: VecDeque::new(),
                slow: VecDeque::new(),
                changed_ns: 0,
                out: None,
                probes: 0,
                is_marked: false,
            })
        };
        Self((0..keys.len()).filter_map(key).collect())
    }

    /// An attempt begins.
    pub(super) fn began(&mut self, now_ns: u64, began: &Began, keys: &Keys, violations: &mut Violations) {
        for number in keys.behind(&began.place).into_iter().flatten() {
            let Some(key) = self.0.get_mut(*number).filter(|key| key.out.is_some()) else { continue };
            key.probes += 1;
            if key.probes > 1 && !key.may_be_used() {
                violations.add("O9", now_ns, || {
                    let (name, probes, attempt) = (keys.name(*number), key.probes, began.number);
                    format!("{name}: {probes} attempts at once while it is out of service; this is attempt {attempt} of its call")
                });
            }
        }
    }

    /// Its first content came.
    pub(super) fn committed(&mut self, now_ns: u64, place: &Place, began_ns: u64, keys: &Keys) {
        for (number, scope) in keys.behind(place).into_iter().flatten().zip(Scope::ALL) {
            let Some(key) = self.0.get_mut(*number) else { continue };
            let of_this_generation = began_ns >= key.changed_ns;
            key.is_no_probe(began_ns);
            if of_this_generation {
                key.missed_in_a_row = 0;
            }
            // That a first token is late is the endpoint's doing, with this model.
            if scope == Scope::EndpointModel && now_ns - began_ns >= of_ms(key.breaker.slow_first_token_ms) {
                key.slow.push_back(now_ns);
                key.is_marked = true;
            }
            if key.out.is_some() && of_this_generation && !key.may_be_used() {
                key.change(now_ns, None); // it was the probe
            }
        }
    }

    /// It failed, or its caller left (no cause).
    pub(super) fn ended(&mut self, now_ns: u64, place: &Place, ended: Ended, keys: &Keys) {
        let blamed = ended.cause.and_then(blame::scope);
        for (number, scope) in keys.behind(place).into_iter().flatten().zip(Scope::ALL) {
            let Some(key) = self.0.get_mut(*number) else { continue };
            if !ended.was_committed {
                key.is_no_probe(ended.began_ns);
            }
            if ended.is_whole && ended.began_ns >= key.changed_ns {
                key.cut_in_a_row = 0;
            }
            if blamed != Some(scope) {
                continue;
            }
            key.is_marked = true;
            if ended.cause.is_some_and(blame::counts) {
                key.failed(now_ns, &ended);
            }
        }
    }

    /// The gateway says that a key changed.
    pub(super) fn told(&mut self, now_ns: u64, number: usize, told: Told, keys: &Keys, violations: &mut Violations) {
        let Some(key) = self.0.get_mut(number) else { return };
        let name = keys.name(number);
        let Told::Opened(reason) = told else {
            if key.out.is_some() {
                key.change(now_ns, None);
            }
            return;
        };
        // Half bad before and again: its probe failed, and nothing more was counted.
        let is_again = key.out == Some(reason) && key.may_be_used();
        if !key.is_marked {
            violations
                .add("O8", now_ns, || format!("{name}: out of service ({reason:?}), and nothing was ever its fault"));
        } else if !is_again && let Some(lacks) = key.lacks(now_ns, reason) {
            violations.add("O8", now_ns, || format!("{name}: out of service ({reason:?}) after {lacks}"));
        }
        key.change(now_ns, Some(reason));
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) began_ns: u64,
    pub(crate) was_committed: bool,
    /// Whether all was sent.
    pub(crate) is_whole: bool,
    /// What went wrong; none where the gateway gave it up, too.
    pub(crate) cause: Option<Cause>,
}

impl Key {
    fn change(&mut self, now_ns: u64, out: Option<Reason>) {
        self.out = out;
        self.changed_ns = now_ns;
        self.probes = 0;
    }

    /// Too large a share of failures is better than nothing: where half of a pool is out for such a reason, the rest of
    /// it is used all the same.
    fn may_be_used(&self) -> bool {
        matches!(self.out, Some(Reason::Ratio | Reason::Slow))
    }

    /// What an attempt of this generation came to is known.
    fn is_no_probe(&mut self, began_ns: u64) {
        if self.out.is_some() && began_ns >= self.changed_ns {
            self.probes = self.probes.saturating_sub(1);
        }
    }

    fn failed(&mut self, now_ns: u64, ended: &Ended) {
        match ended.cause {
            Some(Cause::RateLimited) => {} // counts in the share of failures, never in a row
            _ if ended.was_committed => self.cut_in_a_row += 1,
            _ => self.missed_in_a_row += 1,
        }
        self.failures.push_back(now_ns);
        if ended.cause == Some(Cause::Silent) {
            self.slow.push_back(now_ns);
        }
        let keep_ns = of_ms(self.breaker.window_ms);
        for times in [&mut self.failures, &mut self.slow] {
            while times.front().is_some_and(|at| at.saturating_add(keep_ns) < now_ns) {
                times.pop_front();
            }
        }
    }

    /// What the gateway's reason lacks, if it lacks anything.
    fn lacks(&self, now_ns: u64, reason: Reason) -> Option<String> {
        let within = |times: &VecDeque<u64>| {
            let window_ns = of_ms(self.breaker.window_ms);
            times.iter().filter(|at| at.saturating_add(window_ns) >= now_ns).count() as u64
        };
        let least = |permille: u32| (u64::from(self.breaker.min_calls) * u64::from(permille)).div_ceil(1000);
        match reason {
            Reason::Consecutive if self.missed_in_a_row.max(self.cut_in_a_row) < self.breaker.consecutive => {
                let Self { missed_in_a_row, cut_in_a_row, .. } = self;
                Some(format!("{missed_in_a_row} failures and {cut_in_a_row} cuts in a row"))
            }
            Reason::Ratio if within(&self.failures) < least(self.breaker.ratio_permille) => {
                Some(format!("{} failures within its window", within(&self.failures)))
            }
            Reason::Slow if within(&self.slow) < least(self.breaker.slow_permille) => {
                Some(format!("{} slow answers within its window", within(&self.slow)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    const PLACE: Place = Place { provider: 0, deployment: Some(0), endpoint: 0, credential: 1 };
    const ENDPOINT: &str = "endpoint:first@http://10.0.0.1:80/v1/large";

    struct Bench {
        keys: Keys,
        breakers: Breakers,
        violations: Violations,
    }

    impl Bench {
        fn new() -> Self {
            let plan = crate::sample::plan();
            let keys = Keys::of(&plan);
            Self { breakers: Breakers::new(&plan, &keys), keys, violations: Violations::default() }
        }

        fn began(&mut self, at_s: u64) {
            let began = Began { replica: 0, place: PLACE, number: 1, is_retry: false };
            self.breakers.began(at_s * SECOND, &began, &self.keys, &mut self.violations);
        }

        fn good(&mut self, began_s: u64, at_s: u64) {
            self.breakers.committed(at_s * SECOND, &PLACE, began_s * SECOND, &self.keys);
        }

        fn failed(&mut self, began_s: u64, at_s: u64, cause: Cause) {
            let ended = Ended { began_ns: began_s * SECOND, was_committed: false, is_whole: false, cause: Some(cause) };
            self.breakers.ended(at_s * SECOND, &PLACE, ended, &self.keys);
        }

        fn told(&mut self, at_s: u64, key: &str, told: Told) {
            let number = self.keys.find(key).expect("a key");
            self.breakers.told(at_s * SECOND, number, told, &self.keys, &mut self.violations);
        }

        fn broken(&self) -> Vec<&str> {
            self.violations.kept.iter().map(|violation| violation.rule).collect()
        }
    }

    #[test]
    fn five_failures_in_a_row_take_a_key_out_and_four_do_not() {
        for (failures, broken) in [(5, vec![]), (4, vec!["O8"])] {
            let mut bench = Bench::new();
            (0..failures).for_each(|at| bench.failed(at, at, Cause::Broken));
            bench.told(5, ENDPOINT, Told::Opened(Reason::Consecutive));
            assert_eq!(bench.broken(), broken);
        }
    }

    #[test]
    fn what_another_key_did_takes_no_key_out() {
        let mut bench = Bench::new();
        (0..9).for_each(|at| bench.failed(at, at, Cause::Overloaded));
        bench.told(9, "provider:first/large", Told::Opened(Reason::Consecutive));
        assert_eq!(bench.broken(), [""; 0]);
        bench.told(9, ENDPOINT, Told::Opened(Reason::Consecutive));
        assert_eq!(bench.broken(), ["O8"]);
    }

    #[test]
    fn rate_limits_count_in_the_share_and_never_in_a_row() {
        let key = "credential:first/1/large";
        let mut bench = Bench::new();
        (0..9).for_each(|at| bench.failed(at, at, Cause::RateLimited));
        bench.told(9, key, Told::Opened(Reason::Ratio));
        assert_eq!(bench.broken(), [""; 0]);
        bench.told(10, key, Told::Closed);
        bench.told(10, key, Told::Opened(Reason::Consecutive));
        assert_eq!(bench.broken(), ["O8"]);
    }

    #[test]
    fn a_key_that_is_half_bad_is_so_again_when_its_probe_is_limited_and_without_a_count() {
        let key = "credential:first/1/large";
        let mut bench = Bench::new();
        (0..9).for_each(|at| bench.failed(at, at, Cause::RateLimited));
        bench.told(9, key, Told::Opened(Reason::Ratio));
        bench.told(99, key, Told::Opened(Reason::Ratio));
        assert_eq!(bench.broken(), [""; 0]);
        bench.told(99, key, Told::Closed);
        bench.told(199, key, Told::Opened(Reason::Ratio));
        assert_eq!(bench.broken(), ["O8"]);
    }

    #[test]
    fn of_a_key_that_is_out_there_is_one_probe_at_a_time() {
        let mut bench = Bench::new();
        bench.began(0);
        (0..5).for_each(|at| bench.failed(at, at, Cause::Broken));
        bench.told(5, ENDPOINT, Told::Opened(Reason::Consecutive));
        bench.began(6);
        bench.failed(6, 7, Cause::Broken);
        bench.began(8);
        assert_eq!(bench.broken(), [""; 0], "one, then another");
        bench.began(9);
        assert_eq!(bench.broken(), ["O9"]);
    }

    #[test]
    fn a_probe_that_is_answered_lets_others_in_and_an_old_answer_does_not() {
        let mut bench = Bench::new();
        (0..5).for_each(|at| bench.failed(at, at, Cause::Broken));
        bench.told(5, ENDPOINT, Told::Opened(Reason::Consecutive));
        bench.began(6);
        bench.good(4, 7);
        bench.began(7);
        assert_eq!(bench.broken(), ["O9"]);
        bench.good(6, 8);
        (9..20).for_each(|at| bench.began(at));
        assert_eq!(bench.broken(), ["O9"]);
    }
}
