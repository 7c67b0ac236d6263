//! A world whose attempts take time side by side: the clock jumps to the next moment that somebody waits for.

use attempt::{
    Against, Attempt, Blame, Call, Class, Failure, Good, Lost, State, Stop, Targets, Transition, Tried, Verdict, What,
    World, hedge::Purse, run,
};
use fault::{Fault, Kind};
use plan::{Hedge, HedgeAfter, Label, Needs, Plan, Scope};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub(crate) const MS: u64 = 1_000_000;

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Good,
    Fails(Class, Blame),
    /// The same, and the provider wants no further attempt.
    Forbids(Class, Blame),
}

/// What a call comes to: the number of the attempt that was good, or why there was no further one.
pub(crate) type Done = Result<u32, Stop>;

/// A plan and what is known of its targets, over many calls.
pub(crate) struct Bench {
    plan: Plan,
    state: State,
    targets: Targets,
    pub(crate) acts_at_provider: bool,
    pub(crate) streamed: bool,
    pub(crate) affinity: Option<u64>,
    pub(crate) now_ns: u64,
    random: u64,
}

/// One call's view.
struct Timed<'b> {
    bench: &'b Bench,
    now: Cell<u64>,
    random: Cell<u64>,
    wakes: RefCell<Vec<u64>>,
    /// By the attempt's number: after how many milliseconds what comes of it; those beyond are good at once.
    acts: &'b [(u64, End)],
    log: RefCell<Vec<String>>,
    open: Cell<usize>,
}

/// An exchange that is open; dropped before its end it was cancelled.
struct Open<'w, 'b> {
    world: &'w Timed<'b>,
    number: u32,
    is_over: bool,
}

impl Drop for Open<'_, '_> {
    fn drop(&mut self) {
        self.world.open.set(self.world.open.get() - 1);
        if !self.is_over {
            self.world.log.borrow_mut().push(format!("{} cancelled", self.number));
        }
    }
}

impl Bench {
    pub(crate) fn new(plan: Plan) -> Self {
        let state = State::new();
        let targets = Targets::new(&plan, &state);
        Self { plan, state, targets, acts_at_provider: false, streamed: true, affinity: None, now_ns: 0, random: 1 }
    }

    /// Makes a call, and tells what happened in it.
    pub(crate) fn call(&mut self, model: &str, acts: &[(u64, End)]) -> (Done, Vec<String>) {
        let hung = self.call_for(model, acts, u64::MAX);
        hung.expect("it ends")
    }

    /// The same; none where the caller left first, after so many nanoseconds.
    pub(crate) fn call_for(&mut self, model: &str, acts: &[(u64, End)], ns: u64) -> Option<(Done, Vec<String>)> {
        let leaves_ns = self.now_ns.saturating_add(ns);
        let (done, log, now_ns, random) = {
            let world = Timed {
                bench: self,
                now: Cell::new(self.now_ns),
                random: Cell::new(self.random),
                wakes: RefCell::default(),
                acts,
                log: RefCell::default(),
                open: Cell::new(0),
            };
            let done = world.play(model, leaves_ns);
            assert_eq!(world.open.get(), 0, "nothing is left open");
            (done, world.log.take(), world.now.get(), world.random.get())
        };
        (self.now_ns, self.random) = (now_ns, random);
        done.map(|done| (done, log))
    }

    /// Whether nothing is held of any target, and every breaker is closed.
    pub(crate) fn is_at_rest(&self) -> bool {
        let (mut held, mut open) = (0, 0);
        self.state.each_limit(|_, limit| held += limit.in_flight());
        self.state
            .each_health(|_, health| open += u32::from(health.state(self.now_ns) != attempt::HealthState::Closed));
        held == 0 && open == 0
    }

    /// What second attempts of an alias may cost.
    pub(crate) fn purse(&self, alias: &str) -> &Purse {
        let index = self.plan.aliases.iter().position(|one| one.name == alias).expect("an alias");
        self.targets.purse(Label::Alias(index)).expect("one for each")
    }

