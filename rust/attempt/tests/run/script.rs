//! A world that does what a test says.

use attempt::{
    Against, Attempt, Blame, Call, Class, Failure, Good, Lost, State, Targets, Transition, Tried, What, World, go_on,
    run,
};
use fault::{Fault, Kind};
use plan::{Needs, Plan, Scope};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub(crate) const SECOND: u64 = 1_000_000_000;

/// What an attempt comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Good,
    Fails(Class, Blame),
    /// The same, with a pause that the provider asks for.
    Asks(Class, Blame, u64),
    /// Nothing of it left.
    Untouched,
    /// Nothing was left here to make it with.
    Lacks,
    /// A timeout after so long.
    Takes(u64),
    Hangs,
}

impl Act {
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Fails(class, _) | Self::Asks(class, ..) => class,
            _ => Class::Good,
        }
    }

    pub(crate) const fn blame(self) -> Blame {
        match self {
            Self::Fails(_, blame) | Self::Asks(_, blame, _) => blame,
            _ => Blame::Nobody,
        }
    }
}

#[derive(Default)]
struct Inner {
    now: Cell<u64>,
    random: Cell<u64>,
    /// Whether time stands still, so that whoever waits does so for ever.
    stands: Cell<bool>,
    then: RefCell<HashMap<String, VecDeque<Act>>>,
    always: RefCell<HashMap<String, Act>>,
    log: RefCell<Vec<String>>,
    reasons: RefCell<Vec<&'static str>>,
}

/// The world of one test: providers by name, or `name/endpoint`, or `name/endpoint/credential`.
pub(crate) struct Script {
    plan: Rc<Plan>,
    targets: Rc<Targets>,
    /// What calls need of a model, and how long their prompts are.
    pub(crate) asks: (Needs, u64),
    inner: Rc<Inner>,
}

struct Scripted {
    plan: Rc<Plan>,
    inner: Rc<Inner>,
}

type Done = Result<&'static str, Lost<&'static str>>;

impl Script {
    pub(crate) fn new(plan: Plan) -> Self {
        let targets = Targets::new(&plan, &State::new());
        Self { plan: Rc::new(plan), targets: Rc::new(targets), asks: (Needs::NONE, 0), inner: Rc::default() }
    }

    /// The next attempts at a place; good ones follow.
    pub(crate) fn then<const N: usize>(&mut self, place: &str, acts: [Act; N]) {
        self.inner.then.borrow_mut().insert(place.to_owned(), acts.into());
    }

    /// All attempts at a place from now on.
    pub(crate) fn always(&mut self, place: &str, act: Act) {
        self.inner.always.borrow_mut().insert(place.to_owned(), act);
    }

    pub(crate) fn now(&self) -> u64 {
        self.inner.now.get()
    }

    pub(crate) fn wait(&mut self, ns: u64) {
        self.inner.now.set(self.now() + ns);
    }

    pub(crate) fn stop_time(&mut self, stands: bool) {
        self.inner.stands.set(stands);
    }

    /// Why attempts went to later steps, since this was last asked.
    pub(crate) fn take_reasons(&self) -> Vec<&'static str> {
        self.inner.reasons.take()
    }

    pub(crate) fn take_log(&self) -> Vec<String> {
        self.inner.log.take()
    }

    /// Makes a call and waits for what comes of it.
    pub(crate) fn call(&mut self, model: &str) -> Done {
        match self.start(model, true).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("the call hangs"),
        }
    }

    /// The same, of a request that can be sent once.
    pub(crate) fn once(&mut self, model: &str) -> Done {
        match self.start(model, false).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("the call hangs"),
        }
    }

    /// Makes a call whose answer is cut, and goes on with it at these places of its step.
    pub(crate) fn cut(&mut self, model: &str, places: u64) -> Done {
        let (plan, targets, inner) = (Rc::clone(&self.plan), Rc::clone(&self.targets), Rc::clone(&self.inner));
        let mut done = Box::pin(async move {
            let route = plan.route(model, Scope::Everything).expect("known");
            let total_by_ns = inner.now.get() + route.timeouts().total_ms * 1_000_000;
            let call = Call {
                route,
                targets: &targets,
                total_by_ns,
                prompt_tokens: 0,
                needs: Needs::NONE,
                replayable: true,
                streamed: true,
                hedge: None,
                affinity: None,
                first_step: 0,
                rooms: None,
            };
            let world = Scripted { plan: Rc::clone(&plan), inner: Rc::clone(&inner) };
            let won = run(&call, &world).await?;
            let (class, blame) = (Class::Unavailable, Blame::EndpointModel);
            let verdict = attempt::Verdict { class, blame, pause_ns: None };
            won.held.end(verdict, inner.now.get(), &mut |n| world.draw(n), &mut |_, _| {});
            let what = What::Fault(Fault::new(Kind::StreamCut, "scripted"));
            let result = Err(Kind::StreamCut);
            let failure = Failure { class, blame, pause_ns: None, advice: None, untouched: false, result, what };
            let won = go_on(&call, (won.trail, places), failure, &world).await?;
            won.held.end(attempt::Verdict::GOOD, inner.now.get(), &mut |n| world.draw(n), &mut |_, _| {});
            Ok(won.answer)
        });
        match done.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("the call hangs"),
        }
    }

    /// Makes a call that hangs.
    pub(crate) fn begin(&mut self, model: &str) -> Pin<Box<dyn Future<Output = Done>>> {
        let mut call = self.start(model, true);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        call
    }

    fn start(&self, model: &str, replayable: bool) -> Pin<Box<dyn Future<Output = Done>>> {
        let (plan, targets, inner) = (Rc::clone(&self.plan), Rc::clone(&self.targets), Rc::clone(&self.inner));
        let (model, (needs, prompt_tokens)) = (model.to_owned(), self.asks);
        Box::pin(async move {
            let route = plan.route(&model, Scope::Everything).expect("known");
            let total_by_ns = inner.now.get() + route.timeouts().total_ms * 1_000_000;
            let call = Call {
                route,
                targets: &targets,
                total_by_ns,
                prompt_tokens,
                needs,
                replayable,
                streamed: false,
                hedge: None,
                affinity: None,
                first_step: 0,
                rooms: None,
            };
            let world = Scripted { plan: Rc::clone(&plan), inner: Rc::clone(&inner) };
            let won = run(&call, &world).await?;
            won.held.end(attempt::Verdict::GOOD, inner.now.get(), &mut |n| world.draw(n), &mut |_, _| {});
            Ok(won.answer)
        })
    }
}

