//! Counts, runs and quantiles.

use super::*;

#[test]
fn buckets_follow_each_other_and_their_middle_is_near() {
    assert_eq!([0, 1, 15, 16, 17, 31, 32].map(bucket), [0, 1, 15, 16, 17, 31, 32]);
    for ns in (0..40).map(|log| 1_u64 << log).flat_map(|ns| [ns, ns + ns / 3, ns * 2 - 1]) {
        let found = middle(bucket(ns));
        assert!(found.abs_diff(ns) <= ns / 32 + 1, "{ns}: {found}");
    }
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
}

#[test]
fn a_profile_adds_up_over_workers_and_knows_its_quantiles() {
    let workers = [Arc::new(Meters::default()), Arc::new(Meters::default())];
    for meters in &workers {
        meters.stages.want(3);
        assert_eq!(meters.stages.join(), 3);
        for ns in 1..=100 {
            meters.stages.count(3, Stage::Send, ns * 1000);
        }
        meters.stages.count(3, Stage::Close, 1_000_000);
        meters.stages.count(3, Stage::Wait, 7);
    }
    let profile = profile(&workers, 3);
    let send = &profile.stages[Stage::Send as usize];
    assert_eq!((send.count, send.total_ns, send.mean_ns), (200, 10_100_000, Some(50_500)));
    assert!(send.p50_ns.unwrap().abs_diff(50_000) < 1_600 && send.p99_ns.unwrap().abs_diff(99_000) < 3_200);
    assert_eq!((profile.calls, profile.working_ns, profile.waiting_ns), (2, 12_100_000, 14));
    assert!((send.share - 10.1 / 12.1).abs() < 1e-9);
    assert!((profile.stages[Stage::Wait as usize].share - 1.0).abs() < 1e-9);
    assert_eq!(profile.stages[Stage::Route as usize].p50_ns, None);
}

#[test]
fn a_new_run_begins_at_nothing_and_old_calls_are_not_counted_in_it() {
    let workers = [Arc::new(Meters::default())];
    let stages = &workers[0].stages;
    assert_eq!(stages.join(), 0);
    assert!(stages.counts.get().is_none(), "nothing is carried that is not used");
    stages.want(1);
    let old = stages.join();
    stages.count(old, Stage::Read, 10);
    stages.want(0);
    assert_eq!(stages.join(), 0);
    assert_eq!(profile(&workers, 1).stages[Stage::Read as usize].count, 1);
    stages.want(2);
    assert_eq!(profile(&workers, 2).stages[Stage::Read as usize].count, 0);
    let new = stages.join();
    stages.count(old, Stage::Read, 10);
    stages.count(new, Stage::Read, 20);
    assert_eq!(profile(&workers, 2).stages[Stage::Read as usize].total_ns, 20);
}

#[test]
fn the_listeners_work_is_counted_once_and_only_in_a_run() {
    let workers = [Arc::new(Meters::default())];
    let stages = &workers[0].stages;
    stages.begin(|| panic!("the clock is not read"));
    stages.end(Some(Stage::Write), || panic!("the clock is not read"));
    stages.want(1);
    stages.join();
    stages.begin(|| 100);
    stages.end(Some(Stage::Write), || 160);
    stages.end(Some(Stage::Write), || 999);
    stages.begin(|| 200);
    stages.end(None, || 999);
    assert_eq!(profile(&workers, 1).stages[Stage::Write as usize].total_ns, 60);
}
