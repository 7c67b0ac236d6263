//! The health of one key, shared by all workers.

use super::breaker::{Breaker, Draw, Pass, Trial};
use super::permit::Permit;
use super::state::{Refused, Settings, Settled, State, Transition};
use super::window::{self, BUCKETS, Event, Rows, Tick, Window};
use crate::sync::{
    AtomicU64, Mutex,
    Ordering::{Acquire, Relaxed, Release},
    lock,
};
use std::fmt;

/// The health of one key. See the module's documentation.
pub struct Health {
    glance: Glance,
    window: Window,
    breaker: Mutex<Breaker>,
}

/// What a healthy call reads, on a cache line of its own: it changes with the state, not with every call.
#[repr(align(64))]
struct Glance {
    /// The generation, times two; plus one where the breaker has to be asked.
    signal: AtomicU64,
    bucket_ns: AtomicU64,
    slow_ns: AtomicU64,
    forgive_at_ns: AtomicU64,
    rows: Rows,
}

impl Health {
    /// A key in full service, of which nothing is known.
    pub fn new(settings: Settings) -> Self {
        Self {
            glance: Glance {
                signal: AtomicU64::new(0),
                bucket_ns: AtomicU64::new(bucket_ns(&settings)),
                slow_ns: AtomicU64::new(settings.slow_first_token_ns),
                forgive_at_ns: AtomicU64::new(u64::MAX),
                rows: Rows::new(),
            },
            window: Window::new(),
            breaker: Mutex::new(Breaker::new(settings)),
        }
    }

    /// Other settings from now on. What is known stays, except that counts begin anew where the window changes; an
    /// opening that has begun lasts as long as it was to last.
    pub fn set(&self, settings: Settings) {
        self.change(|breaker| {
            self.glance.bucket_ns.store(bucket_ns(&settings), Relaxed);
            self.glance.slow_ns.store(settings.slow_first_token_ns, Relaxed);
            breaker.set(settings);
        });
    }

    /// Whether there is nothing to ask: in full service. One load.
    pub fn is_calm(&self) -> bool {
        is_calm(self.glance.signal.load(Relaxed))
    }

    /// What may be sent here. One load where all is well.
    pub fn state(&self, now_ns: u64) -> State {
        if is_calm(self.glance.signal.load(Relaxed)) {
            return State::Closed;
        }
        self.change(|breaker| breaker.state(now_ns))
    }

    /// Lets an attempt in and counts it as sent, or says when to ask again.
    ///
    /// Half-open, the permit is the probe's; while ramping, `draw` decides. Whoever has given the key its share already
    /// passes a `draw` that answers 0.
    pub fn enter(&self, now_ns: u64, draw: &mut dyn FnMut(u64) -> u64) -> Result<Permit, Refused> {
        let signal = self.glance.signal.load(Acquire);
        if is_calm(signal) {
            return Ok(self.permit(now_ns, generation(signal), Pass::Plain));
        }
        let (pass, generation) = self.change(|breaker| (breaker.enter(now_ns, draw), breaker.generation()));
        Ok(self.permit(now_ns, generation, pass?))
    }

    /// Lets an attempt in that has nowhere else to go. `None`: the key is out, and its probe too.
    ///
    /// A key in service takes everybody, whatever its share; one that is out takes one probe at a time.
    pub fn enter_anyway(&self, now_ns: u64) -> Option<Permit> {
        let (pass, generation) = self.change(|breaker| (breaker.enter_anyway(now_ns), breaker.generation()));
        Some(self.permit(now_ns, generation, pass?))
    }

    /// Keeps attempts away until then; never for less than was said before.
    pub fn cool_until(&self, until_ns: u64) {
        self.change(|breaker| breaker.cool_until(until_ns));
    }

    /// Takes the key out until then, never for less than was said before; ended early by a good answer to an attempt
    /// that begins from now on. `None` if it was in quarantine already.
    pub fn quarantine_until(&self, until_ns: u64) -> Option<Transition> {
        self.change(|breaker| breaker.quarantine_until(until_ns))
    }

    /// Whoever set this key up has looked at it: a quarantine is over, and the next attempt shows whether it helped.
    pub fn end_quarantine(&self, now_ns: u64) {
        self.change(|breaker| breaker.end_quarantine(now_ns));
    }

    /// Tells that an attempt's answer has begun: `first_token_ns` after it was sent, where there is such a thing.
    ///
    /// For streams, whose end may be minutes away: it ends the probe, and it ends failures in a row. Without it,
    /// [`Health::settle`] makes up for it. A second one is not heard.
    pub fn commit(
        &self,
        permit: &mut Permit,
        now_ns: u64,
        first_token_ns: Option<u64>,
        draw: &mut dyn FnMut(u64) -> u64,
    ) -> Option<Transition> {
        if permit.answered.is_some() {
            return None;
        }
        let event = self.timed(first_token_ns);
        let transition = if permit.is_probe { self.probed(permit, now_ns, trial(event), draw) } else { None };
        let tick = self.tick(now_ns);
        permit.answered = Some((event, tick));
        if !self.is_current(permit) {
            return transition;
        }
        self.window.add(event, tick);
        self.glance.rows.answered();
        transition.or_else(|| if event == Event::Slow { self.slow(permit, now_ns, draw) } else { None })
    }

    /// Says how an attempt went. `draw` jitters the time of an opening.
    pub fn settle(
        &self,
        mut permit: Permit,
        now_ns: u64,
        result: Settled,
        draw: &mut dyn FnMut(u64) -> u64,
    ) -> Option<Transition> {
        match result {
            Settled::Success { first_token_ns } => {
                let transition = self.commit(&mut permit, now_ns, first_token_ns, draw);
                self.ended(&permit, now_ns);
                transition
            }
            Settled::Failure => self.failed(permit, now_ns, Trial::Failed, draw),
            Settled::RateLimited => self.failed(permit, now_ns, Trial::RateLimited, draw),
            Settled::Nothing => {
                self.give_back(permit);
                None
            }
        }
    }

