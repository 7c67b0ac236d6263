//! The state machine of one key, without threads: [`Health`](super::Health) holds it under a lock.

use super::state::{Refused, Settings, State, Transition, Why};
use super::window::Counts;

/// A number below its argument, uniform.
pub(super) type Draw<'a> = &'a mut dyn FnMut(u64) -> u64;

const SECOND: u64 = 1_000_000_000;
/// The share that a key gets until so long after it closed. Beyond the last it is in full service.
const RAMP: [(u64, u32); 3] = [(10 * SECOND, 100), (20 * SECOND, 250), (30 * SECOND, 500)];
const RAMP_NS: u64 = 30 * SECOND;
const NEVER: u64 = u64::MAX;

/// What a permit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// An attempt like any other.
    Plain,
    /// The one attempt at a key that is out.
    Probe,
}

/// How a probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    Good,
    /// Good, but the first token was slow.
    Slow,
    Failed,
    RateLimited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Ramping {
        since_ns: u64,
    },
    /// Half-open once `until_ns` has come.
    Open {
        until_ns: u64,
        why: Why,
    },
}

#[derive(Debug)]
pub(super) struct Breaker {
    settings: Settings,
    phase: Phase,
    generation: u64,
    /// Doublings that the next opening's time has behind it.
    level: u32,
    /// When a good answer takes one doubling away.
    forgive_at_ns: u64,
    /// 0: no cooldown.
    cool_until_ns: u64,
    probe_since_ns: Option<u64>,
}

impl Breaker {
    pub(super) fn new(settings: Settings) -> Self {
        let phase = Phase::Closed;
        Self { settings, phase, generation: 0, level: 0, forgive_at_ns: NEVER, cool_until_ns: 0, probe_since_ns: None }
    }

    /// Buckets of another length are numbered otherwise: counts in both ways cannot be told apart.
    pub(super) fn set(&mut self, settings: Settings) {
        if settings.window_ns != self.settings.window_ns {
            self.generation += 1;
        }
        self.settings = settings;
    }

