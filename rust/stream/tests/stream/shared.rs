//! Answers that several callers get, and streams that outlive a connection.

use crate::continuing::{Act, MARK, ODD, Other};
use crate::support::*;
use fault::Kind;
use protocol::openai::paths::Streams;
use record::{Borrowed, Lines, Meters, Record, RequestId, RequestIds, Style, Wants};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::Poll;
use stream::{
    AfterLeave, Begun, Cast, Forward, Host, How, Keeping, Lead, Missed, Opening, Pace, Ran, Share, Tape, Telling,
    Terms, To,
};

const SHARED: Keeping = Keeping { whole: 1 << 20, last: 0, ahead: 1 << 20, pace: Pace::Slowest };
const RESUMABLE: Keeping = Keeping { whole: 0, last: 1 << 20, ahead: 64 << 10, pace: Pace::Latest };

/// A worker with so many places, and room or not.
#[derive(Clone)]
struct Worker {
    places: Rc<Cell<usize>>,
    room: bool,
}

struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Host for Worker {
    type Place = Place;

    fn place(&self) -> Option<Place> {
        self.places.set(self.places.get().checked_sub(1)?);
        Some(Place(Rc::clone(&self.places)))
    }

    fn has_room(&self) -> bool {
        self.room
    }
}

/// A call whose answer is cast, and its first caller.
struct Stage {
    world: World,
    tape: Tape<()>,
    lead: Cell<Option<Lead>>,
    lead_id: RequestId,
    meters: Arc<Meters>,
    places: Rc<Cell<usize>>,
    running: Option<Pin<Box<dyn Future<Output = Ran>>>>,
}

impl Stage {
    /// `after_leave`: how far it goes without readers; `numbered`: with ids.
    fn new(script: Vec<Turn>, keeping: Keeping, after_leave: Option<AfterLeave>, numbered: bool) -> Self {
        Self::of((script, None), keeping, after_leave, numbered)
    }

    /// The same with what follows when the stream is cut.
    fn continued(script: Vec<Turn>, act: Act) -> Self {
        Self::of((script, Some(act)), SHARED, None, false)
    }

    fn of(
        (script, act): (Vec<Turn>, Option<Act>),
        keeping: Keeping,
        after_leave: Option<AfterLeave>,
        numbered: bool,
    ) -> Self {
        let world = World::with(Terms::new(DEADLINES));
        let (tape, writer) = Tape::new(keeping, Arc::default());
        writer.begin(());
        let lead = Lead::default();
        let record = world.record(3);
        let lead_id = record.request_id();
        let to = To { writer, lead: lead.watch(), alarm: world.wheel.alarm() };
        let forward = |telling: Telling<Told>| {
            let (told, terms) = (world.told.clone(), world.terms);
            let again = act.map(|act| telling.around(Box::new(Other { act, asked: Rc::default(), told, terms })));
            let begun = Begun::Stream(Opening::new(Streams::Chat));
            let forward = Forward::new(Script(script.into()), begun, &world.terms, record, telling);
            match again {
                Some(again) => forward.continued_by(again),
                None => forward,
            }
        };
        let cast = Cast::new(Telling::new(world.told.clone()), forward, to).reading_on(after_leave);
        let cast = if numbered { cast.numbered("r") } else { cast };
        let places = Rc::new(Cell::new(1));
        let worker = Worker { places: Rc::clone(&places), room: true };
        let running: Pin<Box<dyn Future<Output = Ran>>> = Box::pin(async move { cast.run(&worker).await });
        let meters = Arc::default();
        Self { world, tape, lead: Cell::new(Some(lead)), lead_id, meters, places, running: Some(running) }
    }

    fn lead(&self) -> Share<()> {
        Share::of_lead(self.tape.join().unwrap(), Some(Streams::Chat), self.lead.take().unwrap(), self.lead_id)
    }

