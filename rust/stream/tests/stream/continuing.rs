//! Streams that are cut and gone on with.

use crate::support::*;
use fault::{Fault, Kind};
use proptest::prelude::*;
use protocol::openai::continuing::{Follow, Text};
use protocol::openai::paths::Streams;
use record::Record;
use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::task::Poll;
use stream::{AfterLeave, Forward, GoOn, Going, How, Next, Opening, Stopped, Terms};

/// What another attempt comes to.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// It streams this.
    Streams(Vec<String>),
    /// It fails; for this reason, where it is the gateway's own.
    Fails(Option<Kind>),
    /// It hangs.
    Hangs,
    /// There is none.
    Refused,
}

/// What for somebody was to go on, and behind how much text.
pub(crate) type Asked = Rc<RefCell<Vec<(How, Option<usize>)>>>;

/// Somebody who goes on with a cut stream, and notes what for.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) act: Act,
    pub(crate) asked: Asked,
    pub(crate) told: Told,
    pub(crate) terms: Terms,
}

impl GoOn<Script, Told> for Other {
    fn go_on(self: Box<Self>, how: &How, text: Option<Text>, record: Record) -> Result<Going<Script, Told>, Record> {
        self.asked.borrow_mut().push((how.clone(), text.as_ref().map(Text::length)));
        assert_eq!(self.told.endings.borrow().len(), 1, "the first attempt is settled by now");
        let Some(text) = text else { return Err(record) };
        let Self { act, told, terms, .. } = *self;
        Ok(match act {
            Act::Refused => return Err(record),
            Act::Hangs => Box::pin(async move {
                let _record = record;
                pending().await
            }),
            Act::Fails(kind) => {
                let fault = kind.map(|kind| Fault::new(kind, "scripted"));
                Box::pin(ready(Err(Stopped { record, fault })))
            }
            Act::Streams(script) => Box::pin(async move {
                let mut body = Script(script.iter().map(|text| piece(text)).collect());
                let mut opening = Opening::new(Streams::Chat);
                opening.commit(&mut body).await.unwrap();
                let follow = Follow::new(text, false);
                let mark = "headgate-continued by=spare".to_owned();
                Ok(Next { body, opening, follow, terms, record, settle: told, mark })
            }),
        })
    }
}

struct Seam {
    world: World,
    asked: Asked,
}

impl Seam {
    fn new() -> Self {
        Self::with(Terms::new(DEADLINES))
    }

    fn with(terms: Terms) -> Self {
        Self { world: World::with(terms), asked: Rc::default() }
    }

    /// A stream that goes on as `act` says when it is cut.
    fn forward(&self, script: Vec<Turn>, act: Act) -> Forward<Script, Told> {
        let (told, terms) = (self.world.told.clone(), self.world.terms);
        let other = Other { act, asked: Rc::clone(&self.asked), told, terms };
        self.world.forward(Some(Streams::Chat), script).continued_by(Box::new(other))
    }

    /// What the caller gets, and what the attempts came to.
    fn run(&self, script: Vec<Turn>, act: Act) -> (String, Option<Kind>, Vec<How>) {
        let mut forward = self.forward(script, act);
        let (out, fault) = drain(&mut forward);
        drop(forward);
        assert!(self.world.is_at_rest());
        let hows = self.world.told.endings.borrow().iter().map(|ending| ending.how.clone()).collect();
        (String::from_utf8(out).unwrap(), fault, hows)
    }

    fn continued(&self) -> Option<String> {
        self.world.label("headgate_continuations", "outcome")
    }
}

/// What goes on from no text.
pub(crate) const ODD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";

pub(crate) const MARK: &str = ": headgate-continued by=spare\n\n";

fn rest() -> Act {
    Act::Streams([ROLE, &delta("b"), STOP, DONE].map(str::to_owned).to_vec())
}

#[test]
fn what_goes_on_stands_behind_a_mark_and_has_no_role() {
    let seam = Seam::new();
    let (out, fault, hows) = seam.run(vec![piece(ROLE), piece(&delta("a")), cut()], rest());
    assert_eq!(out, [ROLE, &delta("a"), MARK, &delta("b"), STOP, DONE].concat());
    assert_eq!((fault, hows), (None, vec![How::Cut(Kind::StreamCut), How::Whole]));
    assert_eq!(seam.world.outcome().0, "answered");
    assert_eq!(seam.continued().as_deref(), Some("whole"));
}

