//! Callers that leave.

use crate::support::*;
use fault::Kind;
use protocol::openai::paths::Streams;
use record::Record;
use std::pin::Pin;
use std::task::Poll;
use stream::{AfterLeave, Ending, Forward, How, Terms};

type Running = Pin<Box<dyn Future<Output = (Ending, Record)>>>;

fn terms(after_leave: AfterLeave) -> Terms {
    Terms { after_leave: Some(after_leave), keep_alive_ns: Some(3), ..Terms::new(DEADLINES) }
}

/// A caller that takes the first piece, and leaves at moment 1; what then runs.
fn leave(world: &World, script: Vec<Turn>) -> Running {
    let mut forward = world.forward(Some(Streams::Chat), script);
    assert!(world.at(&mut forward, 1).is_ready());
    drop(forward);
    assert!(world.told.endings.borrow().is_empty(), "the attempt goes on");
    Box::pin(world.told.rest.take().unwrap().run())
}

fn run(world: &World, running: &mut Running, time: u64) -> Poll<(Ending, Record)> {
    world.time.set(time);
    world.wheel.ring();
    running.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

fn how(world: &World, running: &mut Running, time: u64) -> Option<How> {
    match run(world, running, time) {
        Poll::Ready((ending, _)) => Some(ending.how),
        Poll::Pending => None,
    }
}

#[test]
fn a_caller_that_leaves_takes_the_providers_work_with_it() {
    let world = World::new();
    let mut forward: Forward<_, _> = world.forward(Some(Streams::Chat), vec![piece(&delta("x")), None]);
    assert!(world.at(&mut forward, 1).is_ready());
    assert!(world.at(&mut forward, 2).is_pending());
    drop(forward);
    assert_eq!(world.outcome().0, "client_gone");
    assert_eq!((world.told.ending().how, world.told.ending().first_token_at), (How::Dropped, Some(1)));
    assert!(world.told.rest.borrow().is_none());
    assert!(world.is_at_rest());
}

#[test]
fn a_caller_that_leaves_behind_the_end_leaves_nothing_behind() {
    for (last, whole) in [(DONE, true), (ERROR, false)] {
        let world = World::with(terms(AfterLeave::FINISH));
        let mut forward = world.forward(Some(Streams::Chat), vec![piece(&delta("x")), piece(last), None]);
        assert!(world.at(&mut forward, 1).is_ready());
        assert!(world.at(&mut forward, 1).is_ready());
        assert!(world.at(&mut forward, 1).is_pending());
        drop(forward);
        assert!(world.told.rest.borrow().is_none());
        assert_eq!(world.told.ending().how == How::Whole, whole);
        assert_eq!(world.outcome().0, "client_gone");
    }
}

#[test]
fn what_a_caller_leaves_behind_is_read_to_its_end() {
    for limits in [AfterLeave::DRAIN, AfterLeave::FINISH] {
        let world = World::with(terms(limits));
        let script = vec![piece(&delta("x")), None, piece(&delta("y")), piece(STOP), None, piece(DONE)];
        let mut rest = leave(&world, script);
        assert!(run(&world, &mut rest, 10).is_pending());
        assert!(!world.is_at_rest(), "the call is open until then");
        assert!(run(&world, &mut rest, 20).is_pending());
        let Poll::Ready((ending, _)) = run(&world, &mut rest, 21) else { panic!("it is over") };
        assert_eq!((ending.how, ending.first_token_at), (How::Whole, Some(1)));
        drop(rest);
        assert_eq!(world.outcome().0, "client_gone");
        assert!(world.is_at_rest());
    }
}

#[test]
fn the_rest_fails_like_the_answer_would() {
    let world = World::with(terms(AfterLeave::DRAIN));
    let mut rest = leave(&world, vec![piece(&delta("x")), cut()]);
    assert_eq!(how(&world, &mut rest, 2), Some(How::Cut(Kind::StreamCut)));

    let world = World::with(terms(AfterLeave::DRAIN));
    let mut rest = leave(&world, vec![piece(&delta("x")), piece(ERROR)]);
    assert!(matches!(how(&world, &mut rest, 2), Some(How::ErrorEvent(_))));

    let world = World::with(terms(AfterLeave::DRAIN));
    let mut rest = leave(&world, vec![piece(&delta("x")), None, None]);
    assert_eq!(how(&world, &mut rest, 50), None);
    assert_eq!(how(&world, &mut rest, 51), Some(How::Cut(Kind::IdleTimeout)));
}

#[test]
fn the_rest_is_given_up_at_its_limits_and_when_the_gateway_stops() {
    let limits = AfterLeave { ns: 20, bytes: 1_000 };
    let world = World::with(terms(limits));
    let mut rest = leave(&world, vec![piece(&delta("x")), None, None]);
    assert_eq!(how(&world, &mut rest, 20), None);
    assert_eq!(how(&world, &mut rest, 21), Some(How::Dropped), "20 after the caller left");

    let world = World::with(terms(limits));
    let mut script: Vec<Turn> = (0..100).map(|_| piece(&delta("x"))).collect();
    script.push(piece(DONE));
    let mut rest = leave(&world, script);
    assert_eq!(how(&world, &mut rest, 2), Some(How::Dropped), "too many bytes");

    let world = World::with(terms(AfterLeave::FINISH));
    let mut rest = leave(&world, vec![piece(&delta("x")), None, None]);
    assert_eq!(how(&world, &mut rest, 2), None);
    world.wheel.cut();
    assert_eq!(how(&world, &mut rest, 3), Some(How::Cut(Kind::DrainCut)));
}

#[test]
fn nothing_is_left_to_a_gateway_that_stops() {
    let world = World::with(terms(AfterLeave::FINISH));
    let mut forward = world.forward(Some(Streams::Chat), vec![piece(&delta("x")), None]);
    assert!(world.at(&mut forward, 1).is_ready());
    world.wheel.cut();
    drop(forward);
    assert!(world.told.rest.borrow().is_none());
    assert_eq!(world.told.ending().how, How::Dropped);
}

#[test]
fn what_nobody_reads_on_is_given_up() {
    let world = World::with(terms(AfterLeave::FINISH));
    let mut forward = world.forward(Some(Streams::Chat), vec![piece(&delta("x")), None]);
    assert!(world.at(&mut forward, 1).is_ready());
    drop(forward);
    let rest = world.told.rest.take().unwrap();
    assert_eq!(rest.give_up().0.how, How::Dropped);
    assert_eq!(world.outcome().0, "client_gone");
}

#[test]
fn other_answers_can_be_read_on_too() {
    let world = World::with(terms(AfterLeave::FINISH));
    let mut forward = world.forward(None, vec![piece("{"), None, piece("}")]);
    assert!(world.at(&mut forward, 1).is_ready());
    assert!(world.at(&mut forward, 1).is_pending());
    drop(forward);
    let mut rest: Running = Box::pin(world.told.rest.take().unwrap().run());
    assert_eq!(how(&world, &mut rest, 2), Some(How::Whole));
}
