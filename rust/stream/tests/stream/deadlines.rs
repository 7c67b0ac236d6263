//! Late streams, and comments to callers that wait.

use crate::support::*;
use fault::Kind;
use protocol::openai::paths::Streams;
use std::task::Poll;
use stream::{Deadlines, Forward, How, Terms};

const S: u64 = 1_000_000_000;

/// What comes at a moment: text, nothing yet, or the end.
fn text(world: &World, forward: &mut Forward<Script, Told>, time: u64) -> Option<String> {
    match world.at(forward, time) {
        Poll::Ready(Some(Ok(piece))) => Some(String::from_utf8_lossy(&piece).into_owned()),
        Poll::Ready(Some(Err(fault))) => Some(format!("fault {}", fault.kind().name())),
        Poll::Ready(None) => Some("end".to_owned()),
        Poll::Pending => None,
    }
}

#[test]
fn each_deadline_has_its_own_fault() {
    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![None, piece(PING), None, None]);
    assert!(world.at(&mut forward, 99).is_pending());
    assert!(world.at(&mut forward, 99).is_ready(), "a comment passes");
    assert!(world.at(&mut forward, 99).is_pending());
    assert!(world.at(&mut forward, 100).is_ready());
    assert_eq!(drain(&mut forward).1, Some(Kind::FirstTokenTimeout), "and is no first token");

    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![piece(&delta("x")), None, piece(PING), None]);
    assert!(world.at(&mut forward, 90).is_ready());
    assert!(world.at(&mut forward, 139).is_pending());
    assert!(world.at(&mut forward, 139).is_ready(), "a comment passes");
    assert!(world.at(&mut forward, 140).is_ready());
    assert_eq!(drain(&mut forward).1, Some(Kind::IdleTimeout), "and does not count as content");
    assert_eq!(world.told.ending().how, How::Cut(Kind::IdleTimeout));
    assert_eq!(world.told.ending().first_token_at, Some(90));

    let world = World::new();
    let mut forward = world.forward(None, vec![piece("{"), None, None]);
    assert!(world.at(&mut forward, 0).is_ready());
    assert!(world.at(&mut forward, 999).is_pending());
    assert!(
        matches!(world.at(&mut forward, 1_000), Poll::Ready(Some(Err(fault))) if fault.kind() == Kind::TotalTimeout)
    );
}

#[test]
fn the_first_content_brings_the_deadline_of_the_next_nearer() {
    let deadlines = Deadlines { first_token: 900, ..DEADLINES };
    let world = World::with(Terms::new(deadlines));
    let mut forward = world.forward(Some(Streams::Chat), vec![None, piece(&delta("x")), None, None]);
    assert!(world.at(&mut forward, 5).is_pending());
    assert!(world.at(&mut forward, 10).is_ready());
    assert!(world.at(&mut forward, 59).is_pending());
    assert!(world.at(&mut forward, 60).is_ready());
    assert_eq!(drain(&mut forward).1, Some(Kind::IdleTimeout));
}

#[test]
fn signs_of_life_do_not_keep_a_stream_open() {
    let empty = delta("");
    for ping in [PING, "event: ping\ndata: {\"type\":\"ping\"}\n\n", ROLE, empty.as_str()] {
        let world = World::new();
        let mut script = vec![piece(&delta("x"))];
        for _ in 0..100 {
            script.extend([piece(ping), None]);
        }
        let mut forward = world.forward(Some(Streams::Chat), script);
        assert!(world.at(&mut forward, 0).is_ready());
        let mut time = 0;
        while text(&world, &mut forward, time).is_none_or(|out| out == ping) {
            time += 1;
        }
        assert!((50..=51).contains(&time), "{ping}: {time}");
    }
}

#[test]
fn content_keeps_a_stream_open_whatever_its_pace() {
    for gap in [1, 7, 49, 50] {
        let terms = Terms::new(Deadlines { whole: (u64::MAX, Kind::TotalTimeout), first_token: 100, idle_ns: 6_400 });
        let world = World::with(terms);
        let script = (0..400).flat_map(|_| [piece(&delta("x")), None]).chain([None, None]).collect();
        let mut forward = world.forward(Some(Streams::Chat), script);
        let mut last = 0;
        for turn in 0..400 {
            last = turn * gap;
            assert_eq!(text(&world, &mut forward, last), Some(delta("x")), "{gap}");
            assert_eq!(text(&world, &mut forward, last), None, "{gap}");
        }
        assert_eq!(text(&world, &mut forward, last + 6_399), None, "not before the limit has passed");
        assert!(text(&world, &mut forward, last + 6_400 + 100).is_some(), "nor much after it");
        assert_eq!(drain(&mut forward).1, Some(Kind::IdleTimeout));
    }
}