    fn another(&self, deadline_ns: Option<u64>) -> Share<()> {
        let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
        lines.want(Wants::Nothing);
        let id = RequestIds::new(2).next();
        let mut record = Record::open(id, Arc::clone(&self.meters), lines, Rc::clone(&self.world.wheel));
        record.routed(self.meters.calls("smart", "chat_completions", true));
        record.borrows(Borrowed::Shared(self.lead_id));
        Share::of_another(self.tape.join().unwrap(), Some(Streams::Chat), record, deadline_ns)
    }

    /// Runs on up to a moment.
    fn run(&mut self, time: u64) -> Option<Ran> {
        self.world.time.set(time);
        self.world.wheel.ring();
        let Some(Poll::Ready(ran)) = self.running.as_mut().map(poll) else { return None };
        self.running = None;
        Some(ran)
    }

    fn outcome_of_another(&self) -> (String, Option<String>) {
        outcome(&self.meters)
    }
}

fn text(share: &mut Share<()>) -> (String, Option<Kind>) {
    let (bytes, fault) = drain(share);
    (String::from_utf8(bytes).unwrap(), fault)
}

fn script(parts: &[&str]) -> Vec<Turn> {
    parts.iter().map(|part| piece(part)).collect()
}

#[test]
fn all_who_share_get_the_same_bytes_and_each_a_record_of_its_own() {
    let whole = golden("openai_chat", "text-stream");
    let mut stage = Stage::new(pieces(&whole, 50), SHARED, None, false);
    let (mut lead, mut other) = (stage.lead(), stage.another(None));
    assert_eq!(stage.run(1), Some(Ran::Ended));
    assert_eq!(drain(&mut lead), (whole.clone(), None));
    assert_eq!(drain(&mut other), (whole, None));
    assert_eq!(stage.world.outcome().0, "answered");
    assert_eq!(stage.outcome_of_another().0, "answered");
    assert_eq!(stage.world.told.ending().how, How::Whole);
}

#[test]
fn the_work_goes_on_without_the_caller_who_began_it_and_its_record_says_that_it_left() {
    let mut stage = Stage::new(vec![piece(&delta("x")), None, piece(STOP), piece(DONE)], SHARED, None, false);
    let (lead, mut other) = (stage.lead(), stage.another(None));
    assert_eq!(stage.run(1), None);
    drop(lead);
    assert_eq!(stage.run(2), Some(Ran::Ended));
    assert_eq!(text(&mut other).1, None);
    assert_eq!(stage.world.outcome(), ("client_gone".to_owned(), Some("client_gone".to_owned())));
    assert_eq!((stage.outcome_of_another().0.as_str(), stage.world.told.ending().how), ("answered", How::Whole));
}

#[test]
fn when_all_have_left_the_work_is_cancelled() {
    let mut stage = Stage::new(vec![piece(&delta("x")), None, None, None, piece(DONE)], SHARED, None, false);
    let (lead, other) = (stage.lead(), stage.another(None));
    assert_eq!(stage.run(1), None);
    drop(other);
    assert_eq!(stage.run(2), None, "one still waits");
    drop(lead);
    assert_eq!(stage.run(3), Some(Ran::GivenUp));
    assert_eq!((stage.world.told.ending().how, stage.world.outcome().0.as_str()), (How::Dropped, "client_gone"));
}

#[test]
fn what_breaks_off_breaks_off_for_all_with_the_same_last_words() {
    let mut stage = Stage::new(vec![piece(&delta("x")), cut()], SHARED, None, false);
    let (mut lead, mut other) = (stage.lead(), stage.another(None));
    assert_eq!(stage.run(1), Some(Ran::Ended));
    let (words, fault) = text(&mut lead);
    assert!(words.contains("stream_cut") && fault == Some(Kind::StreamCut), "{words}");
    assert_eq!(text(&mut other), (words, fault));
    assert_eq!(stage.outcome_of_another(), ("cut".to_owned(), Some("stream_cut".to_owned())));
}