    /// The attempt teaches nothing: as if it had not been sent.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is given back once")]
    pub fn give_back(&self, permit: Permit) {
        if permit.is_probe {
            self.change(Breaker::give_back);
        }
        if permit.answered.is_none() && self.is_current(&permit) {
            self.window.take_back(Event::Sent, permit.sent);
        }
    }

    /// Whether the key is out because of failures, so that it is of use to ask whether they have passed. One load where
    /// all is well.
    pub fn is_resting(&self, now_ns: u64) -> bool {
        !self.is_calm() && self.change(|breaker| breaker.is_resting(now_ns))
    }

    /// Something else than an attempt was answered there: the next attempt may show now whether the failures have
    /// passed. What the provider itself asked for holds.
    pub fn end_rest(&self, now_ns: u64) {
        if !self.is_calm() {
            self.change(|breaker| breaker.end_rest(now_ns));
        }
    }

    fn permit(&self, now_ns: u64, generation: u64, pass: Pass) -> Permit {
        let sent = self.tick(now_ns);
        self.window.add(Event::Sent, sent);
        Permit { generation, sent, is_probe: pass == Pass::Probe, answered: None }
    }

    /// The answer ended well.
    fn ended(&self, permit: &Permit, now_ns: u64) {
        if !self.is_current(permit) {
            return;
        }
        self.glance.rows.clear();
        if now_ns >= self.glance.forgive_at_ns.load(Relaxed) {
            self.change(|breaker| breaker.forgive(now_ns));
        }
    }

    /// The attempt failed, or was limited.
    fn failed(&self, mut permit: Permit, now_ns: u64, trial: Trial, draw: Draw<'_>) -> Option<Transition> {
        if permit.is_probe
            && let Some(transition) = self.probed(&mut permit, now_ns, trial, draw)
        {
            return Some(transition);
        }
        self.change(|breaker| {
            if breaker.generation() != permit.generation || breaker.is_open() {
                return None;
            }
            if let Some((event, tick)) = permit.answered {
                self.window.take_back(event, tick);
            }
            let tick = self.tick(now_ns);
            self.window.add(Event::Failed, tick);
            let is_in_row = trial == Trial::Failed;
            let row = if is_in_row { self.glance.rows.fail(permit.answered.is_some()) } else { 0 };
            let why = breaker.judge_failure(row, &self.window.counts(tick))?;
            Some(breaker.open(now_ns, why, draw))
        })
    }

    /// Ends the probe. What it says counts where the key is still out for what it was out for when the probe was sent;
    /// a good one makes the attempt one of the new generation.
    fn probed(&self, permit: &mut Permit, now_ns: u64, trial: Trial, draw: Draw<'_>) -> Option<Transition> {
        permit.is_probe = false;
        self.change(|breaker| {
            breaker.give_back();
            if breaker.generation() != permit.generation {
                return None;
            }
            let transition = breaker.hear(now_ns, trial, draw);
            if transition == Some(Transition::Closed) {
                permit.generation = breaker.generation();
            }
            transition
        })
    }

    fn slow(&self, permit: &Permit, now_ns: u64, draw: Draw<'_>) -> Option<Transition> {
        self.change(|breaker| {
            if breaker.generation() != permit.generation || breaker.is_open() {
                return None;
            }
            let why = breaker.judge_slow(&self.window.counts(self.tick(now_ns)))?;
            Some(breaker.open(now_ns, why, draw))
        })
    }

    fn timed(&self, first_token_ns: Option<u64>) -> Event {
        let slow_ns = self.glance.slow_ns.load(Relaxed);
        match first_token_ns {
            None => Event::Good,
            Some(ns) if slow_ns > 0 && ns > slow_ns => Event::Slow,
            Some(_) => Event::Brisk,
        }
    }

    fn tick(&self, now_ns: u64) -> Tick {
        window::tick(now_ns, self.glance.bucket_ns.load(Relaxed))
    }

    fn is_current(&self, permit: &Permit) -> bool {
        generation(self.glance.signal.load(Acquire)) == permit.generation
    }

    /// Does something to the breaker and shows what it came to. A new generation starts with nothing counted.
    fn change<R>(&self, act: impl FnOnce(&mut Breaker) -> R) -> R {
        let mut breaker = lock(&self.breaker);
        let before = breaker.generation();
        let result = act(&mut breaker);
        if breaker.generation() != before {
            self.window.clear();
            self.glance.rows.clear();
        }
        let signal = breaker.generation() << 1 | u64::from(!breaker.is_calm());
        // Workers that only look share the line as long as nobody writes to it.
        if self.glance.signal.load(Relaxed) != signal {
            self.glance.signal.store(signal, Release);
        }
        if self.glance.forgive_at_ns.load(Relaxed) != breaker.forgive_at_ns() {
            self.glance.forgive_at_ns.store(breaker.forgive_at_ns(), Relaxed);
        }
        result
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("breaker", &*lock(&self.breaker)).finish_non_exhaustive()
    }
}

fn is_calm(signal: u64) -> bool {
    signal & 1 == 0
}

fn generation(signal: u64) -> u64 {
    signal >> 1
}

fn bucket_ns(settings: &Settings) -> u64 {
    (settings.window_ns / BUCKETS).max(1)
}

fn trial(event: Event) -> Trial {
    if event == Event::Slow { Trial::Slow } else { Trial::Good }
}
