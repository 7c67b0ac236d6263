//! Whole streams and cut ones.

use crate::support::*;
use bytes::Bytes;
use fault::Kind;
use proptest::prelude::*;
use protocol::openai::paths::Streams;
use protocol::openai::stream::{State, Terminal};
use stream::{Begun, Finish, How, Opening};

#[test]
fn a_whole_stream_passes_byte_for_byte_however_it_was_cut_up() {
    for (streams, whole) in streams() {
        for size in [1, 2, 3, 7, 100, 10_000] {
            let world = World::new();
            let mut forward = world.forward(Some(streams), pieces(&whole, size));
            assert_eq!(drain(&mut forward), (whole.clone(), None));
            drop(forward);
            assert_eq!(world.outcome(), ("answered".to_owned(), None));
            assert_eq!(world.told.ending().how, How::Whole);
            assert_eq!(world.told.ending().first_token_at, Some(0));
            assert_ne!(world.told.ending().finish, Finish::None);
            assert!(world.is_at_rest());
        }
    }
}

#[test]
fn a_stream_cut_at_any_byte_never_ends_well() {
    for (streams, whole) in streams() {
        let terminal = match streams {
            Streams::Chat => &b"[DONE]"[..],
            _ => b"\"type\":\"response.",
        };
        let end = whole.windows(terminal.len()).rposition(|window| window == terminal).unwrap();
        for at in 0..end {
            for broken_off in [false, true] {
                let world = World::new();
                let mut script = pieces(&whole[..at], 50);
                if broken_off {
                    script.push(cut());
                }
                let (out, fault) = drain(&mut world.forward(Some(streams), script));
                assert_eq!(fault, Some(Kind::StreamCut), "cut at {at}");
                let words = out.windows(8).rposition(|window| window == b"\"error\":").expect("last words");
                let start = out[..words].windows(2).rposition(|window| window == b"\n\n").map_or(0, |blank| blank + 2);
                assert!(whole.starts_with(&out[..start]), "cut at {at}: what came before is the provider's");
                assert!(out.ends_with(b"\n\n"), "cut at {at}: the last words are whole");
                assert!(
                    out[start..].windows(19).any(|window| window == b"\"should_retry\":true"),
                    "cut at {at}: advice"
                );
                assert_eq!(world.outcome(), ("cut".to_owned(), Some("stream_cut".to_owned())));
                assert_eq!(world.told.ending().how, How::Cut(Kind::StreamCut));
                assert!(world.is_at_rest());
            }
        }
    }
}

#[test]
fn a_stream_is_never_finished_for_the_provider() {
    for (streams, whole) in streams() {
        for at in 0..whole.len() {
            let (out, _) = drain(&mut World::new().forward(Some(streams), pieces(&whole[..at], 50)));
            let (mut provider, mut caller) = (Terminal::new(streams), Terminal::new(streams));
            provider.feed(&whole[..at]);
            caller.feed(&out);
            let ended_well = provider.end(b"") == State::Done;
            assert_eq!(caller.end(b""), if ended_well { State::Done } else { State::Failed }, "cut at {at}");
            let finish = caller.finish();
            assert!(finish == Finish::None || finish == provider.finish(), "cut at {at}: no reason but the provider's");
        }
    }
}

#[test]
fn a_break_behind_the_end_is_no_cut() {
    let whole = golden("openai_chat", "text-stream");
    let world = World::new();
    let mut script = pieces(&whole, 64);
    script.push(cut());
    assert_eq!(drain(&mut world.forward(Some(Streams::Chat), script)), (whole, None));
    assert_eq!(world.outcome().0, "answered");
    assert_eq!(world.told.ending().how, How::Whole);
}

#[test]
fn an_error_event_passes_and_is_no_answer() {
    for (streams, name, said) in
        [(Streams::Chat, "openai_chat", "server_error"), (Streams::Responses, "openai_responses", "server_error")]
    {
        for broken_off in [false, true] {
            let whole = golden(name, "error-in-stream");
            let world = World::new();
            let mut script = pieces(&whole, 64);
            if broken_off {
                script.push(cut());
            }
            assert_eq!(drain(&mut world.forward(Some(streams), script)), (whole, None));
            assert_eq!(world.outcome(), ("cut".to_owned(), Some("stream_cut".to_owned())));
            let How::ErrorEvent(data) = world.told.ending().how else { panic!("{:?}", world.told) };
            assert!(String::from_utf8_lossy(&data).contains(said));
        }
    }
}