#[test]
fn a_providers_own_error_is_no_answer_for_anybody() {
    let mut stage = Stage::new(script(&[&delta("x"), ERROR]), SHARED, None, false);
    let mut other = stage.another(None);
    assert_eq!(stage.run(1), Some(Ran::Ended));
    assert_eq!(text(&mut other).1, None);
    assert_eq!(stage.outcome_of_another().0, "cut");
}

#[test]
fn what_all_have_of_a_stream_that_is_continued_is_what_came_of_it() {
    let rest = |texts: &[&str]| Act::Streams(texts.iter().map(|&text| text.to_owned()).collect());
    let whole = [&delta("x"), MARK, &delta("y"), STOP, DONE].concat();
    let failed = [&delta("x"), ERROR].concat();
    for (act, expected, outcome) in [
        (rest(&[&delta("y"), STOP, DONE]), &whole, "answered"),
        (rest(&[ODD]), &failed, "cut"),
        (Act::Fails(None), &failed, "cut"),
        (Act::Refused, &failed, "cut"),
    ] {
        let mut stage = Stage::continued(script(&[&delta("x"), ERROR]), act.clone());
        let (mut lead, mut other) = (stage.lead(), stage.another(None));
        assert_eq!(stage.run(1), Some(Ran::Ended));
        for share in [&mut lead, &mut other] {
            assert_eq!(text(share), (expected.clone(), None), "{act:?}");
        }
        assert_eq!(
            (stage.world.outcome().0, stage.outcome_of_another().0),
            (outcome.into(), outcome.into()),
            "{act:?}"
        );
    }
}

#[test]
fn a_deadline_of_one_caller_is_that_ones_alone() {
    let mut stage = Stage::new(vec![piece(&delta("x")), None, piece(STOP), piece(DONE)], SHARED, None, false);
    let (mut lead, mut hasty) = (stage.lead(), stage.another(Some(10)));
    assert_eq!(stage.run(1), None);
    assert!(stage.world.at(&mut hasty, 9).is_ready(), "the first piece");
    assert!(stage.world.at(&mut hasty, 9).is_pending());
    stage.world.time.set(10);
    stage.world.wheel.ring();
    let (words, fault) = text(&mut hasty);
    assert!(words.contains("total_timeout") && fault == Some(Kind::TotalTimeout), "{words}");
    assert_eq!(stage.run(11), Some(Ran::Ended));
    assert!(text(&mut lead).0.ends_with(DONE));
}

#[test]
fn a_stream_is_taken_up_behind_each_of_its_events_while_it_runs_and_after() {
    let whole = golden("openai_chat", "text-stream");
    let text = String::from_utf8(whole.clone()).unwrap();
    let events: Vec<_> = text.split_inclusive("\n\n").collect();
    let expected = |from: usize| -> String {
        let number = |(at, event): (usize, &&str)| format!("{}id: r:{}\n\n", &event[..event.len() - 1], at + 1);
        events.iter().enumerate().skip(from).map(number).collect()
    };
    for from in 0..=events.len() {
        let mut halves = script(&events[..from]);
        halves.push(None);
        halves.extend(script(&events[from..]));
        let mut stage = Stage::new(halves, RESUMABLE, Some(AfterLeave { ns: 60, bytes: u64::MAX }), true);
        let mut first = stage.lead();
        assert_eq!(stage.run(1), None);
        let got: String = std::iter::from_fn(|| match stage.world.at(&mut first, 1) {
            Poll::Ready(Some(Ok(piece))) => Some(String::from_utf8(piece.to_vec()).unwrap()),
            _ => None,
        })
        .collect();
        assert_eq!(got + &expected(from), expected(0));
        drop(first);
        let number = u64::try_from(from).unwrap();
        let mut live = read_on(&stage, number);
        assert_eq!(stage.run(2), Some(Ran::Ended));
        assert_eq!(drain(&mut live).0, expected(from).as_bytes());
        assert_eq!(drain(&mut read_on(&stage, number)).0, expected(from).as_bytes());
        assert_eq!(stage.world.outcome().0, "client_gone");
    }
}

