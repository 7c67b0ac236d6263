//! A world: replicas of the gateway, providers, callers, and whoever writes down what happens.

use crate::arrivals;
use crate::executor::{Executor, Stuck};
use crate::oracle::{Oracle, Reason, Told, Violations};
use crate::planted::Planted;
use crate::probing;
use crate::provider::Provider;
use crate::rng::Stream;
use crate::scenario::{Capacity, Distribution, ProviderKind, Scenario, drawn};
use crate::tally::{Change, Tally};
use crate::time::{SECOND, of_ms};
use attempt::{HealthState, Held, Transition, Why};
use plan::Plan;
use random::Rng;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// So long after the last call a probe that is still out is one that nobody will ever give back.
const LONG_AFTER_NS: u64 = 48 * 3600 * SECOND;

/// One world.
pub(crate) struct Fleet {
    /// What the gateway follows.
    pub(crate) plan: Arc<Plan>,
    /// What the oracle holds it to: the same, but where a fault is planted.
    pub(crate) policy: Arc<Plan>,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) seed: u64,
    pub(crate) executor: Executor,
    /// In the plan's order.
    pub(crate) providers: Vec<Provider>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) oracle: Oracle,
    pub(crate) tally: RefCell<Tally>,
    /// What is never given back, where that is the planted fault.
    pub(crate) hoard: RefCell<Vec<Held>>,
}

/// One replica of the gateway.
pub(crate) struct Replica {
    pub(crate) number: usize,
    state: attempt::State,
    pub(crate) targets: attempt::Targets,
    rng: RefCell<Rng>,
}

/// What is left of a world when it is over.
pub(crate) struct Remains {
    pub(crate) tally: Tally,
    pub(crate) violations: Violations,
    /// Whether it was stopped before its end.
    pub(crate) is_stopped: bool,
}

impl Fleet {
    fn new(policy: &Arc<Plan>, scenario: &Arc<Scenario>, seed: u64) -> Self {
        let replicas = 0..scenario.replicas;
        let plan = scenario.planted.map_or_else(|| Arc::clone(policy), |planted| planted.plan(policy));
        Self {
            providers: providers(&plan, scenario, seed),
            oracle: Oracle::new(policy, replicas.len()),
            replicas: replicas.map(|number| Replica::new(&plan, seed, number)).collect(),
            tally: RefCell::new(Tally::new(plan.providers.len(), scenario.seconds())),
            hoard: RefCell::default(),
            executor: Executor::new(),
            plan,
            policy: Arc::clone(policy),
            scenario: Arc::clone(scenario),
            seed,
        }
    }

    /// The time, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.executor.now()
    }

    /// Whether this fault is planted in the gateway.
    pub(crate) fn plants(&self, planted: Planted) -> bool {
        self.scenario.planted == Some(planted)
    }

    /// The replica that the oracle is told of.
    pub(crate) fn counted_as(&self, replica: usize) -> usize {
        if self.plants(Planted::ManyProbes) { 0 } else { replica }
    }

    /// A health key of a replica changed.
    pub(crate) fn changed(&self, replica: usize, key: &str, transition: Transition) {
        let (told, what) = match transition {
            Transition::Opened(why) => (Told::Opened(reason(why)), why.name()),
            Transition::Closed => (Told::Closed, "closed"),
        };
        let at_ns = self.now();
        self.oracle.told(at_ns, self.counted_as(replica), key, told);
        self.tally.borrow_mut().change(Change { at_ns, replica, key: key.to_owned(), what });
    }

    /// What is still held when all calls are over, in words.
    fn held(&self) -> Vec<String> {
        let mut held = Vec::new();
        for (provider, kind) in self.providers.iter().zip(&self.plan.providers) {
            if let Some((free, all)) = provider.places().filter(|(free, all)| free != all) {
                held.push(format!("{} of {all} places of {} are taken", all - free, kind.id));
            }
        }
        for (number, replica) in self.replicas.iter().enumerate() {
            replica.held(number, self.now().saturating_add(LONG_AFTER_NS), &mut held);
        }
        held
    }
}