#[test]
fn each_way_to_be_cut_is_gone_on_from() {
    for (script, expected) in [
        (vec![piece(&delta("a")), cut()], How::Cut(Kind::StreamCut)),
        (vec![piece(&delta("a"))], How::Cut(Kind::StreamCut)),
        (vec![piece(&delta("a")), piece("data: {\"choices\":[{\"ind")], How::Cut(Kind::StreamCut)),
        (vec![piece(&(delta("a") + ERROR)), piece("data: more\n\n")], error()),
        (vec![piece(&delta("a")), piece(ERROR)], error()),
    ] {
        let seam = Seam::new();
        let (out, fault, hows) = seam.run(script, rest());
        assert_eq!(out, [&delta("a"), MARK, &delta("b"), STOP, DONE].concat());
        assert_eq!((fault, hows[1].clone()), (None, How::Whole));
        assert_eq!(*seam.asked.borrow(), [(expected, Some(1))]);
    }
}

fn error() -> How {
    How::ErrorEvent(ERROR[6..ERROR.len() - 2].to_owned().into())
}

#[test]
fn a_silence_is_gone_on_from() {
    let seam = Seam::new();
    let mut forward = seam.forward(vec![piece(&delta("a")), None, None], rest());
    assert!(seam.world.at(&mut forward, 1).is_ready());
    assert!(seam.world.at(&mut forward, 2).is_pending());
    let Poll::Ready(Some(Ok(piece))) = seam.world.at(&mut forward, 60) else { panic!("it goes on") };
    assert_eq!(piece, [MARK, &delta("b")].concat());
    assert_eq!(drain(&mut forward).0, [STOP, DONE].concat().as_bytes());
}

#[test]
fn where_nothing_goes_on_the_stream_ends_as_it_would_have() {
    for act in [Act::Refused, Act::Fails(None)] {
        let plain = World::new();
        let script = || vec![piece(&delta("a")), cut()];
        let expected = drain(&mut plain.forward(Some(Streams::Chat), script()));
        let seam = Seam::new();
        let (out, fault, hows) = seam.run(script(), act.clone());
        assert_eq!((out.as_bytes(), fault), (&expected.0[..], expected.1));
        assert_eq!(hows, [How::Cut(Kind::StreamCut)]);
        assert_eq!(seam.world.outcome(), plain.outcome());
        // The provider's own error reaches the caller as it was written.
        let seam = Seam::new();
        let (out, fault, _) = seam.run(vec![piece(&(delta("a") + ERROR))], act);
        assert_eq!((out, fault), (delta("a") + ERROR, None));
        assert_eq!(seam.world.outcome().0, "cut");
    }
}

#[test]
fn a_drain_in_the_seam_is_what_the_caller_is_told() {
    let seam = Seam::new();
    let (out, fault, _) = seam.run(vec![piece(&delta("a")), cut()], Act::Fails(Some(Kind::DrainCut)));
    assert!(out.contains("\"code\":\"drain_cut\"") || out.contains("drain"), "{out}");
    assert_eq!(fault, Some(Kind::DrainCut));
}

#[test]
fn a_second_cut_ends_the_stream() {
    let seam = Seam::new();
    let act = Act::Streams(vec![ROLE.to_owned(), delta("b")]);
    let (out, fault, hows) = seam.run(vec![piece(&delta("a")), cut()], act);
    assert!(out.starts_with(&[&delta("a"), MARK, &delta("b")].concat()));
    assert!(out.contains("\"error\":") && !out.contains("[DONE]"));
    assert_eq!((fault, hows), (Some(Kind::StreamCut), vec![How::Cut(Kind::StreamCut); 2]));
    assert_eq!(seam.continued().as_deref(), Some("cut"));
    assert_eq!(seam.asked.borrow().len(), 1);
}

