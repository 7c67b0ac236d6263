//! A history of calls through the code that serves, its journal, and what is made of that after a kill.

mod history;

use super::file::{self, CHECKPOINT, Checkpoint};
use super::recover;
use super::since::{self, Since};
use super::start;
use super::tally::Tally;
use admission::account::{Account, State};
use admission::{Limits, Names, Past, Saved, SavedState};
use history::{Op, World, limits_of, now, plan};
use journal::{Entry, Journal, Position, Settings};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What is spent of each amount, by limit and value; what is nothing is left out.
fn spent(limits: &Limits, now_ns: u64) -> BTreeMap<(String, String), u64> {
    let mut all = BTreeMap::new();
    limits.each_standing(now(now_ns), |account, standing| {
        assert_eq!(standing.reserved, 0, "{account:?}: nothing is open");
        all.insert((account.limit.to_string(), account.value.to_string()), standing.used);
    });
    all.retain(|_, used| *used > 0);
    all
}

/// In how long the bucket of each rate is full.
fn owed(limits: &Limits, now_ns: u64) -> BTreeMap<(String, String), u64> {
    let mut all = BTreeMap::new();
    let mut see = |account: &Account| {
        if let State::Rate(bucket) = &account.state {
            all.insert((account.limit.to_string(), account.value.to_string()), bucket.full_in_ns(now_ns));
        }
    };
    limits.accounts().each(&mut see);
    all.retain(|_, owed| *owed > 0);
    all
}

/// All accounts, `other` too.
fn held(limits: &Limits, now_ns: u64) -> Vec<Saved> {
    let mut all = limits.accounts().saved(now(now_ns), u64::MAX);
    all.sort_by(|one, other| one.value.cmp(&other.value));
    for saved in &mut all {
        let SavedState::Spent(spent) = &mut saved.state else { continue };
        spent.touched_ns = 0;
    }
    all
}

/// What a start makes of a history: from checkpoints as they come through a file, then to the end, and what is open
/// settled.
fn started(world: &World) -> Arc<Limits> {
    let mut checkpoint: Option<Checkpoint> = None;
    let mut from = 0;
    for mark in &world.checkpoints {
        let limits = limits_of(&plan(mark.variant), None);
        let mut tally = Tally::new(&limits, &mark.since, checkpoint);
        world.entries[from..mark.entries].iter().for_each(|entry| tally.count(entry));
        let text = serde_json::to_string(&tally.checkpoint(&Position::default())).expect("JSON");
        (checkpoint, from) = (Some(serde_json::from_str(&text).expect("its own")), mark.entries);
    }
    let limits = limits_of(&plan(world.variant), None);
    let mut tally = Tally::new(&limits, &world.since, checkpoint);
    world.entries[from..].iter().for_each(|entry| tally.count(entry));
    for entry in recover::ends(&tally) {
        tally.count(&entry);
    }
    assert!(tally.open_calls().is_empty());
    limits
}