fn read_on(stage: &Stage, number: u64) -> Share<()> {
    let reader = stage.tape.after(number).unwrap();
    Share::of_another(reader, Some(Streams::Chat), stage.world.record(9), None)
}

#[test]
fn a_stream_that_nobody_takes_up_again_is_given_up_in_time() {
    let pauses = || vec![piece(&delta("x")), None, None, None, None, None, piece(DONE)];
    let leave = AfterLeave { ns: 20, bytes: u64::MAX };
    let mut stage = Stage::new(pauses(), RESUMABLE, Some(leave), true);
    let lead = stage.lead();
    assert_eq!(stage.run(1), None);
    drop(lead);
    assert_eq!((stage.run(2), stage.places.get()), (None, 0), "it takes up a place");
    let back = read_on(&stage, 1);
    assert_eq!((stage.run(10), stage.places.get()), (None, 1), "somebody is back");
    drop(back);
    assert_eq!(stage.run(11), None, "from here on it is 20 again");
    assert_eq!(stage.run(30), None);
    assert_eq!((stage.run(31), stage.places.get()), (Some(Ran::GivenUp), 1));
    assert_eq!(stage.world.told.ending().how, How::Dropped);
}

#[test]
fn without_a_place_or_when_all_time_is_cut_nothing_is_read_on() {
    let pauses = || vec![piece(&delta("x")), None, None, piece(DONE)];
    let leave = Some(AfterLeave { ns: 60, bytes: u64::MAX });
    let mut stage = Stage::new(pauses(), RESUMABLE, leave, true);
    stage.places.set(0);
    drop(stage.lead());
    assert_eq!(stage.run(1), Some(Ran::GivenUp));
    let mut stage = Stage::new(pauses(), RESUMABLE, leave, true);
    drop(stage.lead());
    assert_eq!(stage.run(1), None);
    stage.world.wheel.cut();
    assert_eq!(stage.run(2), Some(Ran::GivenUp));
}

#[test]
fn what_is_read_on_for_nobody_is_bounded_in_bytes() {
    let mut stage = Stage::new(
        script(&[&delta("x"), &delta("y"), DONE]),
        SHARED,
        Some(AfterLeave { ns: 60, bytes: delta("x").len() as u64 }),
        false,
    );
    drop(stage.lead());
    assert_eq!(stage.run(1), Some(Ran::GivenUp));
}

#[test]
fn a_reader_that_does_not_read_holds_the_provider_up_and_not_the_memory() {
    let big = delta(&"x".repeat(100));
    let keeping = Keeping { whole: 150, last: 0, ahead: 150, pace: Pace::Slowest };
    let mut stage = Stage::new(script(&[&big, &big, &big, STOP, DONE]), keeping, None, false);
    let (mut fast, mut slow) = (stage.lead(), stage.another(None));
    assert_eq!(stage.run(1), None);
    assert!(stage.world.at(&mut fast, 1).is_ready());
    assert!(stage.world.at(&mut fast, 1).is_pending(), "the next does not come before the slow one has read");
    assert_eq!(stage.run(2), None);
    assert!(stage.world.at(&mut slow, 2).is_ready());
    assert_eq!(stage.run(3), None);
    assert_eq!(stage.tape.after(0).err(), Some(Missed::FallenOff), "what both have read is not held");
    assert!(stage.world.at(&mut fast, 3).is_ready());
    drop(slow);
    assert_eq!(stage.run(4), None);
    assert!(stage.world.at(&mut fast, 4).is_ready());
    assert_eq!(stage.run(5), Some(Ran::Ended));
    assert_eq!(text(&mut fast), (format!("{STOP}{DONE}"), None));
}