#[test]
fn pings_alone_are_believed_for_five_minutes_however_long_a_silence_may_be() {
    let deadlines = Deadlines { whole: (3_600 * S, Kind::TotalTimeout), first_token: 30 * S, idle_ns: 1_200 * S };
    let late = |ping: bool| {
        let world = World::with(Terms::new(deadlines));
        let mut script = vec![piece(&delta("x")), None];
        for _ in 0..2_000 {
            script.extend(if ping { vec![piece(PING), None] } else { vec![None] });
        }
        let mut forward = world.forward(Some(Streams::Chat), script);
        assert!(world.at(&mut forward, 0).is_ready());
        let mut time = 0;
        while text(&world, &mut forward, time * S).is_none_or(|out| out == PING) {
            time += 1;
        }
        assert_eq!(drain(&mut forward).1, Some(Kind::IdleTimeout));
        time
    };
    let slack = 1_200 / 64 + 2; // a ping that is there is taken before the time is looked at
    assert!((300..=300 + slack).contains(&late(true)));
    assert!((1_200..=1_200 + slack).contains(&late(false)));
}

#[test]
fn a_body_that_does_not_end_behind_its_stream_is_ended() {
    for (last, outcome) in [(DONE, "answered"), (ERROR, "cut")] {
        let deadlines = Deadlines { whole: (3_600 * S, Kind::TotalTimeout), first_token: 30 * S, idle_ns: 60 * S };
        let world = World::with(Terms::new(deadlines));
        let script = vec![piece(&delta("x")), piece(last), None, None];
        let mut forward = world.forward(Some(Streams::Chat), script);
        assert!(world.at(&mut forward, S).is_ready());
        assert!(world.at(&mut forward, 2 * S).is_ready());
        assert_eq!(text(&world, &mut forward, 3 * S - 1), None);
        assert_eq!(text(&world, &mut forward, 3 * S).as_deref(), Some("end"));
        assert_eq!(world.outcome().0, outcome);
    }
}

#[test]
fn a_caller_that_waits_gets_comments_between_events_alone() {
    let terms = Terms { keep_alive_ns: Some(10), ..Terms::new(DEADLINES) };
    let world = World::with(terms);
    let (half, rest) = ("data: {\"choices\":[{\"delta\":{\"con", "tent\":\"x\"}}]}\n\n");
    let script = vec![piece(ROLE), piece(half), None, None, piece(rest), None, None, None, piece(STOP), piece(DONE)];
    let mut forward = world.forward(Some(Streams::Chat), script);
    let comment = Some(": keep-alive\n\n".to_owned());
    assert_eq!(text(&world, &mut forward, 0), Some(ROLE.to_owned()));
    assert_eq!(text(&world, &mut forward, 9), None);
    assert_eq!(text(&world, &mut forward, 10), comment, "half an event has come, and waits here");
    assert_eq!(text(&world, &mut forward, 15), Some(format!("{half}{rest}")));
    assert_eq!(text(&world, &mut forward, 20), None, "counted from what was sent last");
    assert_eq!(text(&world, &mut forward, 25), comment);
    assert_eq!(text(&world, &mut forward, 26), None);
    let (end, fault) = drain(&mut forward);
    assert_eq!((String::from_utf8(end).unwrap(), fault), (format!("{STOP}{DONE}"), None));
    assert_eq!(world.told.ending().how, How::Whole);
}

#[test]
fn comments_do_not_keep_a_stream_open() {
    let terms = Terms { keep_alive_ns: Some(10), ..Terms::new(DEADLINES) };
    let world = World::with(terms);
    let mut script = vec![piece(&delta("x"))];
    script.extend(std::iter::repeat_with(|| None).take(200));
    let mut forward = world.forward(Some(Streams::Chat), script);
    assert!(world.at(&mut forward, 0).is_ready());
    let comments = (1..50).filter(|time| text(&world, &mut forward, *time).is_some()).count();
    assert_eq!(comments, 4, "each 10");
    assert!(text(&world, &mut forward, 50).is_some_and(|words| words.contains("idle_timeout")));
    assert_eq!(drain(&mut forward).1, Some(Kind::IdleTimeout));
}

#[test]
fn the_end_of_a_drain_is_told() {
    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![None, None]);
    assert!(world.at(&mut forward, 1).is_pending());
    world.wheel.cut();
    let (words, fault) = drain(&mut forward);
    let words = String::from_utf8(words).unwrap();
    assert!(words.contains("shutting down") && words.contains("\"should_retry\":true"));
    assert_eq!(fault, Some(Kind::DrainCut));
    assert_eq!(world.told.ending().how, How::Cut(Kind::DrainCut));
}