/// All that was used, counted in the order in which it was let in.
fn in_order(world: &World) -> Arc<Limits> {
    let limits = limits_of(&plan(world.variant), None);
    let mut ended = world.ended.clone();
    ended.sort_by_key(|(_, past)| past.taken_ns);
    for (who, past) in &ended {
        let at = now(past.taken_ns);
        let meets = match who {
            history::Ended::Call(caller) => limits.met_by_names(&caller.names(), at),
            history::Ended::Attempt(target) => limits.met_at_names(target.deployment(), target.provider(), at),
        };
        meets.iter().for_each(|met| limits.replay(met, past));
    }
    limits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn money_and_tokens_come_back_to_the_last_one_wherever_a_process_is_killed(
        ops in proptest::collection::vec(history::op(), 1..80), later_s in 0_u64..100_000,
    ) {
        let mut world = World::new();
        for op in &ops {
            world.step(op);
        }
        let started = started(&world);
        world.kill();
        let now_ns = world.now_ns + later_s * 1_000_000_000;
        prop_assert_eq!(spent(&started, now_ns), spent(&world.limits, now_ns));
        let (owed, least) = (owed(&started, now_ns), owed(&in_order(&world), now_ns));
        for (account, least) in &least {
            prop_assert!(owed.get(account).is_some_and(|owed| owed >= least), "{:?}: {:?} < {}", account, owed.get(account), least);
        }
    }

    #[test]
    fn rates_come_back_exactly_where_calls_follow_each_other(
        calls in proptest::collection::vec((0_usize..8, 0_u64..5_000, 0_u64..5_000, 0_u64..40_000_000_000), 1..40),
        mark in 0_usize..40,
    ) {
        let mut world = World::new();
        for (number, (caller, estimated, less, passes_ns)) in calls.into_iter().enumerate() {
            let used = estimated.saturating_sub(less);
            for op in [Op::Open { caller, estimated }, Op::Send { call: 0, target: caller }, Op::Pass(passes_ns / 7)] {
                world.step(&op);
            }
            for op in [Op::Settle { call: 0, used }, Op::Close { call: 0 }, Op::Pass(passes_ns)] {
                world.step(&op);
            }
            if number == mark {
                world.step(&Op::Checkpoint);
            }
        }
        let now_ns = world.now_ns;
        prop_assert_eq!(owed(&started(&world), now_ns), owed(&world.limits, now_ns));
    }

    #[test]
    fn values_beyond_the_most_share_one_account_before_and_after(
        calls in proptest::collection::vec((0_usize..8, 1_u64..100, any::<bool>()), 1..40), mark in 0_usize..40,
    ) {
        let mut world = World::with(3);
        for (number, (caller, used, ends)) in calls.into_iter().enumerate() {
            for op in [Op::Open { caller, estimated: 1 }, Op::Send { call: usize::MAX, target: 0 }, Op::Settle { call: usize::MAX, used }] {
                world.step(&op);
            }
            if ends {
                world.step(&Op::Close { call: 0 });
            }
            if number == mark {
                world.step(&Op::Checkpoint);
            }
        }
        let started = started(&world);
        world.kill();
        prop_assert_eq!(held(&started, world.now_ns), held(&world.limits, world.now_ns));
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock that is passed in")]
fn wall() -> SystemTime {
    SystemTime::now()
}

fn settings(directory: &Path, workers: u32) -> Settings {
    Settings {
        directory: directory.to_owned(),
        workers,
        segment_bytes: 64 << 10,
        sync_every: Duration::from_secs(10),
        keep_for: Duration::from_secs(1000),
        keep_bytes: 1 << 30,
        plan: [7; 32],
        seed: 1,
        clock: wall,
    }
}

/// A process that writes these entries and is killed; the journal that it leaves is that of one that ended, but for what
/// is open.
fn process(directory: &Path, entries: &[Entry<'_>], limits: &Arc<Limits>) -> (u64, u64) {
    let (journal, writers) = Journal::open(settings(directory, 2)).expect("a journal");
    let keep = start(directory, limits, &writers[0], 1 << 30, 0);
    assert_eq!(keep.troubles, Vec::<String>::new());
    for entry in entries {
        let writer = &writers[usize::from(entry.call() % 2 == 1)];
        while writer.append(entry).is_err() {
            std::thread::yield_now();
        }
    }
    keep.close();
    drop(writers);
    journal.close();
    (keep.recovered.calls, keep.recovered.attempts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn starts_that_follow_each_other_find_the_same_in_files(
        ops in proptest::collection::vec(history::op(), 1..60), cuts in proptest::collection::vec(0_usize..200, 1..4),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut world = World::new();
        ops.iter().filter(|op| !matches!(op, Op::Reload | Op::Checkpoint)).for_each(|op| world.step(op));
        // A process is killed in the middle, and its calls end with it: what follows of them is not written.
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % (world.entries.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(world.entries.len());
        let (mut from, mut lost) = (0, Vec::new());
        let mut written = Vec::new();
        for cut in cuts {
            let now: Vec<_> = world.entries[from..cut].iter().filter(|entry| !lost.contains(&entry.call())).copied().collect();
            process(directory.path(), &now, &limits_of(&plan(0), None));
            written.extend(now);
            lost.extend(open_at_the_end(&written));
            from = cut;
        }
        let limits = limits_of(&plan(0), None);
        process(directory.path(), &[], &limits);
        let report = journal::verify(directory.path()).expect("readable");
        prop_assert!(!report.is_damaged() && report.open_calls == 0 && report.open_attempts == 0, "{:?}", report);
        // Nothing is left to be recovered, and the files say the same without the checkpoint.
        prop_assert_eq!(process(directory.path(), &[], &limits_of(&plan(0), None)), (0, 0));
        std::fs::remove_file(directory.path().join(CHECKPOINT)).expect("there");
        let again = limits_of(&plan(0), None);
        process(directory.path(), &[], &again);
        prop_assert_eq!(spent(&again, world.now_ns), spent(&limits, world.now_ns));
    }
}

fn open_at_the_end(entries: &[Entry<'_>]) -> Vec<u128> {
    let ends: Vec<_> = entries.iter().filter(|entry| matches!(entry, Entry::Closed(_))).map(Entry::call).collect();
    let opened = entries.iter().filter(|entry| matches!(entry, Entry::Opened(_))).map(Entry::call);
    opened.filter(|call| !ends.contains(call)).collect()
}

/// One call by ann that costs 7, and is over unless it is `cut`.
fn one_call(cut: bool) -> World {
    let mut world = World::new();
    for op in [Op::Open { caller: 0, estimated: 9 }, Op::Send { call: 0, target: 0 }] {
        world.step(&op);
    }
    if !cut {
        world.step(&Op::Settle { call: 0, used: 7 });
        world.step(&Op::Close { call: 0 });
    }
    world
}

fn used(limits: &Limits, now_ns: u64, limit: &str) -> u64 {
    spent(limits, now_ns).iter().filter(|((id, _), _)| id == limit).map(|(_, used)| used).sum()
}

#[test]
fn what_a_killed_process_had_sent_costs_what_was_reserved_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = one_call(true);
    let limits = || limits_of(&plan(0), None);
    process(directory.path(), &world.entries, &limits());
    let first = limits();
    assert_eq!(process(directory.path(), &[], &first), (1, 1));
    let second = limits();
    assert_eq!(process(directory.path(), &[], &second), (0, 0), "it is settled now");
    let reserved = history::reserved(9);
    assert_eq!([&first, &second].map(|limits| used(limits, world.now_ns, "life")), [reserved; 2]);
    let report = journal::verify(directory.path()).expect("readable");
    assert_eq!((report.entries, report.open_attempts), ([1, 1, 1, 1], 0));
}

#[test]
fn what_there_is_no_room_to_write_down_counts_and_is_left_to_the_next_start() {
    const CALLS: u64 = 400;
    let home = tempfile::tempdir().expect("a directory");
    let (gone, there) = (home.path().join("gone"), home.path().join("there"));
    let mut world = World::with(3);
    for _ in 0..CALLS {
        world.step(&Op::Open { caller: 0, estimated: 9 });
        world.step(&Op::Send { call: usize::MAX, target: 0 });
    }
    // Room is set aside for the end of each.
    let roomy = Settings { segment_bytes: 4 << 20, ..settings(&gone, 1) };
    let (journal, writers) = Journal::open(roomy).expect("a journal");
    assert!(world.entries.iter().all(|entry| writers[0].append(entry).is_ok()));
    drop(writers);
    journal.close();
    let reserved = history::reserved(9) * CALLS;
    let (journal, writers) = Journal::open(settings(&gone, 1)).expect("a journal");
    // Where its directory was nothing can be allocated any more.
    std::fs::rename(&gone, &there).expect("moved");
    let limits = limits_of(&plan(3), None);
    let keep = start(&there, &limits, &writers[0], 1 << 30, 0);
    assert_eq!((keep.recovered.calls, keep.recovered.is_unwritten), (CALLS, true));
    assert_eq!(used(&limits, world.now_ns, "agents"), reserved);
    drop(writers);
    journal.close();
    let limits = limits_of(&plan(3), None);
    let (calls, attempts) = process(&there, &[], &limits);
    assert!((1..CALLS).contains(&calls) && (1..=calls).contains(&attempts), "{calls} and {attempts} are left");
    assert_eq!(used(&limits, world.now_ns, "agents"), reserved);
    assert_eq!(process(&there, &[], &limits_of(&plan(3), None)), (0, 0));
    let report = journal::verify(&there).expect("readable");
    assert_eq!(report.entries, [CALLS; 4]);
}

#[test]
fn a_checkpoint_that_is_broken_or_of_a_later_version_is_told_and_all_is_counted_again() {
    for text in ["{", r#"{"version": 2, "what": "ever"}"#, r#"{"version": 1}"#] {
        let directory = tempfile::tempdir().expect("a directory");
        let world = one_call(false);
        process(directory.path(), &world.entries, &limits_of(&plan(0), None));
        process(directory.path(), &[], &limits_of(&plan(0), None));
        std::fs::write(directory.path().join(CHECKPOINT), text).expect("a file");
        let limits = limits_of(&plan(0), None);
        let (journal, writers) = Journal::open(settings(directory.path(), 1)).expect("a journal");
        let keep = start(directory.path(), &limits, &writers[0], 1 << 30, 0);
        assert!(keep.troubles[0].contains(CHECKPOINT), "{:?}", keep.troubles);
        assert_eq!(used(&limits, world.now_ns, "life"), 7);
        assert!(file::read::<Checkpoint>(directory.path(), CHECKPOINT).is_ok(), "and there is a good one now");
        drop(writers);
        journal.close();
    }
}

#[test]
fn a_limit_that_comes_later_counts_from_then_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = one_call(false);
    process(directory.path(), &first.entries, &limits_of(&plan(0), None));
    let limits = limits_of(&plan(2), None);
    let (journal, writers) = Journal::open(settings(directory.path(), 1)).expect("a journal");
    start(directory.path(), &limits, &writers[0], 1 << 30, first.now_ns + 1);
    assert_eq!((used(&limits, first.now_ns, "extra"), used(&limits, first.now_ns, "life")), (0, 7));
    drop(writers);
    journal.close();
    let since: Since = file::read(directory.path(), since::FILE).expect("good").expect("there");
    assert_eq!(since, Since::of(&limits, Some(&since), u64::MAX), "it is noted");
}

#[test]
fn a_call_of_a_plan_before_is_counted_by_the_names_that_are_left() {
    let limits = limits_of(&plan(0), None);
    let names = Names {
        key: "revoked",
        team: "platform",
        alias: "gone",
        model: "gone",
        user: "",
        agent: "",
        session: "",
        task: "",
        tags: &[],
    };
    let (taken_ns, used_now) = (history::START_NS, admission::Used { tokens: 5, nano_usd: Some(11) });
    for met in limits.met_by_names(&names, now(taken_ns)) {
        limits.replay(&met, &Past { taken_ns, ended_ns: taken_ns, used: used_now });
    }
    assert_eq!((used(&limits, taken_ns, "team.usd_per_hour"), used(&limits, taken_ns, "life")), (11, 11));
}