impl Replica {
    fn new(plan: &Plan, seed: u64, number: u32) -> Self {
        let state = attempt::State::new();
        let targets = attempt::Targets::new(plan, &state);
        let rng = RefCell::new(Stream::Replica(number).rng(seed));
        Self { number: number as usize, state, targets, rng }
    }

    /// A number below `n`.
    pub(crate) fn draw(&self, n: u64) -> u64 {
        self.rng.borrow_mut().below(n)
    }

    fn held(&self, number: usize, long_after_ns: u64, held: &mut Vec<String>) {
        self.state.each_limit(|id, limit| {
            if limit.in_flight() > 0 {
                held.push(format!("replica {number}: {} slots of {id} are taken", limit.in_flight()));
            }
        });
        self.state.each_health(|id, health| {
            if let HealthState::Open { why: Why::Probe, .. } = health.state(long_after_ns) {
                held.push(format!("replica {number}: a probe of {id} is out"));
            }
        });
    }
}

fn reason(why: Why) -> Reason {
    match why {
        Why::Consecutive => Reason::Consecutive,
        Why::Ratio => Reason::Ratio,
        Why::Slow => Reason::Slow,
        Why::Cooldown | Why::Limit | Why::Rate | Why::Budget => Reason::Cooldown,
        Why::Quarantine => Reason::Quarantine,
        Why::Probe => Reason::Probe,
    }
}

/// Every provider of the plan; one that the scenario does not know answers at once.
fn providers(plan: &Plan, scenario: &Scenario, seed: u64) -> Vec<Provider> {
    let mut more = drawn::rules(scenario, plan, seed);
    let each = plan.providers.iter().enumerate().map(|(index, provider)| {
        let (own, others) = std::mem::take(&mut more).into_iter().partition(|(of, _)| *of == index);
        more = others;
        let own: Vec<(usize, _)> = own;
        let kind = scenario.providers.iter().find(|kind| kind.name == provider.id);
        let unknown = || ProviderKind::at_once(&provider.id);
        let kind = kind.cloned().unwrap_or_else(unknown);
        Provider::new(&kind, own.into_iter().map(|(_, rule)| rule), provider.credentials.len())
    });
    each.collect()
}

impl ProviderKind {
    /// One that answers everything at once.
    fn at_once(name: &str) -> Self {
        let none = Distribution::Fixed(0.0);
        Self {
            name: name.to_owned(),
            ttft_ms: none,
            gap_ms: none,
            tokens: none,
            capacity: Capacity::UNBOUNDED,
            rules: Vec::new(),
        }
    }
}

/// Runs a world to its end; `stop` is asked now and then whether to end it early.
pub(crate) fn run(plan: &Arc<Plan>, scenario: &Arc<Scenario>, seed: u64, stop: impl Fn() -> bool) -> Remains {
    let fleet = Rc::new(Fleet::new(plan, scenario, seed));
    let executor = fleet.executor.clone();
    executor.spawn(arrivals::run(Rc::clone(&fleet), of_ms(scenario.duration_ms)));
    probing::start(&fleet, of_ms(scenario.duration_ms));
    let ended = executor.run(stop);
    let is_stopped = ended == Err(Stuck::Stopped);
    match ended {
        Ok(()) => fleet.oracle.rest(fleet.now(), fleet.held()),
        Err(Stuck::Asleep { tasks }) => fleet.oracle.stuck(fleet.now(), format!("{tasks} calls wait for nothing")),
        Err(Stuck::Spinning) => {
            fleet.oracle.stuck(fleet.now(), "calls go on and on while time stands still".to_owned());
        }
        Err(Stuck::Stopped) => {}
    }
    let violations = fleet.oracle.violations();
    let mut tally = fleet.tally.replace(Tally::new(0, 0));
    tally.faults = fleet.providers.iter().map(Provider::faults).sum();
    executor.clear(); // what is open holds the fleet, and the fleet holds the executor
    Remains { tally, violations, is_stopped }
}