impl Scripted {
    fn act(&self, names: &[String]) -> Act {
        let mut then = self.inner.then.borrow_mut();
        let next = names.iter().find_map(|name| then.get_mut(name)?.pop_front());
        next.or_else(|| names.iter().find_map(|name| self.inner.always.borrow().get(name).copied()))
            .unwrap_or(Act::Good)
    }
}

impl World for Scripted {
    type Answer = &'static str;

    fn now(&self) -> u64 {
        self.inner.now.get()
    }

    fn draw(&self, n: u64) -> u64 {
        let state =
            self.inner.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.inner.random.set(state);
        (state >> 33) % n
    }

    async fn sleep_until(&self, at_ns: u64) {
        if self.inner.stands.get() {
            pending::<()>().await;
        }
        self.inner.now.set(self.inner.now.get().max(at_ns));
    }

    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Good<&'static str>, Failure<&'static str>> {
        let provider = &self.plan.providers[attempt.candidate.provider].id;
        let Attempt { endpoint, credential, .. } = *attempt;
        let names = [format!("{provider}/{endpoint}/{credential}"), format!("{provider}/{endpoint}"), provider.clone()];
        let fails = |class, blame, pause_ns, untouched| {
            let what = What::Fault(Fault::new(Kind::UpstreamClosed, "scripted"));
            let result = Err(Kind::UpstreamClosed);
            Err(Failure { class, blame, pause_ns, advice: None, untouched, result, what })
        };
        match self.act(&names) {
            Act::Good => {
                let answer = if provider == "first" {
                    "first"
                } else if provider == "second" {
                    "second"
                } else {
                    "keys"
                };
                Ok(Good { answer, status: 200, first_token_ns: None, quota_permille: None })
            }
            Act::Fails(class, blame) => fails(class, blame, None, false),
            Act::Asks(class, blame, pause) => fails(class, blame, Some(pause), false),
            Act::Untouched => fails(Class::Unavailable, Blame::EndpointModel, None, true),
            Act::Lacks => {
                let (class, blame) = attempt::classify::of_fault(Kind::Overloaded);
                let what = What::Fault(Fault::new(Kind::Overloaded, "scripted"));
                Err(Failure {
                    class,
                    blame,
                    pause_ns: None,
                    advice: None,
                    untouched: true,
                    result: Err(Kind::UpstreamClosed),
                    what,
                })
            }
            Act::Takes(ns) => {
                self.inner.now.set(self.inner.now.get() + ns);
                fails(Class::Timeout, Blame::EndpointModel, None, false)
            }
            Act::Hangs => {
                poll_fn(|_| Poll::<()>::Pending).await;
                pending().await
            }
        }
    }

    fn acts_at_provider(&self) -> bool {
        false
    }

    fn not_hedged(&self, _against: Against) {}

    fn tried(&self, tried: &Tried<'_>) {
        let Attempt { candidate, endpoint, credential, reason, .. } = tried.attempt;
        if let Some(reason) = reason {
            self.inner.reasons.borrow_mut().push(reason.name());
        }
        let provider = &self.plan.providers[candidate.provider].id;
        let then = if tried.then.is_empty() { String::new() } else { format!(" -> {}", tried.then) };
        let line = format!("{provider}/{endpoint}/{credential} {}{then}", tried.class.name());
        self.inner.log.borrow_mut().push(line);
    }

