//! What a key does, as sentences.

use super::*;
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;
const SETTINGS: Settings = Settings {
    consecutive: 5,
    ratio_permille: 500,
    slow_first_token_ns: 20 * SECOND,
    slow_permille: 800,
    window_ns: 30 * SECOND,
    min_calls: 10,
    open_ns: 5 * SECOND,
    open_cap_ns: 120 * SECOND,
};
const GOOD: Settled = Settled::Success { first_token_ns: None };
const LIMITED: Settled = Settled::RateLimited;
const BAD: Settled = Settled::Failure;

/// A key and its clock in seconds; draws are the middle, so that an opening lasts as long as is said.
struct Key {
    health: Arc<Health>,
    now: u64,
}

impl Key {
    fn new() -> Self {
        Self { health: Arc::new(Health::new(SETTINGS)), now: 1000 * SECOND }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds * SECOND;
    }

    fn enter(&self) -> Result<Permit, Refused> {
        self.health.enter(self.now, &mut |n| n / 2)
    }

    fn settle(&self, permit: Permit, result: Settled) -> Option<Transition> {
        self.health.settle(permit, self.now, result, &mut |n| n / 2)
    }

    fn call(&self, result: Settled) -> Option<Transition> {
        self.settle(self.enter().expect("the key is in service"), result)
    }

    fn calls(&self, times: usize, result: Settled) -> Vec<Transition> {
        (0..times).filter_map(|_| self.call(result)).collect()
    }

    fn commit(&self, permit: &mut Permit, seconds: u64) -> Option<Transition> {
        self.health.commit(permit, self.now, Some(seconds * SECOND), &mut |n| n / 2)
    }

    fn state(&self) -> State {
        self.health.state(self.now)
    }

    /// Seconds until the key may be asked again.
    fn out_for(&self) -> Option<u64> {
        match self.state() {
            State::Open { until_ns, .. } => Some((until_ns - self.now) / SECOND),
            State::Closed | State::Ramping { .. } | State::HalfOpen => None,
        }
    }

    /// Opens by failures in a row.
    fn opened() -> Self {
        let key = Self::new();
        assert_eq!(key.calls(5, BAD), [Transition::Opened(Why::Consecutive)]);
        key
    }

    /// Opened, waited, and the probe is in hand.
    fn probing() -> (Self, Permit) {
        let mut key = Self::opened();
        key.wait(5);
        let probe = key.enter().expect("it is half-open");
        assert!(probe.is_probe());
        (key, probe)
    }
}

#[test]
fn a_good_answer_ends_failures_in_a_row() {
    let key = Key::new();
    assert_eq!(key.calls(4, BAD), []);
    assert_eq!(key.call(GOOD), None);
    assert_eq!(key.calls(4, BAD), []);
    assert_eq!(key.state(), State::Closed);
    assert_eq!(key.call(BAD), Some(Transition::Opened(Why::Consecutive)));
}

#[test]
fn half_of_ten_calls_open_the_breaker_and_half_of_nine_do_not() {
    let key = Key::new();
    for _ in 0..4 {
        key.calls(1, BAD);
        key.calls(1, GOOD);
    }
    key.calls(1, GOOD);
    assert_eq!(key.call(BAD), Some(Transition::Opened(Why::Ratio)));
}

#[test]
fn rate_limits_count_in_the_share_and_never_in_a_row() {
    let key = Key::new();
    assert_eq!(key.calls(9, LIMITED), []);
    assert_eq!(key.call(LIMITED), Some(Transition::Opened(Why::Ratio)));
}

#[test]
fn slow_first_tokens_open_the_breaker_though_every_answer_is_good() {
    let key = Key::new();
    let timed = |seconds| Settled::Success { first_token_ns: Some(seconds * SECOND) };
    key.calls(2, timed(20));
    key.calls(100, GOOD);
    assert_eq!(key.calls(7, timed(21)), []);
    assert_eq!(key.call(timed(21)), Some(Transition::Opened(Why::Slow)));
}

#[test]
fn failures_that_take_longer_than_the_window_are_seen() {
    let mut key = Key::new();
    let mut hanging = Vec::new();
    let mut opened = Vec::new();
    // Each second two calls hang, to fail after 40 s, and one is answered.
    for second in 0..80 {
        hanging.extend([key.enter(), key.enter()]);
        opened.extend(key.call(GOOD));
        if second >= 40 {
            let late = hanging.drain(..2).flatten();
            opened.extend(late.filter_map(|permit| key.settle(permit, BAD)));
        }
        if !opened.is_empty() {
            break;
        }
        key.wait(1);
    }
    assert_eq!(opened, [Transition::Opened(Why::Ratio)]);
}