#[test]
fn a_body_that_is_no_stream_fails_without_last_words() {
    let world = World::new();
    let script = vec![piece("{\"id\":"), cut()];
    assert_eq!(drain(&mut world.forward(None, script)), (b"{\"id\":".to_vec(), Some(Kind::StreamCut)));
    assert_eq!(world.told.ending().how, How::Cut(Kind::StreamCut));
}

#[test]
fn a_body_without_a_byte_needs_nobody_to_ask_for_it() {
    let world = World::new();
    let forward = world.go_on(Script([cut()].into()), Begun::Plain(None));
    assert_eq!((world.outcome().0.as_str(), world.told.ending().how), ("answered", How::Whole));
    drop(forward);
    assert!(world.is_at_rest());
}

#[test]
fn a_stream_whose_end_only_its_framing_tells_ends_with_it() {
    let whole = b"event: step\ndata: {\"type\":\"step\"}\n\n".to_vec();
    let world = World::new();
    assert_eq!(drain(&mut world.forward(Some(Streams::Framed), pieces(&whole, 5))), (whole.clone(), None));
    assert_eq!(world.told.ending().how, How::Whole);
    let world = World::new();
    let mut script = pieces(&whole, 5);
    script.push(cut());
    assert_eq!(drain(&mut world.forward(Some(Streams::Framed), script)).1, Some(Kind::StreamCut));
}

#[test]
fn a_piece_that_begins_with_content_is_handed_on_as_it_came() {
    let world = World::new();
    let first = Bytes::from(delta("x"));
    let mut opening = Opening::new(Streams::Chat);
    opening.push(first.clone());
    let mut forward = world.go_on(Script([None].into()), Begun::Stream(opening));
    let std::task::Poll::Ready(Some(Ok(out))) = world.at(&mut forward, 0) else { panic!("the piece was held") };
    assert_eq!(out.as_ptr(), first.as_ptr(), "not copied");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn whatever_comes_however_cut_the_caller_has_a_part_of_it_and_one_true_end(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "data: ", "event: error", "event: ping", "data: [DONE]\n\n", "\n", "\n\n", "\r", "\r\n", ": c\n\n",
            "data: {\"error\":1}\n\n", "data: {\"type\":\"response.completed\"}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", ROLE, STOP,
        ]), 0..12),
        size in 1..40_usize,
        broken_off in any::<bool>(),
    ) {
        let stream = tokens.concat().into_bytes();
        for streams in [Streams::Chat, Streams::Responses, Streams::Typed { ends: &["x.completed"] }, Streams::Framed] {
            let mut oracle = Terminal::new(streams);
            let mut expected = oracle.feed(&stream);
            let mut script = pieces(&stream, size);
            if broken_off {
                script.push(cut());
            } else {
                expected = oracle.end(b"");
            }
            let world = World::new();
            let mut body = Script(script.into());
            let mut opening = Opening::new(streams);
            let opened = poll(&mut Box::pin(opening.commit(&mut body)));
            let (out, fault) = drain(&mut world.go_on(body, Begun::Stream(opening)));
            match (expected, world.told.ending().how) {
                (State::Done, How::Whole) | (State::Failed, How::ErrorEvent(_)) => {
                    prop_assert!(stream.starts_with(&out) && fault.is_none());
                    prop_assert!(broken_off || out == stream);
                }
                (State::Open | State::Content, How::Cut(Kind::StreamCut)) => {
                    prop_assert_eq!(fault, Some(Kind::StreamCut));
                    let same = out.iter().zip(&stream).take_while(|(a, b)| a == b).count();
                    let words = String::from_utf8_lossy(&out[same..]).into_owned();
                    prop_assert_eq!(words.matches("should_retry").count(), 1);
                }
                (state, how) => prop_assert!(false, "{:?} is told as {:?}", state, how),
            }
            let opened_well = matches!(opened, std::task::Poll::Ready(Ok(())));
            prop_assert!(opened_well || expected != State::Done);
            prop_assert!(world.is_at_rest());
        }
    }
}
