//! What is held until the first content, and what becomes of it.

use crate::support::*;
use bytes::Bytes;
use fault::Kind;
use protocol::openai::paths::Streams;
use std::task::Poll;
use stream::{Begun, Finish, How, Opened, Opening, Unopened};

const IMAGES: Streams = Streams::Typed { ends: &["image_generation.completed"] };

fn push(opening: &mut Opening, text: &str) -> Opened {
    opening.push(Bytes::copy_from_slice(text.as_bytes()))
}

/// Where the first event ends that holds content, told by what the recordings have in such events.
fn committed_by(whole: &[u8]) -> usize {
    let text = String::from_utf8_lossy(whole);
    let is_content = |event: &str| {
        let full = |key: &str| event.split(&format!("\"{key}\":\"")).skip(1).any(|rest| !rest.starts_with('"'));
        if event.contains("chat.completion.chunk") {
            return ["content", "reasoning_content", "refusal", "name"].into_iter().any(full);
        }
        let kind = event.split("\"type\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        match kind.rsplit('.').next() {
            Some("delta") => full("delta"),
            Some("added") => kind == "response.output_item.added" && full("name"),
            last => last == Some("done"),
        }
    };
    let mut end = 0;
    for event in text.split_inclusive("\n\n") {
        end += event.len();
        if is_content(event) {
            return end;
        }
    }
    panic!("no content: {text}")
}

#[test]
fn a_stream_commits_with_its_first_content_wherever_it_is_cut() {
    for (streams, whole) in streams() {
        let commit = committed_by(&whole);
        let mut bytewise = Opening::new(streams);
        for at in 1..=commit {
            let opened = bytewise.push(Bytes::copy_from_slice(&whole[at - 1..at]));
            assert_eq!(opened, if at < commit { Opened::Pending } else { Opened::Committed }, "at {at}");
        }
        assert!(bytewise.has_content());
        for cut in 1..=whole.len() {
            let mut opening = Opening::new(streams);
            let opened = opening.push(Bytes::copy_from_slice(&whole[..cut]));
            assert_eq!(opened, if cut < commit { Opened::Pending } else { Opened::Committed }, "cut at {cut}");
            assert_eq!(opening.has_content(), cut >= commit);
        }
    }
}

#[test]
fn a_stream_goes_on_from_its_opening_byte_for_byte_wherever_it_is_cut() {
    for (streams, whole) in streams() {
        for size in [1, 7, 100] {
            let world = World::new();
            let mut body = Script(pieces(&whole, size).into());
            let mut opening = Opening::new(streams);
            assert!(matches!(poll(&mut Box::pin(opening.commit(&mut body))), Poll::Ready(Ok(()))));
            assert_eq!(drain(&mut world.go_on(body, Begun::Stream(opening))), (whole.clone(), None), "{size}");
            assert_eq!((world.outcome().0.as_str(), world.told.ending().how), ("answered", How::Whole));
        }
        for cut in 1..whole.len() {
            let world = World::new();
            let mut body =
                Script([&whole[..cut], &whole[cut..]].map(|part| Some(Ok(Bytes::copy_from_slice(part)))).into());
            let mut opening = Opening::new(streams);
            assert!(matches!(poll(&mut Box::pin(opening.commit(&mut body))), Poll::Ready(Ok(()))));
            assert_eq!(drain(&mut world.go_on(body, Begun::Stream(opening))), (whole.clone(), None), "cut at {cut}");
        }
    }
}

