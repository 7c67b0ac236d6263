//! What is out is asked outside of calls: when, and what an answer changes.

use crate::script::{SECOND, plan};
use attempt::health::{Settings, Settled};
use attempt::{Answered, Health, HealthState, Probe, Probes, State, Targets};
use plan::Plan;
use proptest::prelude::*;

const EVERY: u64 = 10 * SECOND;
/// Five failures take it out for a hundred seconds.
const LONG: Settings = Settings {
    consecutive: 5,
    ratio_permille: 0,
    slow_first_token_ns: 0,
    slow_permille: 0,
    window_ns: 30 * SECOND,
    min_calls: 10,
    open_ns: 100 * SECOND,
    open_cap_ns: 100 * SECOND,
};

/// Two providers that are asked every ten seconds and one that is not, with a clock; draws are the middle.
struct Bench {
    plan: Plan,
    state: State,
    targets: Targets,
    probes: Probes,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        let mut plan = plan();
        for provider in [0, 2] {
            plan.providers[provider].breaker.probe_ms = Some(EVERY / 1_000_000);
        }
        let state = State::new();
        let targets = Targets::new(&plan, &state);
        Self { plan, state, targets, probes: Probes::default(), now: 1000 * SECOND }
    }

    fn reload(&mut self) {
        self.targets = Targets::new(&self.plan, &self.state);
    }

    fn with<T>(&self, key: &str, act: impl Fn(&Health) -> T) -> T {
        let mut done = None;
        self.state.each_health(|id, health| {
            if id == key {
                done = Some(act(health));
            }
        });
        done.expect("a key")
    }

    /// Five failures in a row.
    fn breaks(&self, key: &str) {
        self.with(key, |health| {
            for _ in 0..5 {
                let permit = health.enter(self.now, &mut |_| 0).expect("in service");
                health.settle(permit, self.now, Settled::Failure, &mut |n| n / 2);
            }
        });
    }

    fn state_of(&self, key: &str) -> &'static str {
        self.with(key, |health| health.state(self.now).name())
    }

    fn due(&mut self) -> Vec<Probe> {
        self.probes.due(&self.plan, &self.targets, self.now, &mut |n| n / 2)
    }

    /// Looks four times a second; answers what is asked; yields when that was, in seconds.
    fn looks(&mut self, seconds: u64, answered: Answered) -> Vec<(String, u64)> {
        let began = self.now;
        let mut asked = Vec::new();
        for _ in 0..seconds * 4 {
            for probe in self.due() {
                asked.push((probe.id.to_string(), (self.now - began) / SECOND));
                self.probes.heard(&self.targets, &probe, answered, self.now);
            }
            self.now += SECOND / 4;
        }
        asked
    }
}

fn at(id: &str, seconds: &[u64]) -> Vec<(String, u64)> {
    seconds.iter().map(|second| (id.to_owned(), *second)).collect()
}

#[test]
fn nothing_is_asked_while_all_is_well_or_where_the_policy_does_not_want_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.looks(60, Answered::Well), []);
    bench.breaks("endpoint:second@0/b");
    assert_eq!(bench.looks(60, Answered::Well), []);
}

#[test]
fn what_is_out_is_asked_once_in_a_while_however_many_models_rest_there() {
    let mut bench = Bench::new();
    bench.with("endpoint:first@0/a", |health| health.set(LONG));
    bench.with("endpoint:first@0/*", |health| health.set(LONG));
    bench.breaks("endpoint:first@0/a");
    bench.breaks("endpoint:first@0/*");
    assert_eq!(bench.looks(45, Answered::Refused), at("first@0", &[10, 20, 30, 40]));
    assert_eq!(bench.state_of("endpoint:first@0/a"), "open", "and no refusal changes anything");
}

#[test]
fn an_answer_ends_the_rest_of_all_its_models_and_lets_one_call_through() {
    let mut bench = Bench::new();
    for key in ["endpoint:first@0/a", "provider:first/a"] {
        bench.with(key, |health| health.set(LONG));
        bench.breaks(key);
    }
    assert_eq!(bench.looks(20, Answered::Well), at("first@0", &[10]), "and then no more");
    for key in ["endpoint:first@0/a", "provider:first/a"] {
        assert_eq!(bench.state_of(key), "half_open");
        let now = bench.now;
        let entered = bench
            .with(key, |health| [(); 3].map(|()| health.enter(now, &mut |_| 0).is_ok_and(|permit| permit.is_probe())));
        assert_eq!(entered, [true, false, false]);
    }
}

