use super::*;
use crate::charge::Basis;
use crate::{Style, Value, Words, families};
use protocol::openai::usage::Usage;
use std::sync::mpsc::sync_channel;

#[test]
fn ids_are_seed_and_number_in_hex() {
    let ids = RequestIds::new(0x0123_4567_89ab_cdef);
    assert_eq!(ids.next().as_str(), "req_0123456789abcdef0000000000000000");
    assert_eq!(ids.next().as_str(), "req_0123456789abcdef0000000000000001");
    let id = ids.next();
    assert_eq!(RequestId::read(id.as_str().as_bytes()), Some(id));
    for other in
        ["", "req_", "req_0123", "req_0123456789abcdef000000000000000G", "xeq_0123456789abcdef0000000000000001"]
    {
        assert_eq!(RequestId::read(other.as_bytes()), None, "{other}");
    }
}

/// A record that opened at 0, and the hand of its clock.
fn record() -> (Record, Rc<Cell<u64>>) {
    let time = Rc::new(Cell::new(0));
    let read = Rc::clone(&time);
    let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
    let wheel = Wheel::new(move || read.get());
    (Record::open(RequestIds::new(1).next(), Arc::default(), lines, wheel), time)
}

/// An attempt that ends now.
fn attempt(record: &Record, started_ns: u64, is_hedge: bool, result: Option<Result<u16, Kind>>) -> Attempt {
    let followed = if matches!(result, Some(Ok(200)) | None) { "" } else { "same" };
    Attempt {
        number: 1,
        series: record.meters.attempts("p", "d"),
        step: 0,
        reason: None,
        target: (0, 0),
        started_ns,
        result,
        is_hedge,
        class: 0,
        words: ["a class", "nobody", followed],
        waited_ns: 0,
        took_ns: record.wheel().now() - started_ns,
        budget_permille: 1000,
        charge: Charge::VOID,
        hold: None,
    }
}

fn count(record: &Record, name: &str, label: Option<(&str, &str)>) -> u64 {
    count_of(&record.meters, name, label)
}

fn count_of(meters: &Arc<Meters>, name: &str, label: Option<(&str, &str)>) -> u64 {
    let words = Words { classes: &["good"], not_hedged: &["share"], reasons: &["timeout"] };
    let families = families(&[Arc::clone(meters)], words);
    let family = families.into_iter().find(|family| family.name == name).expect("known");
    let has = |labels: &[(&str, String)]| label.is_none_or(|(name, value)| labels.contains(&(name, value.to_owned())));
    let samples = family.samples.into_iter().filter(|sample| has(&sample.labels));
    samples
        .map(|sample| match sample.value {
            Value::Count(count) | Value::Parts { count, .. } => count,
            Value::Level(_) | Value::Buckets { .. } => 0,
        })
        .sum()
}

#[test]
fn attempts_that_are_open_at_the_same_time_are_waited_for_once() {
    let failed = Some(Err(Kind::UpstreamClosed));
    // Of each attempt: when it began, whether beside another, what came of it, and when.
    for (attempts, waited) in [
        (vec![(10, false, failed, 20), (25, false, Some(Ok(200)), 40)], 10 + 15),
        (vec![(10, false, None, 60), (30, true, Some(Ok(200)), 60)], 50),
        (vec![(30, true, None, 60), (10, false, Some(Ok(200)), 60)], 50),
        (vec![(10, false, failed, 50), (30, true, Some(Ok(200)), 60)], 50),
        (vec![(30, true, failed, 50), (10, false, Some(Ok(200)), 60), (70, false, failed, 80)], 50 + 10),
    ] {
        let (mut record, time) = record();
        for (started_ns, is_hedge, result, at) in attempts.clone() {
            time.set(at);
            let attempt = attempt(&record, started_ns, is_hedge, result);
            record.tried(attempt);
        }
        time.set(100);
        assert_eq!(record.answers(200), 100 - waited, "{attempts:?}");
        record.close();
    }
}

#[test]
fn a_hedge_is_counted_as_one_and_not_as_a_retry() {
    let (mut record, _) = record();
    for (is_hedge, result) in [(true, None), (false, Some(Ok(200))), (true, Some(Ok(200))), (true, Some(Ok(500)))] {
        let attempt = attempt(&record, 0, is_hedge, result);
        record.tried(attempt);
    }
    assert_eq!(count(&record, "headgate_retries", None), 0);
    assert_eq!(count(&record, "headgate_hedges", Some(("won", "true"))), 1);
    assert_eq!(count(&record, "headgate_hedges", Some(("won", "false"))), 2);
    assert_eq!(count(&record, "headgate_attempts", Some(("outcome", "cancelled"))), 1);
    let attempt = attempt(&record, 0, false, Some(Ok(200)));
    record.tried(attempt);
    assert_eq!(count(&record, "headgate_retries", None), 1);
    let series = record.meters.calls("smart", "chat_completions", true);
    record.routed(series);
    record.not_hedged(0, "share");
    assert_eq!(count(&record, "headgate_not_hedged", Some(("reason", "share"))), 1);
    record.close();
}

#[test]
fn each_attempt_is_charged_once_when_its_call_is_closed() {
    let usage = Usage { input: 10, cached: 4, output: 7, reasoning: 2, ..Usage::NONE };
    let (mut record, _) = record();
    let meters = Arc::clone(&record.meters);
    for result in [Some(Err(Kind::ConnectFailed)), None, Some(Ok(200))] {
        let attempt = attempt(&record, 0, false, result);
        record.tried(attempt);
    }
    record.charged(Charge { usage, nano_usd: Some(2_500), rates: None, basis: Basis::Provider });
    record.charged(Charge { usage, nano_usd: Some(1_500), rates: None, basis: Basis::Provider });
    record.usage_unsaid(true);
    let count = |name: &str, label| count_of(&meters, name, Some(label));
    assert_eq!(count("headgate_charges", ("basis", "void")), 0, "not before the end");
    record.close();
    assert_eq!([("basis", "void"), ("basis", "provider")].map(|label| count("headgate_charges", label)), [2, 1]);
    for (class, tokens) in [("input", 6), ("cache_read", 4), ("output", 5), ("reasoning", 2), ("output_audio", 0)] {
        assert_eq!(count("headgate_tokens", ("class", class)), tokens, "{class}");
    }
    assert_eq!(count("headgate_spend_usd", ("provider", "p")), 1_500);
    assert_eq!(count("headgate_unpriced", ("provider", "p")), 0);
    assert_eq!(count("headgate_usage_unsaid", ("reason", "garbled")), 1);
}

#[test]
fn an_attempt_says_in_one_line_what_became_of_it() {
    let (record, _) = record();
    let line = |result| attempt(&record, 0, false, result).to_string();
    assert_eq!(line(Some(Ok(503))), "p/d; status=503; class=a class; blame=nobody; waited_ms=0; then=same");
    assert_eq!(line(None), "p/d; class=a class; blame=nobody; waited_ms=0");
    assert!(line(Some(Err(Kind::UpstreamClosed))).starts_with("p/d; fault="));
    record.close();
}