#[test]
fn a_stream_cut_before_its_first_content_has_not_begun() {
    for (streams, whole) in streams() {
        let commit = committed_by(&whole);
        for at in 0..whole.len() {
            for broken_off in [false, true] {
                let mut script = pieces(&whole[..at], 11);
                if broken_off {
                    script.push(cut());
                }
                let mut body = Script(script.into());
                let mut opening = Opening::new(streams);
                match poll(&mut Box::pin(opening.commit(&mut body))) {
                    Poll::Ready(Err(Unopened::Cut(fault))) => {
                        assert!(at < commit && fault.kind() == Kind::StreamCut, "cut at {at}");
                    }
                    Poll::Ready(Ok(())) => assert!(at >= commit, "cut at {at}"),
                    other => panic!("cut at {at}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn waiting_for_the_first_content_can_be_given_up_and_taken_up_again() {
    let (mut body, mut opening) = (Script([piece(ROLE), None, piece(&delta("x"))].into()), Opening::new(Streams::Chat));
    assert!(poll(&mut Box::pin(opening.commit(&mut body))).is_pending());
    assert!(matches!(poll(&mut Box::pin(opening.commit(&mut body))), Poll::Ready(Ok(()))));
    let world = World::new();
    let out = drain(&mut world.go_on(body, Begun::Stream(opening))).0;
    assert!(out.starts_with(format!("{ROLE}{}", delta("x")).as_bytes()));
}

#[test]
fn an_error_before_content_is_a_failure_and_says_what_the_provider_said() {
    let named = |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n");
    let object = r#"{"error":{"message":"m"}}"#;
    for (streams, before, error, said) in [
        (Streams::Chat, ROLE, ERROR.to_owned(), r#"{"error":{"message":"too busy","code":"overloaded"}}"#),
        (Streams::Chat, "", named("error", r#"{"message":"m"}"#), r#"{"message":"m"}"#),
        (Streams::Chat, PING, format!("data: {object}\n\ndata: [DONE]\n\n"), object),
        (Streams::Responses, "", named("error", r#"{"type":"error","code":"c"}"#), r#"{"type":"error","code":"c"}"#),
        (
            Streams::Responses,
            "",
            named(
                "response.failed",
                r#"{"type":"response.failed","response":{"error":{"code":"c"},"tools":["}"]},"x":1}"#,
            ),
            r#"{"error":{"code":"c"},"tools":["}"]}"#,
        ),
        (IMAGES, PING, format!("data: {object}\n\n"), object),
        (Streams::Framed, PING, named("error", object), object),
    ] {
        let stream = format!("{before}{error}");
        for size in [1, 9, 1000] {
            let mut body = Script(pieces(stream.as_bytes(), size).into());
            let mut opening = Opening::new(streams);
            match poll(&mut Box::pin(opening.commit(&mut body))) {
                Poll::Ready(Err(Unopened::Failed(data))) => assert_eq!(data, said.as_bytes()),
                other => panic!("{stream}: {other:?}"),
            }
            // It can be shown to the caller all the same.
            let world = World::new();
            assert_eq!(drain(&mut world.go_on(body, Begun::Stream(opening))), (stream.clone().into_bytes(), None));
            assert_eq!(world.told.ending().how, How::ErrorEvent(Bytes::from(said)));
        }
    }
}

#[test]
fn an_error_behind_content_counts_while_none_of_it_was_sent() {
    let mut opening = Opening::new(Streams::Chat);
    assert!(matches!(push(&mut opening, &format!("{}{ERROR}", delta("x"))), Opened::Failed(_)));
    let mut opening = Opening::new(Streams::Chat);
    assert_eq!(push(&mut opening, &delta("x")), Opened::Committed);
}

#[test]
fn an_answer_without_content_commits_with_its_good_end() {
    let filtered = STOP.replace("stop", "content_filter");
    for (end, finish) in [(STOP, Finish::Stop), (filtered.as_str(), Finish::ContentFilter)] {
        for last in [DONE, "data: [DONE]", "data: [DONE]\n"] {
            let stream = format!("{ROLE}{end}{last}");
            let mut body = Script(pieces(stream.as_bytes(), 5).into());
            let mut opening = Opening::new(Streams::Chat);
            assert!(matches!(poll(&mut Box::pin(opening.commit(&mut body))), Poll::Ready(Ok(()))), "{stream}");
            assert_eq!((opening.has_content(), opening.finish()), (false, finish));
            let world = World::new();
            assert_eq!(drain(&mut world.go_on(body, Begun::Stream(opening))), (stream.into_bytes(), None));
            let ending = world.told.ending();
            assert_eq!((ending.how, ending.first_token_at, ending.finish), (How::Whole, None, finish));
        }
    }
    let mut opening = Opening::new(Streams::Responses);
    let incomplete = r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#;
    assert_eq!(push(&mut opening, &format!("data: {incomplete}\n\n")), Opened::Committed);
    assert_eq!(opening.finish(), Finish::ContentFilter);
}

#[test]
fn a_finish_reason_alone_is_no_end() {
    let mut opening = Opening::new(Streams::Chat);
    assert_eq!(push(&mut opening, STOP), Opened::Pending);
    assert_eq!(opening.end(), Opened::Cut);
}

#[test]
fn no_more_is_held_than_allowed() {
    let mut opening = Opening::new(Streams::Chat);
    let pushes = 1 + Opening::HELD_CAP / PING.len();
    for at in 1..=pushes {
        let opened = push(&mut opening, PING);
        assert_eq!(opened, if at < pushes { Opened::Pending } else { Opened::Committed }, "{at}");
    }
    assert!(!opening.has_content());
    let world = World::new();
    let mut forward = world.go_on(Script([None, None].into()), Begun::Stream(opening));
    let mut out = 0;
    while let Poll::Ready(Some(Ok(piece))) = world.at(&mut forward, 99) {
        out += piece.len();
    }
    assert_eq!(out, pushes * PING.len());
    assert!(matches!(world.at(&mut forward, 100), Poll::Ready(Some(Ok(_)))), "the last words");
    drop(forward);
    assert_eq!(world.told.ending().how, How::Cut(Kind::FirstTokenTimeout), "that deadline still runs");
}

#[test]
fn pings_are_no_content_of_any_stream() {
    for streams in [Streams::Chat, Streams::Responses, IMAGES, Streams::Framed] {
        for ping in [
            ": ping\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "data: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n",
            "event: keepalive\ndata: {}\n\n",
        ] {
            assert_eq!(push(&mut Opening::new(streams), ping), Opened::Pending, "{streams:?} {ping}");
        }
    }
}