#[test]
fn few_quick_failures_do_not_outweigh_good_answers_that_take_their_time() {
    let key = Key::new();
    let mut long = Vec::new();
    for _ in 0..20 {
        long.extend([key.enter(), key.enter(), key.enter()]);
        let mut begun = key.enter().expect("it is in service");
        key.commit(&mut begun, 1);
        long.push(Ok(begun));
        assert_eq!(key.call(BAD), None, "one in five fails");
    }
    assert_eq!(key.state(), State::Closed);
}

#[test]
fn streams_that_are_always_cut_open_the_breaker_though_first_tokens_come() {
    let key = Key::new();
    let cut = || {
        let mut stream = key.enter().expect("it is in service");
        key.commit(&mut stream, 1);
        key.settle(stream, BAD)
    };
    assert_eq!((0..4).filter_map(|_| cut()).count(), 0);
    assert_eq!(cut(), Some(Transition::Opened(Why::Consecutive)));
}

#[test]
fn an_opening_lasts_twice_as_long_each_time_up_to_the_cap() {
    let mut key = Key::opened();
    let mut times = Vec::new();
    for _ in 0..7 {
        let seconds = key.out_for().expect("it is open");
        times.push(seconds);
        key.wait(seconds);
        assert_eq!(key.state(), State::HalfOpen);
        assert_eq!(key.call(BAD), Some(Transition::Opened(Why::Probe)));
    }
    assert_eq!(times, [5, 10, 20, 40, 80, 120, 120]);
}

#[test]
fn the_time_of_an_opening_varies_by_half() {
    for (draw, expected) in [(0, SETTINGS.open_ns / 2), (u64::MAX, SETTINGS.open_ns / 2 * 3)] {
        let key = Key::new();
        for _ in 0..5 {
            let permit = key.enter().expect("it is in service");
            key.health.settle(permit, key.now, BAD, &mut |n| draw.min(n - 1));
        }
        assert_eq!(key.state(), State::Open { until_ns: key.now + expected, why: Why::Consecutive });
    }
}

#[test]
fn one_probe_is_let_in_and_no_second() {
    let (key, probe) = Key::probing();
    let refused = key.enter().expect_err("the probe is out");
    assert_eq!(refused, Refused { until_ns: key.now + 5 * SECOND, why: Why::Probe });
    assert!(key.health.enter_anyway(key.now).is_none());
    assert_eq!(key.settle(probe, GOOD), Some(Transition::Closed));
    assert_eq!(key.state(), State::Ramping { permille: 100 });
}

#[test]
fn a_probe_that_is_given_back_or_says_nothing_leaves_the_key_half_open() {
    let (key, probe) = Key::probing();
    key.health.give_back(probe);
    assert_eq!(key.state(), State::HalfOpen);
    assert_eq!(key.call(Settled::Nothing), None);
    assert_eq!(key.state(), State::HalfOpen);
    assert_eq!(key.call(GOOD), Some(Transition::Closed));
}

#[test]
fn a_rate_limit_fails_a_probe() {
    let (key, probe) = Key::probing();
    assert_eq!(key.settle(probe, LIMITED), Some(Transition::Opened(Why::Probe)));
    assert_eq!(key.out_for(), Some(10));
}

#[test]
fn the_first_token_of_a_probe_is_enough() {
    let (mut key, mut probe) = Key::probing();
    assert_eq!(key.commit(&mut probe, 1), Some(Transition::Closed));
    assert!(!probe.is_probe());
    key.wait(100);
    assert_eq!(key.state(), State::Closed);
    assert_eq!(key.settle(probe, BAD), None, "a cut stream, like any other");
    assert_eq!(key.calls(4, BAD), [], "of another row");
}

#[test]
fn a_slow_probe_does_not_close_what_was_opened_for_being_slow() {
    let slow = Settled::Success { first_token_ns: Some(21 * SECOND) };
    let mut key = Key::new();
    assert_eq!(key.calls(10, slow), [Transition::Opened(Why::Slow)]);
    key.wait(5);
    assert_eq!(key.call(slow), Some(Transition::Opened(Why::Slow)));
    assert_eq!(key.state(), State::Open { until_ns: key.now + 10 * SECOND, why: Why::Slow });
    let (key, probe) = Key::probing();
    assert_eq!(key.settle(probe, slow), Some(Transition::Closed), "it was opened for failures");
}

#[test]
fn service_comes_back_in_steps_of_ten_seconds() {
    let (mut key, probe) = Key::probing();
    key.settle(probe, GOOD);
    let mut shares = Vec::new();
    for _ in 0..4 {
        let admitted = (0..1000).filter(|luck| key.health.enter(key.now, &mut |_| *luck).is_ok()).count();
        shares.push(admitted);
        let refused = key.health.enter(key.now, &mut |n| n - 1).err();
        assert_eq!(refused, (admitted < 1000).then(|| Refused { until_ns: key.now + 10 * SECOND, why: Why::Probe }));
        key.wait(10);
    }
    assert_eq!(shares, [100, 250, 500, 1000]);
}