#[test]
fn what_does_not_go_on_from_the_text_is_not_sent() {
    let seam = Seam::new();
    let (out, fault, hows) = seam.run(vec![piece(&delta("a")), cut()], Act::Streams(vec![ODD.to_owned()]));
    assert!(!out.contains("headgate-continued") && !out.contains("hm"));
    assert_eq!((fault, hows), (Some(Kind::StreamCut), vec![How::Cut(Kind::StreamCut), How::Dropped]));
    assert_eq!(seam.continued().as_deref(), Some("failed"));
}

#[test]
fn nobody_is_asked_for_a_text_that_is_not_plain_or_is_over() {
    let tool = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n";
    for script in [vec![piece(&delta("a")), piece(tool)], vec![piece(&delta("a")), piece(STOP)]] {
        let seam = Seam::new();
        let (out, fault, _) = seam.run(script, rest());
        assert!(out.contains("\"error\":"));
        assert_eq!(fault, Some(Kind::StreamCut));
        assert_eq!(*seam.asked.borrow(), [(How::Cut(Kind::StreamCut), None)]);
    }
    let seam = Seam::new();
    assert_eq!(seam.run(vec![piece(&delta("a")), piece(STOP), piece(DONE), cut()], rest()).1, None);
    assert!(seam.asked.borrow().is_empty(), "what broke off behind the end is whole");
}

#[test]
fn a_caller_that_leaves_in_the_seam_takes_everything_along() {
    let seam = Seam::with(Terms { after_leave: Some(AfterLeave::FINISH), ..Terms::new(DEADLINES) });
    let mut forward = seam.forward(vec![piece(&delta("a")), cut()], Act::Hangs);
    assert!(seam.world.at(&mut forward, 1).is_ready());
    assert!(seam.world.at(&mut forward, 2).is_pending());
    drop(forward);
    assert_eq!(seam.world.outcome().0, "client_gone");
    assert!(seam.world.told.rest.borrow().is_none());
    assert!(seam.world.is_at_rest());
}

#[test]
fn a_caller_that_waits_in_the_seam_gets_comments() {
    let seam = Seam::with(Terms { keep_alive_ns: Some(10), ..Terms::new(DEADLINES) });
    let mut forward = seam.forward(vec![piece(&delta("a")), cut()], Act::Hangs);
    assert!(seam.world.at(&mut forward, 1).is_ready());
    assert!(seam.world.at(&mut forward, 2).is_pending());
    let comments = Cell::new(0);
    for time in 3..40 {
        if let Poll::Ready(Some(Ok(comment))) = seam.world.at(&mut forward, time) {
            assert_eq!(comment, ": keep-alive\n\n");
            comments.set(comments.get() + 1);
        }
    }
    assert_eq!(comments.get(), 3);
    seam.world.wheel.cut();
    assert!(seam.world.at(&mut forward, 41).is_pending(), "the attempt hears of the drain, not this");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn a_text_that_is_cut_anywhere_comes_once(
        words in prop::collection::vec("[a-z\u{e9}\u{1f6b0} ]{1,6}", 2..8),
        at in any::<prop::sample::Index>(),
        size in 1usize..80,
        ends_ill in any::<bool>(),
    ) {
        let whole: String = words.concat();
        let first: String = [ROLE.to_owned()].into_iter().chain(words.iter().map(|word| delta(word))).collect();
        let begun = ROLE.len() + delta(&words[0]).len();
        let at = begun + at.index(first.len() - begun);
        let whole_events = words.iter().scan(ROLE.len(), |end, word| {
            *end += delta(word).len();
            (*end <= at).then_some(())
        }).count();
        let said: String = words[..whole_events].concat();
        let mut script = pieces(&first.as_bytes()[..at], size);
        if ends_ill {
            script.push(cut());
        }
        let more = [ROLE.to_owned(), delta(&whole[said.len()..]), STOP.to_owned(), DONE.to_owned()];
        let seam = Seam::new();
        let (out, fault, _) = seam.run(script, Act::Streams(more.to_vec()));
        prop_assert_eq!(fault, None);
        prop_assert_eq!(seam.asked.borrow()[0].1, Some(said.len()));
        prop_assert_eq!(content(&out), whole);
        prop_assert_eq!(out.matches(MARK).count(), 1);
    }
}

/// The text of a stream of [`delta`]s.
fn content(out: &str) -> String {
    let parts = out.split("\"content\":\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap_or_default()).collect()
}