    /// How often counting began anew. Calls of an earlier generation are not counted any more.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether there is anything to look at before a call passes.
    pub(super) fn is_calm(&self) -> bool {
        self.phase == Phase::Closed && self.cool_until_ns == 0
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// When [`Breaker::forgive`] is due.
    pub(super) fn forgive_at_ns(&self) -> u64 {
        self.forgive_at_ns
    }

    pub(super) fn state(&mut self, now_ns: u64) -> State {
        self.let_pass(now_ns);
        let cool_ns = self.cool_until_ns;
        match self.phase {
            Phase::Open { until_ns, why } if until_ns > now_ns && until_ns >= cool_ns => State::Open { until_ns, why },
            _ if cool_ns > 0 => State::Open { until_ns: cool_ns, why: Why::Cooldown },
            Phase::Open { .. } => self.probe_since_ns.map_or(State::HalfOpen, |since_ns| {
                let until_ns = since_ns.saturating_add(self.settings.open_ns).max(now_ns.saturating_add(1));
                State::Open { until_ns, why: Why::Probe }
            }),
            Phase::Ramping { since_ns } => State::Ramping { permille: ramp_step(since_ns, now_ns).1 },
            Phase::Closed => State::Closed,
        }
    }

    pub(super) fn enter(&mut self, now_ns: u64, draw: Draw<'_>) -> Result<Pass, Refused> {
        match self.state(now_ns) {
            State::Closed => Ok(Pass::Plain),
            State::HalfOpen => Ok(self.probe(now_ns)),
            State::Ramping { permille } if draw(1000) < u64::from(permille) => Ok(Pass::Plain),
            State::Ramping { .. } => Err(Refused { until_ns: self.step_ends_ns(now_ns), why: Why::Probe }),
            State::Open { until_ns, why } => Err(Refused { until_ns, why }),
        }
    }

    /// Lets in whom there is nowhere else to send: everybody while the key is in service, be it for a share, else one
    /// probe at a time.
    pub(super) fn enter_anyway(&mut self, now_ns: u64) -> Option<Pass> {
        match self.state(now_ns) {
            State::Closed | State::Ramping { .. } => Some(Pass::Plain),
            State::HalfOpen | State::Open { .. } => self.probe_since_ns.is_none().then(|| self.probe(now_ns)),
        }
    }

    fn probe(&mut self, now_ns: u64) -> Pass {
        self.probe_since_ns = Some(now_ns);
        Pass::Probe
    }

    /// The probe is over, whatever it said.
    pub(super) fn give_back(&mut self) {
        self.probe_since_ns = None;
    }

    pub(super) fn cool_until(&mut self, until_ns: u64) {
        self.cool_until_ns = self.cool_until_ns.max(until_ns);
    }

    /// Takes the key out. `None` if it was in quarantine already, which at most lasts longer then.
    pub(super) fn quarantine_until(&mut self, quarantine_ns: u64) -> Option<Transition> {
        let (until_ns, is_new) = match self.phase {
            Phase::Open { until_ns, why } => (until_ns.max(quarantine_ns), why != Why::Quarantine),
            Phase::Closed | Phase::Ramping { .. } => (quarantine_ns, true),
        };
        self.phase = Phase::Open { until_ns, why: Why::Quarantine };
        is_new.then(|| {
            self.generation += 1;
            Transition::Opened(Why::Quarantine)
        })
    }

    /// Shortens a quarantine to now: the next attempt is its probe.
    pub(super) fn end_quarantine(&mut self, now_ns: u64) {
        if let Phase::Open { until_ns, why: Why::Quarantine } = &mut self.phase {
            *until_ns = now_ns.min(*until_ns);
        }
    }

    /// Whether it is out for what was only concluded, and not for a moment yet.
    pub(super) fn is_resting(&self, now_ns: u64) -> bool {
        matches!(self.phase, Phase::Open { until_ns, why } if until_ns > now_ns && why != Why::Quarantine)
    }

    /// Shortens such a rest to now: the next attempt is its probe.
    pub(super) fn end_rest(&mut self, now_ns: u64) {
        match &mut self.phase {
            Phase::Open { until_ns, why } if *why != Why::Quarantine => *until_ns = now_ns.min(*until_ns),
            _ => {}
        }
    }

    /// Whether a failure opens the breaker, `row` of them in a row.
    pub(super) fn judge_failure(&self, row: u32, counts: &Counts) -> Option<Why> {
        let Settings { consecutive, ratio_permille, .. } = self.settings;
        if consecutive > 0 && row >= consecutive {
            return Some(Why::Consecutive);
        }
        self.is_share(counts.failed, counts.calls(), ratio_permille).then_some(Why::Ratio)
    }

    /// Whether a slow first token opens it.
    pub(super) fn judge_slow(&self, counts: &Counts) -> Option<Why> {
        self.is_share(counts.slow, counts.timed(), self.settings.slow_permille).then_some(Why::Slow)
    }

    fn is_share(&self, part: u64, whole: u64, permille: u32) -> bool {
        permille > 0 && whole >= u64::from(self.settings.min_calls) && part * 1000 >= whole * u64::from(permille)
    }

    /// Takes the key out of service.
    pub(super) fn open(&mut self, now_ns: u64, why: Why, draw: Draw<'_>) -> Transition {
        self.generation += 1;
        self.phase = Phase::Open { until_ns: now_ns.saturating_add(self.opening_ns(draw)), why };
        self.forgive_at_ns = NEVER;
        Transition::Opened(why)
    }

    /// Hears how the probe went. One that was sent before its time and failed says nothing new.
    pub(super) fn hear(&mut self, now_ns: u64, trial: Trial, draw: Draw<'_>) -> Option<Transition> {
        let Phase::Open { until_ns, why } = self.phase else { return None };
        match (trial, why) {
            (Trial::Slow, Why::Slow) | (Trial::Failed | Trial::RateLimited, _) => {}
            (Trial::Good | Trial::Slow, _) => return Some(self.close(now_ns)),
        }
        if now_ns < until_ns {
            return None;
        }
        // An outright failure is harder than a share of failures; being slow or limited is not.
        let is_soft = matches!(why, Why::Ratio | Why::Slow) && trial != Trial::Failed;
        Some(self.open(now_ns, if is_soft { why } else { Why::Probe }, draw))
    }

    fn close(&mut self, now_ns: u64) -> Transition {
        self.generation += 1;
        self.phase = Phase::Ramping { since_ns: now_ns };
        self.forgive_at_ns = if self.level > 0 { now_ns.saturating_add(RAMP_NS) } else { NEVER };
        Transition::Closed
    }

    /// A good answer in service: the next opening is half as long, once for each window. Asks again whether it is due:
    /// another worker may have been here first.
    pub(super) fn forgive(&mut self, now_ns: u64) {
        if now_ns < self.forgive_at_ns {
            return;
        }
        self.level = self.level.saturating_sub(1);
        self.forgive_at_ns = if self.level > 0 { now_ns.saturating_add(self.settings.window_ns) } else { NEVER };
    }

    /// The length of this opening; the next is twice as long.
    fn opening_ns(&mut self, draw: Draw<'_>) -> u64 {
        let Settings { open_ns, open_cap_ns, .. } = self.settings;
        let doubled = open_ns.saturating_mul(1 << self.level.min(63));
        if doubled < open_cap_ns {
            self.level = self.level.saturating_add(1);
        }
        let base_ns = doubled.min(open_cap_ns);
        (base_ns / 2).saturating_add(draw(base_ns.saturating_add(1)))
    }

    fn step_ends_ns(&self, now_ns: u64) -> u64 {
        match self.phase {
            Phase::Ramping { since_ns } => ramp_step(since_ns, now_ns).0,
            Phase::Closed | Phase::Open { .. } => now_ns,
        }
    }

    /// What time alone ends: a ramp, a cooldown.
    fn let_pass(&mut self, now_ns: u64) {
        if let Phase::Ramping { since_ns } = self.phase
            && now_ns.saturating_sub(since_ns) >= RAMP_NS
        {
            self.phase = Phase::Closed;
        }
        if self.cool_until_ns <= now_ns {
            self.cool_until_ns = 0;
        }
    }
}

/// When the ramp's present step ends, and the share until then.
fn ramp_step(since_ns: u64, now_ns: u64) -> (u64, u32) {
    let passed_ns = now_ns.saturating_sub(since_ns);
    let (end_ns, permille) = RAMP.into_iter().find(|(end_ns, _)| passed_ns < *end_ns).unwrap_or(RAMP[2]);
    (since_ns.saturating_add(end_ns), permille)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_that_hear_of_good_answers_at_once_forgive_one_opening() {
        let mut breaker = Breaker::new(Settings {
            consecutive: 1,
            ratio_permille: 0,
            slow_first_token_ns: 0,
            slow_permille: 0,
            window_ns: SECOND,
            min_calls: 1,
            open_ns: SECOND,
            open_cap_ns: 100 * SECOND,
        });
        let opening = |breaker: &mut Breaker| {
            breaker.open(0, Why::Consecutive, &mut |n| n / 2);
            match breaker.state(0) {
                State::Open { until_ns, .. } => until_ns / SECOND,
                State::Closed | State::Ramping { .. } | State::HalfOpen => 0,
            }
        };
        assert_eq!([(); 3].map(|()| opening(&mut breaker)), [1, 2, 4]);
        breaker.hear(0, Trial::Good, &mut |n| n / 2);
        breaker.forgive(RAMP_NS - 1);
        breaker.forgive(RAMP_NS);
        breaker.forgive(RAMP_NS);
        assert_eq!(opening(&mut breaker), 4);
    }
}
