//! Whole worlds, through the crate's public face.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use plan::{Hedge, HedgeAfter, Plan};
use serde_json::{Value, json};
use simulate::{Job, start};
use std::time::Duration;
use support::{PLAN, bad_days, job, job_call, rule, run, run_with};

fn world(job: Job) -> Value {
    run(job)["worlds"][0].clone()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn unbroken(world: &Value) {
    assert_eq!(world["violations_count"], 0, "{}", world["violations"]);
}

#[test]
fn in_a_quiet_world_everybody_is_served_by_one_attempt_each() {
    let world = world(job(|_| {}));
    unbroken(&world);
    let figures = &world["figures"];
    assert!((150..250).contains(&number(&figures["offered"])), "{figures}");
    assert_eq!(figures["good"], figures["offered"]);
    assert_eq!(figures["attempts"], figures["offered"]);
    assert_eq!(
        figures["first_token_us"],
        json!({"p50": 300_000, "p90": 300_000, "p99": 300_000, "p999": 300_000, "max": 300_000})
    );
    assert_eq!(figures["added_us"]["max"], 0);
    let spend = number(&figures["good"]) * (100 * 1250 + 11 * 10_000);
    assert_eq!(number(&figures["spend_nanousd"]), spend, "100 tokens in, 11 out");
}

#[test]
fn an_answer_that_is_no_stream_comes_when_it_is_whole() {
    let world = world(job(|job| job["scenario"]["calls"][0]["stream"] = json!(false)));
    unbroken(&world);
    assert_eq!(world["figures"]["first_token_us"]["p50"], 400_000);
}

#[test]
fn what_is_asked_outside_of_calls_is_back_sooner() {
    let back_at = |probe_ms: Option<u64>, seed: u64| {
        let mut plan: Plan = serde_json::from_str(PLAN).expect("a plan");
        plan.providers[0].breaker.probe_ms = probe_ms;
        let job = job(|job| {
            job["seed"] = json!(seed);
            job["scenario"]["duration_ms"] = json!(200_000);
            job["scenario"]["providers"][0]["rules"] = json!([rule(5_000, 80_000, "status;code=503")]);
        });
        let world = run_with(plan, job)["worlds"][0].clone();
        unbroken(&world);
        let changes = world["changes"].as_array().expect("a list").clone();
        let of_first = |change: &&Value| {
            let is_back = change["what"] == "closed" && change["at_s"].as_f64().expect("a time") >= 80.0;
            is_back && change["key"].as_str().expect("a key").starts_with("endpoint:first@")
        };
        changes.iter().rfind(of_first).map_or(200.0, |change| change["at_s"].as_f64().expect("a time"))
    };
    let (mut asked, mut unasked) = (0.0, 0.0);
    for seed in 1..=5 {
        let with = back_at(Some(2_000), seed);
        assert!(with < 84.0, "two seconds and a half after the outage, and the next call: {with}");
        asked += with;
        unasked += back_at(None, seed);
    }
    assert!(asked + 20.0 < unasked, "{asked} {unasked}");
}

#[test]
fn an_outage_is_bridged_by_the_fallback_and_told_as_a_phase() {
    let world = world(job(|job| {
        job["scenario"]["providers"][0]["rules"] = json!([rule(5_000, 10_000, "status;code=503")]);
    }));
    unbroken(&world);
    assert_eq!(world["figures"]["good"], world["figures"]["offered"], "{}", world["figures"]);
    let phase = &world["phases"][0];
    assert_eq!((&phase["provider"], &phase["from_s"], &phase["until_s"]), (&json!("first"), &json!(5.0), &json!(10.0)));
    assert_eq!(phase["recovery_s"], 0);
    assert!(number(&world["figures"]["openings"]) > 0);
    assert!(number(&world["providers"][1]["good"]) > 0);
}

#[test]
fn without_a_fallback_an_outage_is_felt_and_retries_stay_within_their_budget() {
    let world = world(job(|job| {
        job["scenario"]["calls"][0]["model"] = json!("alone");
        job["scenario"]["providers"][0]["rules"] = json!([rule(5_000, 15_000, "refuse")]);
    }));
    unbroken(&world);
    assert!(number(&world["figures"]["failed"]) > 0);
    assert!(world["phases"][0]["bad_seconds"].as_u64() > Some(3));
}

#[test]
fn a_provider_with_few_places_makes_callers_wait_and_turns_the_rest_away() {
    let world = world(job(|job| {
        job["scenario"]["calls"][0]["model"] = json!("alone");
        job["scenario"]["providers"][0]["capacity"]["concurrency"] = json!(2);
        job["scenario"]["providers"][0]["capacity"]["queue"] = json!(3);
    }));
    unbroken(&world);
    assert!(number(&world["figures"]["first_token_us"]["p90"]) > 400_000);
    assert!(number(&world["providers"][0]["causes"]["overloaded"]) > 0);
}

#[test]
fn a_provider_that_limits_its_rate_is_asked_less() {
    let world = world(job(|job| job["scenario"]["providers"][0]["capacity"]["requests_per_minute"] = json!(60)));
    unbroken(&world);
    assert!(number(&world["providers"][0]["causes"]["rate_limited"]) > 0);
    assert!(number(&world["providers"][1]["good"]) > number(&world["providers"][0]["good"]));
}

#[test]
fn callers_who_leave_are_neither_good_nor_failed_and_leave_nothing_behind() {
    let world = world(job(|job| {
        job["scenario"]["calls"][0]["patience_ms"] = json!(250);
        job["scenario"]["calls"].as_array_mut().expect("calls").push(job_call());
    }));
    unbroken(&world);
    let figures = &world["figures"];
    assert!(number(&figures["left"]) > 0);
    assert_eq!(number(&figures["left"]) + number(&figures["good"]), number(&figures["offered"]));
}

#[test]
fn one_seed_has_one_history_and_another_seed_another() {
    let chaotic = |seed: u64, threads: u64| {
        run(job(|job| {
            job["scenario"]["random_rules"] = json!(5);
            job["scenario"]["replicas"] = json!(2);
            job["seed"] = json!(seed);
            job["seeds"] = json!(4);
            job["threads"] = json!(threads);
        }))
    };
    let first = chaotic(1, 1);
    assert_eq!(first, chaotic(1, 4), "however many threads there are");
    assert_eq!(first["worlds"][1], chaotic(2, 1)["worlds"][0], "a seed's history does not depend on those before it");
    assert_ne!(first["worlds"][0]["figures"], first["worlds"][1]["figures"]);
}

#[test]
fn whatever_happens_no_rule_is_broken() {
    no_rule_is_broken(&run(job(bad_days)));
}

#[test]
fn nor_is_one_where_what_is_out_is_asked() {
    let mut plan: Plan = serde_json::from_str(PLAN).expect("a plan");
    for provider in &mut plan.providers {
        provider.breaker.probe_ms = Some(1_000);
    }
    no_rule_is_broken(&run_with(plan, job(bad_days)));
}

fn no_rule_is_broken(result: &Value) {
    let worlds = result["worlds"].as_array().expect("worlds");
    assert_eq!(worlds.len(), 200);
    let broken: Vec<_> = worlds.iter().filter(|world| world["violations_count"] != 0).collect();
    let told: Vec<_> = broken.iter().map(|world| format!("seed {}: {}", world["seed"], world["violations"])).collect();
    assert!(broken.is_empty(), "{} worlds:\n{}", broken.len(), told.join("\n"));
}

/// The plan with second attempts for all its aliases.
fn hedged(after: HedgeAfter, max_share_permille: u32) -> Plan {
    let mut plan: Plan = serde_json::from_str(PLAN).expect("a plan");
    for alias in &mut plan.aliases {
        alias.resilience.hedge = Some(Hedge { after, max_share_permille, max_spend_permille: 1000 });
    }
    plan
}

#[test]
fn whatever_happens_with_second_attempts_no_rule_is_broken() {
    for (after, share) in [(HedgeAfter::P95, 100), (HedgeAfter::Ms(500), 1000)] {
        let result = run_with(
            hedged(after, share),
            job(|job| {
                bad_days(job);
                job["seeds"] = json!(100);
            }),
        );
        let worlds = result["worlds"].as_array().expect("worlds");
        let broken: Vec<_> = worlds.iter().filter(|world| world["violations_count"] != 0).collect();
        let told: Vec<_> =
            broken.iter().map(|world| format!("seed {}: {}", world["seed"], world["violations"])).collect();
        assert!(broken.is_empty(), "{after:?}: {} worlds:\n{}", broken.len(), told.join("\n"));
        let count = |figure: &str| worlds.iter().map(|world| number(&world["figures"][figure])).sum::<u64>();
        assert!(count("hedges") > 200 && count("hedges_won") > 50, "{} of {}", count("hedges_won"), count("hedges"));
    }
}

/// Two providers, of which two first tokens in a hundred take six seconds.
fn slow_now_and_then(job: &mut Value) {
    let scenario = &mut job["scenario"];
    scenario["duration_ms"] = json!(300_000);
    scenario["rate"][0]["per_second"] = json!(20.0);
    scenario["calls"][0]["model"] = json!("shared");
    for index in 0..2 {
        let provider = &mut scenario["providers"][index];
        provider["ttft_ms"] = json!({"lognormal": {"median": 300, "sigma": 0.3}});
        let mut slow = rule(0, 300_000, "");
        slow["match"]["share"] = json!(0.02);
        slow["fault"] = Value::Null;
        slow["ttft_ms"] = json!({"fixed": 6_000});
        provider["rules"] = json!([slow]);
    }
}

#[test]
fn what_second_attempts_waste_is_a_share_of_what_answers_cost() {
    let waste = |max_spend_permille| {
        let mut plan = hedged(HedgeAfter::Ms(250), 1000);
        for alias in &mut plan.aliases {
            alias.resilience.hedge = Some(Hedge { max_spend_permille, ..alias.resilience.hedge.expect("hedged") });
        }
        let world = run_with(plan, job(slow_now_and_then))["worlds"][0].clone();
        unbroken(&world);
        let figure = |name: &str| number(&world["figures"][name]);
        (figure("wasted_nanousd") * 1000 / figure("spend_nanousd"), figure("hedges"))
    };
    let (free, capped) = (waste(1000), waste(10));
    assert!(free.0 > 30, "without the cap: {free:?}");
    assert!(capped.0 <= 12 && 0 < capped.1 && capped.1 < free.1 / 2, "with it: {capped:?}");
}

#[test]
fn second_attempts_shorten_the_longest_waits_and_cost_no_more_than_their_share() {
    let alone = world(job(slow_now_and_then));
    let beside = run_with(hedged(HedgeAfter::P95, 50), job(slow_now_and_then))["worlds"][0].clone();
    unbroken(&alone);
    unbroken(&beside);
    let p99 = |world: &Value| number(&world["figures"]["first_token_us"]["p99"]);
    assert!(p99(&alone) > 5_000_000 && p99(&beside) < 2_000_000, "{} to {} µs", p99(&alone), p99(&beside));
    let figures = &beside["figures"];
    let (calls, hedges) = (number(&figures["calls"]), number(&figures["hedges"]));
    assert!(hedges > 0 && hedges * 1000 <= calls * 50, "{hedges} second attempts for {calls} calls");
    assert!(number(&figures["attempts"]) <= calls + calls / 20 + number(&figures["retries"]), "{figures}");
    assert_eq!(figures["good"], figures["offered"]);
    assert_eq!(number(&alone["figures"]["hedges"]), 0);
    let lost = number(&beside["classes"]["hedge_lost"]);
    assert!(lost > 0 && lost <= hedges, "each is on record: {}", beside["classes"]);
    assert!(number(&figures["hedges_won"]) > 0 && number(&figures["wasted_nanousd"]) > 0, "{figures}");
    assert!(beside["not_hedged"]["unknown"].is_u64(), "the first ones know nothing: {}", beside["not_hedged"]);
}

#[test]
fn a_job_that_does_not_fit_is_refused_by_name() {
    let plan = || serde_json::from_str::<Plan>(PLAN).expect("a plan");
    let missing = job(|job| job["scenario"]["calls"][0]["model"] = json!("smrat"));
    let refused = start(vec![plan()], missing).err().expect("refused");
    assert!(refused.starts_with("calls[0].model: There is no model `smrat`"), "{refused}");
    let bad = json!({"scenario": {}, "seed": 1, "seeds": 1, "threads": 1, "timeline": true}).to_string();
    assert!(Job::read(bad.as_bytes()).expect_err("refused").contains("duration_ms"));
}

#[test]
fn a_job_that_is_stopped_keeps_what_is_done() {
    let endless = job(|job| {
        job["scenario"]["duration_ms"] = json!(1_000_000_000);
        job["seeds"] = json!(100);
    });
    let plan: Plan = serde_json::from_str(PLAN).expect("a plan");
    let running = start(vec![plan], endless).expect("it starts");
    assert!(running.result().is_none());
    running.stop();
    assert!(running.wait(Duration::from_mins(1)));
    let result: Value = serde_json::from_str(&running.result().expect("over")).expect("JSON");
    assert_eq!((result["asked"].as_u64(), result["worlds"].as_array().map(Vec::len)), (Some(100), Some(0)));
}