    fn changed(&self, _key: &str, _transition: Transition) {}
}

/// `first` and `second` have one endpoint, `keys` two and two credentials. `smart` goes to `first`, then to `second` when
/// that is of use; `careful` also for what the prompt is; `same-size` has a fallback with the context of `first`; `pair`
/// shares its calls between `first` and `second`.
pub(crate) fn plan() -> Plan {
    let step = |deployment: usize, when: &[&str]| json!({"shares": [{"deployment": deployment, "weight": 1}], "balance": "weighted", "when": when});
    let alias = |name: &str, chain: Vec<Value>| json!({"name": name, "chain": chain, "resilience": resilience()});
    let failed = &["unavailable", "rate_limited", "timeout"];
    let prompt = &["context_too_long", "content_filtered"];
    let deployment = |id: &str, provider: usize, context: u64| json!({"id": id, "provider": provider, "model": "m", "context_tokens": context, "capabilities": null, "price": null, "max_concurrency": null, "prefill": "off"});
    serde_json::from_value(json!({
        "format": 1, "hash": "", "callers": "anyone", "workers": "auto", "keys": [], "pepper": null, "models": [],
        "passthrough": null, "journal": null,
        "identity": {"user": [], "agent": [], "session": [], "task": [], "tags": [], "most_values": 1000, "forget_ms": 60000},
        "limits": [], "budgets": [], "grants": [],
        "listen": {"data": {"tcp": "127.0.0.1:0"}, "ops": {"tcp": "127.0.0.1:0"}, "tls": null},
        "http": {"max_body_bytes": 1, "max_upload_bytes": 1, "max_head_bytes": 1024, "max_connections": 1, "idle_ms": 1,
                 "read_gap_ms": 1, "origins": [], "max_calls": 1, "max_streams": 1, "max_buffered_bytes": null},
        "drain": {"accept_for_ms": 0, "grace_ms": 0},
        "egress": {"proxy": "off", "roots": {"system": false, "bundled": false, "files": []}},
        "log": {"level": "info", "calls": "off"},
        "prices": [],
        "providers": [provider("first", 1, 1), provider("second", 1, 1), provider("keys", 2, 2)],
        "deployments": [deployment("a", 0, 1000), deployment("b", 1, 2000), deployment("c", 2, 1000), deployment("d", 1, 1000)],
        "aliases": [
            alias("smart", vec![step(0, &[]), step(1, failed)]),
            alias("alone", vec![step(0, &[])]),
            alias("careful", vec![step(0, &[]), step(1, prompt)]),
            alias("same-size", vec![step(0, &[]), step(3, prompt)]),
            alias("two-keys", vec![step(2, &[])]),
            alias("pair", vec![json!({"shares": [{"deployment": 0, "weight": 1}, {"deployment": 1, "weight": 1}],
                                      "balance": "weighted", "when": []})]),
        ],
        "resilience": resilience(),
    }))
    .expect("a plan")
}

fn resilience() -> Value {
    json!({
        "timeouts": {"connect_ms": 3000, "first_token_ms": 30000, "idle_ms": 60000, "attempt_ms": 600_000,
                     "total_ms": 600_000, "stream_total_ms": 3_600_000},
        "retry": {"max_attempts": 3, "max_attempts_per_call": 5, "base_ms": 100, "throttled_base_ms": 1000,
                  "cap_ms": 8000, "wait_ms": 10000},
        "hedge": null, "on_disconnect": "cancel", "on_cut": "error", "coalesce": false, "resume_bytes": null,
        "keep_alive_ms": null, "priority": "normal", "affinity": "off",
    })
}

fn provider(id: &str, endpoints: usize, credentials: usize) -> Value {
    let endpoint = |n: usize| json!({"id": format!("{id}@{n}"), "scheme": "http", "host": "127.0.0.1", "port": n, "base_path": "", "named": true});
    json!({
        "id": id, "kind": "", "dialect": "openai", "http": "auto", "headers": {},
        "endpoints": (0..endpoints).map(endpoint).collect::<Vec<_>>(),
        "credentials": (0..credentials).map(|n| json!({"literal": n.to_string()})).collect::<Vec<_>>(),
        "auth": {"header": "authorization", "prefix": "Bearer "},
        "breaker": {"consecutive": 5, "ratio_permille": 500, "slow_first_token_ms": 20000, "slow_permille": 800,
                    "window_ms": 30000, "min_calls": 10, "open_ms": 5000, "open_cap_ms": 120_000, "probe_ms": null},
        "retry_permille": 100, "retry_floor_per_second": 3, "max_concurrency": 1000,
        "stream_usage": "ask", "prices": {}, "price": null,
    })
}