#[test]
fn a_ramp_lets_those_in_who_have_nowhere_else_to_go() {
    let (key, probe) = Key::probing();
    key.settle(probe, GOOD);
    let all: Vec<_> = (0..50).filter_map(|_| key.health.enter_anyway(key.now)).collect();
    assert_eq!((all.len(), all.iter().any(Permit::is_probe)), (50, false));
}

#[test]
fn results_of_an_earlier_generation_are_not_counted() {
    let mut key = Key::new();
    let early: Vec<_> = (0..100).filter_map(|_| key.enter().ok()).collect();
    key.calls(5, BAD);
    key.wait(5);
    key.call(GOOD);
    let opened = early.into_iter().filter_map(|permit| key.settle(permit, BAD)).count();
    assert_eq!(opened, 0);
    assert_eq!(key.state(), State::Ramping { permille: 100 });
}

#[test]
fn a_good_answer_of_an_earlier_generation_closes_nothing() {
    let mut key = Key::new();
    let early = key.enter().expect("it is in service");
    key.calls(5, BAD);
    assert_eq!(key.settle(early, GOOD), None);
    assert_eq!(key.out_for(), Some(5));
    key.wait(5);
    assert_eq!(key.state(), State::HalfOpen);
}

#[test]
fn openings_are_forgiven_one_by_one_while_answers_are_good() {
    let mut key = Key::opened();
    for seconds in [5, 10] {
        key.wait(seconds);
        key.call(BAD);
    }
    key.wait(20);
    key.call(GOOD);
    // Three openings. One is forgiven at the ramp's end, the next a window later.
    key.wait(30);
    key.calls(2, GOOD);
    key.wait(30);
    key.calls(2, GOOD);
    key.calls(5, BAD);
    assert_eq!(key.out_for(), Some(10));
}

#[test]
fn a_cooldown_ends_by_itself_and_is_never_shortened() {
    let mut key = Key::new();
    key.health.cool_until(key.now + 20 * SECOND);
    key.health.cool_until(key.now + 3 * SECOND);
    assert_eq!(key.enter().expect_err("it cools"), Refused { until_ns: key.now + 20 * SECOND, why: Why::Cooldown });
    key.wait(20);
    assert_eq!(key.state(), State::Closed);
    assert_eq!(key.call(GOOD), None);
}

#[test]
fn a_cooldown_and_an_opening_last_as_long_as_the_longer() {
    let key = Key::opened();
    key.health.cool_until(key.now + 3 * SECOND);
    assert_eq!(key.out_for(), Some(5));
    key.health.cool_until(key.now + 8 * SECOND);
    assert_eq!(key.state(), State::Open { until_ns: key.now + 8 * SECOND, why: Why::Cooldown });
}

#[test]
fn while_a_key_cools_one_attempt_at_a_time_is_made_for_want_of_another() {
    let key = Key::new();
    key.health.cool_until(key.now + 20 * SECOND);
    let only = key.health.enter_anyway(key.now).expect("there is nothing else");
    assert!(key.health.enter_anyway(key.now).is_none());
    assert_eq!(key.settle(only, GOOD), None);
    assert_eq!(key.out_for(), Some(20), "the provider's word stands");
    assert!(key.health.enter_anyway(key.now).is_some());
}

#[test]
fn a_quarantine_is_never_shortened_and_ends_in_a_probe() {
    let mut key = Key::new();
    let quarantine = |seconds| key.health.quarantine_until(key.now + seconds * SECOND);
    assert_eq!(quarantine(1800), Some(Transition::Opened(Why::Quarantine)));
    assert_eq!(quarantine(60), None);
    assert_eq!(key.out_for(), Some(1800));
    key.wait(1800);
    assert_eq!(key.state(), State::HalfOpen);
    assert_eq!(key.call(GOOD), Some(Transition::Closed));
}

#[test]
fn a_quarantine_that_is_called_off_ends_in_a_probe_at_once() {
    let key = Key::new();
    key.health.quarantine_until(key.now + 1800 * SECOND);
    key.health.end_quarantine(key.now);
    assert_eq!(key.state(), State::HalfOpen);
    assert_eq!(key.call(GOOD), Some(Transition::Closed));
    let opened = Key::opened();
    opened.health.end_quarantine(opened.now);
    assert_eq!(opened.out_for(), Some(5), "what failed of itself is not called off");
}

