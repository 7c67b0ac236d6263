//! The health of a key against a reference that keeps lists and looks everything up anew.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const SLOW: u64 = 2 * SECOND;

/// An attempt, as the reference sees it.
#[derive(Debug, Clone)]
struct Attempt {
    generation: u32,
    probe: bool,
    answered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Sent,
    Good,
    Brisk,
    Slow,
    Failed,
}

#[derive(Debug)]
struct Reference {
    settings: Settings,
    now: u64,
    generation: u32,
    /// Everything counted in this generation: what, in which bucket, of which attempt.
    events: Vec<(Event, u64, usize)>,
    out: Option<(u64, Why)>,
    ramp: Option<u64>,
    cool: u64,
    doublings: u32,
    forgive: Option<u64>,
    probe: Option<u64>,
    missed: u32,
    cut: u32,
    attempts: Vec<Attempt>,
}

impl Reference {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: 0,
            generation: 0,
            events: Vec::new(),
            out: None,
            ramp: None,
            cool: 0,
            doublings: 0,
            forgive: None,
            probe: None,
            missed: 0,
            cut: 0,
            attempts: Vec::new(),
        }
    }

    fn bucket(&self) -> u64 {
        self.now / (self.settings.window_ns / 10).max(1)
    }

    fn count(&self, kinds: &[Event]) -> u64 {
        let recent = |at: u64| at + 10 > self.bucket();
        self.events.iter().filter(|(kind, at, _)| kinds.contains(kind) && recent(*at)).count() as u64
    }

    fn state(&self) -> State {
        if let Some((until_ns, why)) = self.out
            && until_ns > self.now
            && until_ns >= self.cool
        {
            return State::Open { until_ns, why };
        }
        if self.cool > self.now {
            return State::Open { until_ns: self.cool, why: Why::Cooldown };
        }
        match (self.out, self.probe, self.ramp.map(|since| (self.now - since) / SECOND)) {
            (Some(_), None, _) => State::HalfOpen,
            (Some(_), Some(since), _) => {
                State::Open { until_ns: (self.now + 1).max(since + self.settings.open_ns), why: Why::Probe }
            }
            (None, _, Some(0..10)) => State::Ramping { permille: 100 },
            (None, _, Some(10..20)) => State::Ramping { permille: 250 },
            (None, _, Some(20..30)) => State::Ramping { permille: 500 },
            (None, _, _) => State::Closed,
        }
    }

    fn admit(&mut self, probe: bool) -> bool {
        if probe {
            assert!(self.probe.is_none(), "two probes at once");
            self.probe = Some(self.now);
        }
        let event = (Event::Sent, self.bucket(), self.attempts.len());
        self.events.push(event);
        self.attempts.push(Attempt { generation: self.generation, probe, answered: false });
        probe
    }

    fn enter(&mut self, luck: u64) -> Result<bool, Refused> {
        match self.state() {
            State::Closed => Ok(self.admit(false)),
            State::HalfOpen => Ok(self.admit(true)),
            State::Ramping { permille } if luck < u64::from(permille) => Ok(self.admit(false)),
            State::Ramping { permille } => {
                let step = match permille {
                    100 => 10,
                    250 => 20,
                    _ => 30,
                };
                Err(Refused { until_ns: self.ramp.unwrap() + step * SECOND, why: Why::Probe })
            }
            State::Open { until_ns, why } => Err(Refused { until_ns, why }),
        }
    }

    fn enter_anyway(&mut self) -> Option<bool> {
        match self.state() {
            State::Closed | State::Ramping { .. } => Some(self.admit(false)),
            _ if self.probe.is_some() => None,
            _ => Some(self.admit(true)),
        }
    }

    fn begin_generation(&mut self) {
        self.generation += 1;
        self.events.clear();
        self.missed = 0;
        self.cut = 0;
    }

    fn open(&mut self, why: Why, draw: &mut dyn FnMut(u64) -> u64) {
        let base = (self.settings.open_ns << self.doublings).min(self.settings.open_cap_ns);
        if base < self.settings.open_cap_ns {
            self.doublings += 1;
        }
        let until = self.now + base / 2 + draw(base + 1);
        assert!(until - self.now >= base / 2 && until - self.now <= base / 2 + base);
        self.out = Some((until, why));
        self.ramp = None;
        self.forgive = None;
        self.begin_generation();
    }

    fn close(&mut self) -> Transition {
        self.out = None;
        self.ramp = Some(self.now);
        self.forgive = (self.doublings > 0).then_some(self.now + 30 * SECOND);
        self.begin_generation();
        Transition::Closed
    }

    /// A probe is over; `Some` if that decided something.
    fn probed(&mut self, id: usize, good: bool, hard: bool, draw: &mut dyn FnMut(u64) -> u64) -> Option<Transition> {
        self.attempts[id].probe = false;
        self.probe = None;
        let (until, why) = self.out.filter(|_| self.attempts[id].generation == self.generation)?;
        if good {
            let closed = self.close();
            self.attempts[id].generation = self.generation;
            return Some(closed);
        }
        if self.now < until {
            return None;
        }
        let soft = matches!(why, Why::Ratio | Why::Slow);
        let why = if soft && !hard { why } else { Why::Probe };
        self.open(why, draw);
        Some(Transition::Opened(why))
    }

    fn commit(&mut self, id: usize, first: Option<u64>, draw: &mut dyn FnMut(u64) -> u64) -> Option<Transition> {
        if self.attempts[id].answered {
            return None;
        }
        let limit = self.settings.slow_first_token_ns;
        let slow = first.is_some_and(|first| limit > 0 && first > limit);
        let mut transition = None;
        if self.attempts[id].probe {
            let still_slow = slow && self.out.is_some_and(|(_, why)| why == Why::Slow);
            transition = self.probed(id, !still_slow, false, draw);
        }
        self.attempts[id].answered = true;
        if self.attempts[id].generation != self.generation {
            return transition;
        }
        let kind = match first {
            None => Event::Good,
            Some(_) if slow => Event::Slow,
            Some(_) => Event::Brisk,
        };
        self.events.push((kind, self.bucket(), id));
        self.missed = 0;
        if transition.is_none() && slow && self.out.is_none() {
            let timed = self.count(&[Event::Brisk, Event::Slow]);
            if self.is_share(self.count(&[Event::Slow]), timed, self.settings.slow_permille) {
                self.open(Why::Slow, draw);
                return Some(Transition::Opened(Why::Slow));
            }
        }
        transition
    }

    fn is_share(&self, part: u64, whole: u64, permille: u32) -> bool {
        let enough = whole > 0 && whole >= u64::from(self.settings.min_calls);
        permille > 0 && enough && part * 1000 / whole >= u64::from(permille)
    }

    fn settle(&mut self, id: usize, result: Settled, draw: &mut dyn FnMut(u64) -> u64) -> Option<Transition> {
        match result {
            Settled::Nothing => {
                self.forget(id);
                None
            }
            Settled::Success { first_token_ns } => {
                let transition = self.commit(id, first_token_ns, draw);
                if self.attempts[id].generation == self.generation {
                    self.missed = 0;
                    self.cut = 0;
                    self.forgive();
                }
                transition
            }
            Settled::Failure => self.fail(id, true, draw),
            Settled::RateLimited => self.fail(id, false, draw),
        }
    }

    fn fail(&mut self, id: usize, hard: bool, draw: &mut dyn FnMut(u64) -> u64) -> Option<Transition> {
        if self.attempts[id].probe
            && let Some(transition) = self.probed(id, false, hard, draw)
        {
            return Some(transition);
        }
        if self.out.is_some() || self.attempts[id].generation != self.generation {
            return None;
        }
        self.events.retain(|(kind, _, of)| *of != id || *kind == Event::Sent);
        self.events.push((Event::Failed, self.bucket(), id));
        let row = if self.attempts[id].answered { &mut self.cut } else { &mut self.missed };
        *row += u32::from(hard);
        let in_row = hard && self.settings.consecutive > 0 && *row >= self.settings.consecutive;
        let decided = self.count(&[Event::Good, Event::Brisk, Event::Slow, Event::Failed]);
        let calls = decided.max(self.count(&[Event::Sent]));
        let why = if in_row {
            Why::Consecutive
        } else if self.is_share(self.count(&[Event::Failed]), calls, self.settings.ratio_permille) {
            Why::Ratio
        } else {
            return None;
        };
        self.open(why, draw);
        Some(Transition::Opened(why))
    }

    fn forget(&mut self, id: usize) {
        if self.attempts[id].probe {
            self.probe = None;
        }
        if !self.attempts[id].answered {
            self.events.retain(|(_, _, of)| *of != id);
        }
    }

    fn forgive(&mut self) {
        if self.forgive.is_some_and(|at| self.now >= at) {
            self.doublings -= 1;
            self.forgive = (self.doublings > 0).then_some(self.now + self.settings.window_ns);
        }
    }

    fn quarantine(&mut self, until: u64) -> Option<Transition> {
        let was = self.out;
        self.out = Some((until.max(was.map_or(0, |(until, _)| until)), Why::Quarantine));
        self.ramp = None;
        self.forgive = None;
        if was.is_some_and(|(_, why)| why == Why::Quarantine) {
            return None;
        }
        self.begin_generation();
        Some(Transition::Opened(Why::Quarantine))
    }

    fn resting(&self) -> bool {
        self.out.is_some_and(|(until, why)| self.now < until && why != Why::Quarantine)
    }

    fn end_rest(&mut self) {
        if self.resting() {
            self.out = self.out.map(|(_, why)| (self.now, why));
        }
    }

    fn set(&mut self, settings: Settings) {
        if self.settings.window_ns != settings.window_ns {
            self.begin_generation();
        }
        self.settings = settings;
    }
}

