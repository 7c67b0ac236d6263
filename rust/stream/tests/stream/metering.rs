//! What passed, as it is told to those who bill it.

use crate::support::*;
use protocol::openai::paths::Streams;
use protocol::openai::usage::{Tap, Usage};
use stream::{Finish, How, Metered, Opening, Unopened};

/// What a script of pieces is metered as.
fn metered(streams: Option<Streams>, script: Vec<Turn>) -> (How, Finish, Metered) {
    let world = World::new();
    drain(&mut world.forward(streams, script));
    let ending = world.told.ending();
    (ending.how, ending.finish, ending.metered)
}

#[test]
fn a_stream_cut_at_any_byte_tells_the_usage_that_came_before_the_cut() {
    for (streams, whole) in streams() {
        for at in 0..=whole.len() {
            let mut expected = Tap::default();
            expected.feed(&whole[..at]);
            let (_, _, metered) = metered(Some(streams), pieces(&whole[..at], 37));
            assert_eq!((metered.usage, metered.bytes), (expected.usage(), at as u64 - expected.bytes()), "cut at {at}");
        }
    }
}

#[test]
fn a_server_that_keeps_telling_is_heard_up_to_a_cut() {
    let told = |output: u32| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"]x\"}}}}],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{output}}}}}\n\n"
        )
    };
    let mut script = pieces([ROLE, &told(1), &told(2), &told(3)].concat().as_bytes(), 45);
    script.push(cut());
    let (how, _, metered) = metered(Some(Streams::Chat), script);
    assert_eq!((how, metered.usage.map(|usage| usage.output)), (How::Cut(fault::Kind::StreamCut), Some(3)));
}

#[test]
fn events_are_counted_and_the_first_of_them_is_measured() {
    let world = [ROLE, &delta("a"), PING, &delta("b"), STOP, DONE].concat();
    let (how, finish, metered) = metered(Some(Streams::Chat), pieces(format!("{PING}{world}").as_bytes(), 11));
    assert_eq!((how, finish), (How::Whole, Finish::Stop));
    assert_eq!((metered.events, metered.envelope), (5, ROLE.len() as u64));
}

#[test]
fn an_answer_that_is_no_stream_tells_its_usage_where_its_call_has_one() {
    let body = br#"{"id":"x","usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let usage = Usage { input: 3, output: 2, ..Usage::NONE };
    for size in [1, 7, 100] {
        let (how, _, metered) = metered(None, pieces(body, size));
        assert_eq!(
            (how, metered.usage, metered.bytes),
            (How::Whole, Some(usage), r#"{"id":"x","usage":}"#.len() as u64)
        );
    }
    let mut terms = stream::Terms::new(DEADLINES);
    terms.taps = false;
    let world = World::with(terms);
    drain(&mut world.forward(None, pieces(body, 9)));
    assert_eq!(world.told.ending().metered, Metered { bytes: body.len() as u64, ..Metered::default() });
}

#[test]
fn usage_that_cannot_be_is_told_as_such() {
    let garbled = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-7}}\n\n";
    let (_, _, metered) = metered(Some(Streams::Chat), pieces([&delta("a"), garbled, DONE].concat().as_bytes(), 50));
    assert!(metered.is_garbled && metered.usage.is_none());
}

#[test]
fn what_a_caller_left_behind_is_metered_to_its_end() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    let mut terms = stream::Terms::new(DEADLINES);
    terms.after_leave = Some(stream::AfterLeave::DRAIN);
    let world = World::with(terms);
    let script = vec![piece(&delta("x")), piece(STOP), piece(usage), piece(DONE)];
    let mut forward = world.forward(Some(Streams::Chat), script);
    assert!(world.at(&mut forward, 1).is_ready());
    drop(forward);
    let rest = world.told.rest.take().unwrap();
    let std::task::Poll::Ready((ending, _)) = poll(&mut Box::pin(rest.run())) else { panic!("it is over") };
    assert_eq!((ending.how, ending.metered.usage.map(|usage| usage.output)), (How::Whole, Some(2)));
}

#[test]
fn a_stream_that_does_not_open_tells_what_came() {
    let mut opening = Opening::new(Streams::Chat);
    let mut body = Script([piece(ROLE), piece(ERROR)].into());
    let opened = poll(&mut Box::pin(opening.commit(&mut body)));
    assert!(matches!(opened, std::task::Poll::Ready(Err(Unopened::Failed(_)))));
    assert_eq!(opening.metered().events, 2);
}