    /// Every slot that was taken was given back.
    pub(crate) fn holds_nothing(&self) -> bool {
        let mut held = 0;
        self.state.each_limit(|_, limit| held += limit.in_flight());
        held == 0
    }
}

impl Timed<'_> {
    fn play(&self, model: &str, leaves_ns: u64) -> Option<Done> {
        let route = self.bench.plan.route(model, Scope::Everything).expect("known");
        let call = Call {
            route,
            targets: &self.bench.targets,
            total_by_ns: self.now.get() + route.timeouts().total_ms * MS,
            prompt_tokens: 0,
            needs: Needs::NONE,
            replayable: true,
            streamed: self.bench.streamed,
            hedge: route.resilience().hedge.as_ref(),
            affinity: self.bench.affinity,
            first_step: 0,
            rooms: None,
        };
        let mut running = pin!(run(&call, self));
        loop {
            if let Poll::Ready(done) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Some(self.end(done));
            }
            let next = self.wakes.take().into_iter().min().expect("somebody waits for a moment");
            if next >= leaves_ns {
                return None;
            }
            self.now.set(next);
        }
    }

    fn end(&self, done: Result<attempt::Won<u32>, Lost<u32>>) -> Done {
        let won = done.map_err(|lost| lost.why)?;
        won.held.end(Verdict::GOOD, self.now.get(), &mut |n| self.draw(n), &mut |_, _| {});
        Ok(won.answer)
    }
}

impl World for Timed<'_> {
    type Answer = u32;

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn draw(&self, n: u64) -> u64 {
        let state = self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random.set(state);
        (state >> 33) % n
    }

    fn sleep_until(&self, at_ns: u64) -> impl Future<Output = ()> {
        poll_fn(move |_| {
            if self.now.get() >= at_ns {
                return Poll::Ready(());
            }
            self.wakes.borrow_mut().push(at_ns);
            Poll::Pending
        })
    }

    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Good<u32>, Failure<u32>> {
        self.open.set(self.open.get() + 1);
        let mut open = Open { world: self, number: attempt.number, is_over: false };
        let index = usize::try_from(attempt.number).expect("small") - 1;
        let (ms, end) = self.acts.get(index).copied().unwrap_or((0, End::Good));
        self.sleep_until(attempt.started_ns + ms * MS).await;
        open.is_over = true;
        let first_token_ns = self.bench.streamed.then_some(ms * MS);
        let (class, blame, advice) = match end {
            End::Good => return Ok(Good { answer: attempt.number, status: 200, first_token_ns, quota_permille: None }),
            End::Fails(class, blame) => (class, blame, None),
            End::Forbids(class, blame) => (class, blame, Some(false)),
        };
        let what = What::Fault(Fault::new(Kind::UpstreamClosed, "timed"));
        let result = Err(Kind::UpstreamClosed);
        Err(Failure { class, blame, pause_ns: None, advice, untouched: false, result, what })
    }

    fn acts_at_provider(&self) -> bool {
        self.bench.acts_at_provider
    }

    fn not_hedged(&self, against: Against) {
        self.log.borrow_mut().push(format!("not hedged: {}", against.name()));
    }

    fn tried(&self, tried: &Tried<'_>) {
        let Attempt { number, candidate, endpoint, credential, is_hedge, .. } = tried.attempt;
        let provider = &self.bench.plan.providers[candidate.provider].id;
        let hedge = if is_hedge { " hedge" } else { "" };
        let then = if tried.then.is_empty() { String::new() } else { format!(" -> {}", tried.then) };
        let line = format!("{number}{hedge} {provider}/{endpoint}/{credential} {}{then}", tried.class.name());
        self.log.borrow_mut().push(line);
    }

    fn changed(&self, _key: &str, _transition: Transition) {}
}

/// The tests' plan with second attempts for all aliases.
pub(crate) fn hedged(after: HedgeAfter, max_share_permille: u32) -> Plan {
    let mut plan = crate::script::plan();
    for alias in &mut plan.aliases {
        alias.resilience.hedge = Some(Hedge { after, max_share_permille, max_spend_permille: 10 });
    }
    plan
}
