//! A call under a clock that the test turns.

use super::*;
use crate::{Lines, Meters, RequestIds, Style, Wheel, profile};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// A worker whose clock the test turns.
struct World {
    time: Rc<Cell<u64>>,
    wheel: Rc<Wheel>,
    meters: Arc<Meters>,
}

impl World {
    fn new(run: u32) -> Self {
        let time = Rc::new(Cell::new(1_000));
        let read = Rc::clone(&time);
        let world = Self { wheel: Wheel::new(move || read.get()), time, meters: Arc::default() };
        world.meters.stages.want(run);
        world.meters.stages.join();
        world
    }

    fn open(&self) -> Record {
        let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
        Record::open(RequestIds::new(1).next(), Arc::clone(&self.meters), lines, Rc::clone(&self.wheel))
    }

    fn pass(&self, ns: u64) {
        self.time.set(self.time.get() + ns);
    }

    /// Of each stage that was passed: its name, how often, and its time.
    fn counted(&self) -> Vec<(Stage, u64, u64)> {
        let rows = profile(&[Arc::clone(&self.meters)], 1).stages;
        rows.iter().filter(|row| row.count > 0).map(|row| (row.stage, row.count, row.total_ns)).collect()
    }

    /// One turn of an exchange that works for so long.
    fn turn(&self, record: &mut Record, ns: u64, polled: Poll<()>) {
        let _ = record.exchanges(|| {
            self.pass(ns);
            polled
        });
    }
}

#[test]
fn each_stage_gets_its_own_time_and_waiting_is_apart() {
    let world = World::new(1);
    world.meters.stages.begin(|| world.wheel.now());
    world.pass(3);
    let mut record = world.open();
    world.pass(10);
    record.mark(Stage::Admission);
    world.pass(20 + 500);
    record.waited(500);
    record.mark(Stage::Read);
    world.pass(30);
    record.mark(Stage::Route);
    world.turn(&mut record, 4, Poll::Pending);
    world.pass(700);
    world.turn(&mut record, 5, Poll::Pending);
    world.pass(900);
    world.turn(&mut record, 6, Poll::Ready(()));
    record.exchanged(Duration::from_nanos(700));
    world.pass(1);
    record.answers(200);
    world.pass(99);
    record.asked_for_piece();
    world.pass(8);
    record.hands_piece_on();
    record.asked_for_piece();
    world.pass(1);
    record.has_no_piece();
    world.pass(40);
    record.asked_for_piece();
    world.pass(2);
    record.close();
    assert_eq!(
        world.counted(),
        [
            (Stage::Head, 1, 3),
            (Stage::Admission, 1, 10),
            (Stage::BodyWait, 1, 500),
            (Stage::Read, 1, 20),
            (Stage::Route, 1, 30),
            (Stage::ConnectWait, 1, 700),
            (Stage::Send, 1, 9),
            (Stage::Wait, 1, 900),
            (Stage::Answer, 1, 7),
            (Stage::Forward, 1, 8),
            (Stage::PieceWait, 1, 40),
            (Stage::Close, 1, 3),
        ]
    );
}

#[test]
fn the_last_wait_is_for_the_answer_however_much_work_a_connection_took() {
    let world = World::new(1);
    let mut record = world.open();
    world.turn(&mut record, 100, Poll::Pending);
    world.pass(50);
    world.turn(&mut record, 10, Poll::Pending);
    world.pass(40);
    world.turn(&mut record, 0, Poll::Ready(()));
    record.exchanged(Duration::from_nanos(155));
    drop(record);
    assert_eq!(world.counted()[..3], [(Stage::ConnectWait, 1, 50), (Stage::Send, 1, 110), (Stage::Wait, 1, 40)]);
}

#[test]
fn an_exchange_that_never_waits_is_all_sending() {
    let world = World::new(1);
    let mut record = world.open();
    world.turn(&mut record, 9, Poll::Ready(()));
    record.exchanged(Duration::ZERO);
    drop(record);
    assert_eq!(world.counted()[0], (Stage::Send, 1, 9));
}

#[test]
fn a_call_whose_caller_leaves_is_closed_and_its_last_wait_is_nobodys() {
    let world = World::new(1);
    let mut record = world.open();
    record.has_no_piece();
    world.pass(1_000_000);
    drop(record);
    assert_eq!(world.counted(), [(Stage::Close, 1, 0)]);
}

#[test]
fn a_call_that_opened_while_it_was_off_is_never_counted() {
    let world = World::new(0);
    let mut record = world.open();
    world.meters.stages.want(1);
    world.meters.stages.join();
    world.pass(10);
    record.mark(Stage::Admission);
    record.answers(200);
    record.close();
    assert_eq!(world.counted(), []);
}