#[test]
fn each_endpoint_is_asked_for_itself() {
    let mut bench = Bench::new();
    for key in ["endpoint:keys@0/c", "endpoint:keys@1/c"] {
        bench.with(key, |health| health.set(LONG));
    }
    bench.breaks("endpoint:keys@1/c");
    assert_eq!(bench.looks(11, Answered::Refused), at("keys@1", &[10]));
    bench.breaks("endpoint:keys@0/c");
    let due = bench.looks(11, Answered::Well);
    assert_eq!(due, [("keys@1".to_owned(), 9), ("keys@0".to_owned(), 10)]);
}

#[test]
fn what_has_not_answered_yet_is_not_asked_again() {
    let mut bench = Bench::new();
    bench.with("endpoint:first@0/a", |health| health.set(LONG));
    bench.breaks("endpoint:first@0/a");
    assert_eq!(bench.due(), []);
    bench.now += EVERY;
    let [probe] = <[Probe; 1]>::try_from(bench.due()).expect("one");
    bench.now += 3 * EVERY;
    assert_eq!(bench.due(), []);
    bench.probes.heard(&bench.targets, &probe, Answered::Nothing, bench.now);
    assert_eq!(bench.due(), [probe], "and is when that is over");
}

#[test]
fn turns_outlive_a_reload_by_the_endpoints_id() {
    let mut bench = Bench::new();
    bench.plan.providers[0].breaker.open_ms = 100_000;
    bench.reload();
    bench.breaks("endpoint:first@0/a");
    assert_eq!(bench.looks(11, Answered::Refused), at("first@0", &[10]));
    bench.plan.deployments.push(bench.plan.deployments[0].clone());
    bench.reload();
    assert_eq!(bench.looks(10, Answered::Refused), at("first@0", &[9]));
    bench.plan.providers[0].breaker.probe_ms = None;
    bench.reload();
    assert_eq!(bench.looks(30, Answered::Refused), []);
}

#[test]
fn a_credential_that_is_refused_is_not_shown_where_there_is_another() {
    let mut bench = Bench::new();
    bench.with("endpoint:keys@0/c", |health| health.set(LONG));
    bench.breaks("endpoint:keys@0/c");
    bench.with("credential:keys/0", |health| health.quarantine_until(u64::MAX));
    bench.due();
    bench.now += EVERY;
    assert_eq!(bench.due().iter().map(|probe| probe.credential).collect::<Vec<_>>(), [1]);
}

#[test]
fn statuses_say_who_is_there() {
    use Answered::{Nothing, Refused, Well};
    let cases = [(None, Nothing), (Some(200), Well), (Some(401), Well), (Some(404), Well), (Some(429), Refused)];
    for (status, answered) in
        cases.into_iter().chain([(Some(500), Refused), (Some(503), Refused), (Some(529), Refused)])
    {
        assert_eq!(Answered::of(status), answered, "{status:?}");
    }
    assert_eq!(Answered::ALL.map(Answered::name), ["answered", "refused", "unreachable"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Whatever comes of probes and calls: an endpoint is asked only while it rests, one at a time, and no more often
    /// than three quarters of the time that the policy says.
    #[test]
    fn probes_keep_their_distance(
        acts in prop::collection::vec((0..5_u8, 0..8_000_u64, any::<u32>()), 1..80),
    ) {
        let mut bench = Bench::new();
        let key = "endpoint:first@0/a";
        let (mut asked, mut last) = (None::<Probe>, None::<u64>);
        for (act, wait_ms, x) in acts {
            bench.now += wait_ms * 1_000_000;
            let now = bench.now;
            let is_resting = bench.with(key, |health| health.is_resting(now));
            let luck = &mut |n: u64| u64::try_from((u128::from(x) * u128::from(n)) >> 32).expect("below n");
            match act {
                0 => bench.with(key, |health| {
                    let Ok(permit) = health.enter(now, &mut |_| 0) else { return };
                    let result = Settled::Failure;
                    health.settle(permit, now, result, &mut |n| n / 2);
                }),
                1 => if let Some(probe) = asked.take() {
                    let all = [Answered::Well, Answered::Refused, Answered::Nothing];
                    bench.probes.heard(&bench.targets, &probe, all[x as usize % 3], now);
                },
                _ => for probe in bench.probes.due(&bench.plan, &bench.targets, now, luck) {
                    prop_assert!(is_resting && asked.is_none());
                    prop_assert!(last.is_none_or(|last| now - last >= EVERY * 3 / 4));
                    last = Some(now);
                    asked = Some(probe);
                },
            }
            let level = bench.with(key, |health| health.state(now));
            prop_assert!(!matches!(level, HealthState::Ramping { .. }), "a probe never stands for a good answer");
        }
    }
}