#[derive(Debug, Clone)]
enum Act {
    Wait(u64),
    Enter,
    EnterAnyway,
    Commit(Option<u64>),
    Settle(Settled),
    Drop,
    Cool(u64),
    Quarantine(u64),
    EndRest,
    Set(Settings),
}

fn first_token() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(SECOND)), Just(Some(SLOW)), Just(Some(SLOW + 1)), Just(Some(3 * SLOW))]
}

fn settled() -> impl Strategy<Value = Settled> {
    prop_oneof![
        3 => first_token().prop_map(|first_token_ns| Settled::Success { first_token_ns }),
        4 => Just(Settled::Failure),
        1 => Just(Settled::RateLimited),
        1 => Just(Settled::Nothing),
    ]
}

prop_compose! {
    fn settings()(
        consecutive in 0_u32..5,
        ratio_permille in prop::sample::select(vec![0, 300, 500, 1000]),
        slow_first_token_ns in prop::sample::select(vec![0, SLOW]),
        slow_permille in prop::sample::select(vec![0, 500, 800]),
        window_ns in prop::sample::select(vec![5, 10 * SECOND, 30 * SECOND]),
        min_calls in 0_u32..7,
        open_ns in prop::sample::select(vec![SECOND, 5 * SECOND]),
        open_cap_ns in prop::sample::select(vec![5 * SECOND, 20 * SECOND]),
    ) -> Settings {
        Settings {
            consecutive, ratio_permille, slow_first_token_ns, slow_permille, window_ns, min_calls, open_ns, open_cap_ns,
        }
    }
}