#[test]
fn a_rest_that_ends_early_ends_in_one_probe_and_is_as_long_again_when_that_fails() {
    let key = Key::opened();
    assert!(key.health.is_resting(key.now));
    key.health.end_rest(key.now);
    assert_eq!((key.state(), key.health.is_resting(key.now)), (State::HalfOpen, false));
    let probe = key.enter().expect("it is half-open");
    assert!(probe.is_probe() && key.enter().is_err());
    assert_eq!(key.settle(probe, BAD), Some(Transition::Opened(Why::Probe)));
    assert_eq!(key.out_for(), Some(10));
}

#[test]
fn what_the_provider_asked_for_is_no_rest_that_ends_early() {
    let key = Key::new();
    key.health.end_rest(key.now);
    assert_eq!(key.state(), State::Closed);
    key.health.cool_until(key.now + 20 * SECOND);
    key.health.end_rest(key.now);
    assert_eq!((key.out_for(), key.health.is_resting(key.now)), (Some(20), false));
    key.health.quarantine_until(key.now + 1800 * SECOND);
    key.health.end_rest(key.now);
    assert_eq!((key.out_for(), key.health.is_resting(key.now)), (Some(1800), false));
}

#[test]
fn a_quarantine_ends_by_a_good_answer_to_what_was_sent_in_it() {
    let key = Key::new();
    let before = key.enter().expect("it is in service");
    key.health.quarantine_until(key.now + 1800 * SECOND);
    assert_eq!(key.settle(before, GOOD), None);
    assert_eq!(key.out_for(), Some(1800), "that credential was good before it was refused");
    let probe = key.health.enter_anyway(key.now).expect("one may try");
    assert_eq!(key.settle(probe, GOOD), Some(Transition::Closed));
    assert_eq!(key.state(), State::Ramping { permille: 100 });
}

#[test]
fn an_early_probe_that_fails_changes_nothing() {
    let mut key = Key::opened();
    for _ in 0..10 {
        let probe = key.health.enter_anyway(key.now).expect("there is nothing else");
        assert_eq!(key.settle(probe, BAD), None);
    }
    assert_eq!(key.out_for(), Some(5));
    key.wait(5);
    assert_eq!(key.call(BAD), Some(Transition::Opened(Why::Probe)));
    assert_eq!(key.out_for(), Some(10), "the second opening, not the twelfth");
}

#[test]
fn a_probe_outlives_a_quarantine_as_the_only_one() {
    let (mut key, probe) = Key::probing();
    key.health.quarantine_until(key.now + SECOND);
    key.wait(1);
    assert!(key.enter().is_err(), "the old one is still out");
    assert_eq!(key.settle(probe, GOOD), None, "it began before the quarantine");
    assert_eq!(key.state(), State::HalfOpen);
}

#[test]
fn a_call_that_says_nothing_was_never_sent() {
    let key = Key::new();
    key.calls(50, Settled::Nothing);
    for _ in 0..5 {
        key.call(GOOD);
        key.calls(1, LIMITED);
    }
    assert!(matches!(key.state(), State::Open { why: Why::Ratio, .. }), "five of ten, not of sixty");
}

#[test]
fn counts_begin_anew_where_the_window_changes_and_service_does_not() {
    let key = Key::new();
    key.calls(4, BAD);
    key.health.set(Settings { window_ns: 60 * SECOND, ..SETTINGS });
    assert_eq!(key.calls(4, BAD), []);
    let key = Key::opened();
    key.health.set(Settings { window_ns: 60 * SECOND, open_ns: SECOND, ..SETTINGS });
    assert_eq!(key.out_for(), Some(5), "what was begun lasts");
}

#[test]
fn signals_that_are_set_to_nothing_never_open() {
    let off = Settings { consecutive: 0, ratio_permille: 0, slow_permille: 0, ..SETTINGS };
    let key = Key { health: Arc::new(Health::new(off)), now: 0 };
    assert_eq!(key.calls(1000, BAD), []);
    assert_eq!(key.calls(1000, Settled::Success { first_token_ns: Some(u64::MAX) }), []);
}

#[test]
fn a_health_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Health>();
    shared::<Permit>();
    shared::<Board>();
}

#[test]
fn every_word_is_its_own() {
    let whys = [Why::Consecutive, Why::Ratio, Why::Slow, Why::Cooldown, Why::Quarantine, Why::Probe, Why::Limit];
    let mut words: Vec<_> = whys.iter().map(|why| why.name()).collect();
    words.dedup();
    assert_eq!(words, ["consecutive", "ratio", "slow", "cooldown", "quarantine", "probe", "limit"]);
    let open = State::Open { until_ns: 0, why: Why::Slow };
    let states = [State::Closed, State::Ramping { permille: 100 }, State::HalfOpen, open];
    assert_eq!(states.map(State::name), ["closed", "ramping", "half_open", "open"]);
}