fn moment() -> impl Strategy<Value = u64> {
    prop_oneof![0..100 * SECOND, Just(u64::MAX), any::<u64>()]
}

fn act() -> impl Strategy<Value = Act> {
    let wait = vec![1, MS, 400 * MS, SECOND, 3 * SECOND, 5 * SECOND, 10 * SECOND, 31 * SECOND, 120 * SECOND];
    prop_oneof![
        5 => prop::sample::select(wait.clone()).prop_map(Act::Wait),
        8 => Just(Act::Enter),
        2 => Just(Act::EnterAnyway),
        2 => first_token().prop_map(Act::Commit),
        8 => settled().prop_map(Act::Settle),
        1 => Just(Act::Drop),
        1 => prop::sample::select(wait.clone()).prop_map(Act::Cool),
        1 => prop::sample::select(wait).prop_map(Act::Quarantine),
        1 => Just(Act::EndRest),
        1 => settings().prop_map(Act::Set),
    ]
}

/// A number below `n`, in the proportion of `x` to its range.
fn below(n: u64, x: u32) -> u64 {
    u64::try_from((u128::from(x) * u128::from(n)) >> 32).unwrap()
}

/// Plays acts on both; `x` decides which open attempt an act is of, and the luck.
fn play(first: Settings, acts: Vec<(Act, u32)>) -> Result<(), TestCaseError> {
    let health = Arc::new(Health::new(first));
    let mut reference = Reference::new(first);
    let mut open: Vec<(usize, Permit)> = Vec::new();
    for (act, x) in acts {
        let now = reference.now;
        let draw = &mut |n| below(n, x);
        let at = if open.is_empty() { None } else { Some(x as usize % open.len()) };
        let mut told = None;
        match (act, at) {
            (Act::Wait(ns), _) => reference.now += ns,
            (Act::Enter, _) => {
                let expected = reference.enter(draw(1000));
                let entered = health.enter(now, draw);
                prop_assert_eq!(entered.as_ref().map(Permit::is_probe).map_err(|refused| *refused), expected);
                open.extend(entered.ok().map(|permit| (reference.attempts.len() - 1, permit)));
            }
            (Act::EnterAnyway, _) => {
                let expected = reference.enter_anyway();
                let entered = health.enter_anyway(now);
                prop_assert_eq!(entered.as_ref().map(Permit::is_probe), expected);
                open.extend(entered.map(|permit| (reference.attempts.len() - 1, permit)));
            }
            (Act::Commit(first), Some(at)) => {
                let (id, permit) = &mut open[at];
                told = health.commit(permit, now, first, draw);
                prop_assert_eq!(told, reference.commit(*id, first, draw));
            }
            (Act::Settle(result), Some(at)) => {
                let (id, permit) = open.swap_remove(at);
                told = health.settle(permit, now, result, draw);
                prop_assert_eq!(told, reference.settle(id, result, draw));
            }
            (Act::Drop, Some(at)) => {
                let (id, permit) = open.swap_remove(at);
                health.give_back(permit);
                reference.forget(id);
            }
            (Act::Cool(ns), _) => {
                health.cool_until(now + ns);
                reference.cool = reference.cool.max(now + ns);
            }
            (Act::Quarantine(ns), _) => {
                prop_assert_eq!(health.quarantine_until(now + ns), reference.quarantine(now + ns));
            }
            (Act::EndRest, _) => {
                prop_assert_eq!(health.is_resting(now), reference.resting());
                health.end_rest(now);
                reference.end_rest();
                prop_assert!(!health.is_resting(now));
            }
            (Act::Set(settings), _) => {
                health.set(settings);
                reference.set(settings);
            }
            (Act::Commit(_) | Act::Settle(_) | Act::Drop, None) => {}
        }
        prop_assert_eq!(health.state(reference.now), reference.state());
        if let Some(Transition::Opened(told)) = told
            && let State::Open { why, .. } = reference.state()
            && why != Why::Cooldown
        {
            prop_assert_eq!(told, why, "what is announced is what the state says");
        }
        let probes = open.iter().filter(|(_, permit)| permit.is_probe()).count();
        prop_assert_eq!(probes, usize::from(reference.probe.is_some()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_key_does_what_the_reference_does(
        first in settings(),
        acts in prop::collection::vec((act(), any::<u32>()), 1..120),
    ) {
        play(first, acts)?;
    }

    /// Times from all over, backwards too: nothing overflows, probes stay one, and in the end the key is in service.
    #[test]
    fn a_clock_that_jumps_neither_breaks_a_key_nor_loses_its_probe(
        first in settings(),
        acts in prop::collection::vec((act(), any::<u32>(), moment()), 1..80),
    ) {
        let health = Arc::new(Health::new(first));
        let mut open: Vec<Permit> = Vec::new();
        for (act, x, now) in acts {
            let draw = &mut |n| below(n, x);
            let at = if open.is_empty() { None } else { Some(x as usize % open.len()) };
            match (act, at) {
                (Act::Enter, _) => open.extend(health.enter(now, draw).ok()),
                (Act::EnterAnyway, _) => open.extend(health.enter_anyway(now)),
                (Act::Commit(first), Some(at)) => drop(health.commit(&mut open[at], now, first, draw)),
                (Act::Settle(result), Some(at)) => drop(health.settle(open.swap_remove(at), now, result, draw)),
                (Act::Drop, Some(at)) => health.give_back(open.swap_remove(at)),
                (Act::Cool(ns), _) => health.cool_until(now.saturating_add(ns)),
                (Act::Quarantine(ns), _) => drop(health.quarantine_until(now.saturating_add(ns))),
                (Act::EndRest, _) => health.end_rest(now),
                (Act::Set(settings), _) => health.set(settings),
                (Act::Wait(_) | Act::Commit(_) | Act::Settle(_) | Act::Drop, _) => {}
            }
            prop_assert!(open.iter().filter(|permit| permit.is_probe()).count() <= 1);
        }
        open.drain(..).for_each(|permit| health.give_back(permit));
        let draw = &mut |n: u64| n / 2;
        if let Some(probe) = health.enter_anyway(u64::MAX) {
            health.settle(probe, u64::MAX, Settled::Success { first_token_ns: None }, draw);
        }
        prop_assert!(health.enter_anyway(u64::MAX).is_some_and(|permit| !permit.is_probe()), "{health:?}");
    }

    #[test]
    fn cooldowns_only_lengthen_whatever_else_happens(
        acts in prop::collection::vec((act(), any::<u32>()), 1..60),
    ) {
        let health = Arc::new(Health::new(Settings {
            consecutive: 2, ratio_permille: 500, slow_first_token_ns: SLOW, slow_permille: 800, window_ns: 30 * SECOND,
            min_calls: 3, open_ns: SECOND, open_cap_ns: 4 * SECOND,
        }));
        let (mut now, mut until, mut open) = (0, 0, Vec::new());
        for (act, x) in acts {
            let draw = &mut |n| below(n, x);
            match act {
                Act::Wait(ns) => now += ns,
                Act::Enter => open.extend(health.enter(now, draw).ok()),
                Act::EnterAnyway => open.extend(health.enter_anyway(now)),
                Act::Settle(result) => drop(open.pop().map(|permit: Permit| health.settle(permit, now, result, draw))),
                Act::Cool(ns) => {
                    health.cool_until(now + ns);
                    until = until.max(now + ns);
                }
                Act::EndRest => health.end_rest(now),
                Act::Commit(_) | Act::Drop | Act::Quarantine(_) | Act::Set(_) => {}
            }
            if now < until {
                let is_out = matches!(health.state(now), State::Open { until_ns, .. } if until_ns >= until);
                prop_assert!(is_out, "{:?} at {now}, to cool until {until}", health.state(now));
                prop_assert!(health.enter(now, &mut |_| 0).is_err());
            }
        }
    }
}
