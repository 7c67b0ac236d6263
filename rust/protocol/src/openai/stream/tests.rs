#![allow(clippy::panic, reason = "tests fail by panicking")]

use super::*;
use crate::openai::golden;
use proptest::prelude::*;

const CHAT: Streams = Streams::Chat;
const IMAGES: Streams = Streams::Typed { ends: &["image_generation.completed"] };

fn kind_of(path: &str) -> Streams {
    if path.contains("openai_chat") { Streams::Chat } else { Streams::Responses }
}

/// How a recorded stream ends when nobody cuts it.
fn expected(path: &str) -> State {
    if path.contains("error-in-stream") || path.contains("failed-stream") { State::Failed } else { State::Done }
}

fn after(streams: Streams, stream: &str) -> State {
    let mut terminal = Terminal::new(streams);
    let state = terminal.feed(stream.as_bytes());
    let mut bytewise = Terminal::new(streams);
    stream.as_bytes().iter().for_each(|byte| {
        bytewise.feed(&[*byte]);
    });
    assert_eq!(bytewise.state(), state, "byte by byte: {stream:?}");
    assert_eq!(bytewise.events(), terminal.events(), "byte by byte: {stream:?}");
    state
}

#[test]
fn a_recorded_stream_is_done_when_whole_and_at_no_cut_before() {
    for (path, stream) in golden::streams() {
        let mut terminal = Terminal::new(kind_of(&path));
        let mut ended_at = None;
        for (at, byte) in stream.iter().enumerate() {
            let state = terminal.feed(&[*byte]);
            if matches!(state, State::Done | State::Failed) && ended_at.is_none() {
                ended_at = Some(at + 1);
                assert_eq!(state, expected(&path), "{path}");
            }
        }
        assert_eq!(ended_at, Some(stream.len()), "{path} ends with its last byte");
        assert!(terminal.content() || expected(&path) == State::Failed, "{path}");
    }
}

#[test]
fn a_recorded_stream_cut_at_any_byte_is_not_done_however_its_pieces_came() {
    for (path, stream) in golden::streams() {
        for cut in 0..stream.len() {
            let mut terminal = Terminal::new(kind_of(&path));
            terminal.feed(&stream[..cut / 2]);
            let state = terminal.feed(&stream[cut / 2..cut]);
            assert!(matches!(state, State::Open | State::Content), "{path} cut at {cut}: {state:?}");
        }
        assert_eq!(Terminal::new(kind_of(&path)).feed(&stream), expected(&path), "{path}");
    }
}

#[test]
fn the_line_ends_of_a_recorded_stream_do_not_matter() {
    for (path, stream) in golden::streams() {
        for line_end in ["\r\n", "\r"] {
            let text = String::from_utf8_lossy(&stream).replace('\n', line_end);
            assert_eq!(after(kind_of(&path), &text), expected(&path), "{path} with {line_end:?}");
        }
    }
}

#[test]
fn the_first_content_of_a_recorded_stream_is_not_its_role_nor_its_announcement() {
    for (path, stream) in golden::streams() {
        let text = String::from_utf8_lossy(&stream);
        let mut terminal = Terminal::new(kind_of(&path));
        let events: Vec<&str> = text.split_inclusive("\n\n").collect();
        let first = events.iter().position(|event| terminal.feed(event.as_bytes()) != State::Open);
        let first = events[first.unwrap_or_else(|| panic!("{path}"))];
        if expected(&path) == State::Done {
            let is_content =
                [".delta\"", "\"content\":\"", "reasoning_content", "\"refusal\":\"", "\"name\":\"", "arguments"];
            assert!(is_content.iter().any(|part| first.contains(part)), "{path}: {first}");
            assert!(!first.contains("\"role\":\"assistant\"") || !first.contains("delta"), "{path}: {first}");
        }
    }
}

#[test]
fn a_chat_stream_ends_with_done_and_notes_the_finish_reason() {
    let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let mut terminal = Terminal::new(CHAT);
    assert_eq!(terminal.feed(finish.as_bytes()), State::Open, "an empty answer has no content");
    assert!(terminal.finish() == Finish::Stop && !terminal.content());
    assert_eq!(terminal.feed(b"data:[DONE]\n\n"), State::Done);
    assert_eq!(after(CHAT, ": ping\n\n"), State::Open);
    assert_eq!(after(CHAT, "event: error\ndata: {\"message\":\"m\"}\n\n"), State::Failed);
    assert_eq!(after(CHAT, "data: {\"object\":\"error\",\"message\":\"m\"}\n\ndata: [DONE]\n\n"), State::Failed);
    assert_eq!(after(CHAT, "data: {\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}\n\n"), State::Content);
    assert_eq!(after(CHAT, "event: thread.message.delta\ndata: {}\n\nevent: done\ndata: [DONE]\n\n"), State::Done);
}

#[test]
fn a_done_without_its_blank_line_counts_at_the_end_of_the_body_alone() {
    for tail in ["data: [DONE]", "data: [DONE]\n", "data:[DONE]\r\n"] {
        let mut terminal = Terminal::new(CHAT);
        assert_eq!(terminal.feed(tail.as_bytes()), State::Open);
        assert_eq!(terminal.end(b""), State::Done, "{tail:?}");
        assert_eq!(Terminal::new(CHAT).end(tail.as_bytes()), State::Done, "{tail:?}");
        assert_eq!(Terminal::new(Streams::Responses).end(tail.as_bytes()), State::Open);
    }
    for tail in ["data: [DON", "data: x[DONE]", "[DONE]", ": data: [DONE]", ""] {
        assert_eq!(Terminal::new(CHAT).end(tail.as_bytes()), State::Open, "{tail:?}");
    }
}

#[test]
fn a_responses_stream_ends_by_type_with_or_without_event_lines() {
    for (kind, state) in [
        ("response.completed", State::Done),
        ("response.incomplete", State::Done),
        ("response.failed", State::Failed),
        ("error", State::Failed),
        ("response.created", State::Open),
        ("response.output_text.done", State::Content),
    ] {
        let data = format!(
            "data: {{\"response\":{{\"text\":{{\"type\":\"text\"}},\"error\":null}},\"type\": \"{kind}\"}}\n\n"
        );
        assert_eq!(after(Streams::Responses, &data), state, "{kind}");
        assert_eq!(after(Streams::Responses, &format!("event: {kind}\n{data}")), state, "{kind}");
    }
    assert_eq!(after(Streams::Responses, "data: {\"error\":{\"message\":\"m\"}}\n\n"), State::Failed);
    assert_eq!(after(Streams::Responses, "data: [DONE]\n\n"), State::Open);
}

#[test]
fn a_typed_stream_ends_with_its_own_event() {
    let partial = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"eA==\"}\n\n";
    let completed = "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"eA==\"}\n\n";
    assert_eq!(after(IMAGES, partial), State::Content);
    assert_eq!(after(IMAGES, &format!("{partial}{completed}")), State::Done);
    assert_eq!(after(IMAGES, &format!("{partial}data: {{\"error\":{{\"message\":\"m\"}}}}\n\n")), State::Failed);
    assert_eq!(after(IMAGES, &format!("{partial}event: error\ndata: {{}}\n\n")), State::Failed);
    assert_eq!(after(Streams::Framed, partial), State::Content);
    assert_eq!(after(Streams::Never, completed), State::Open);
}

#[test]
fn an_event_may_have_several_data_lines_and_a_byte_order_mark_before_it() {
    assert_eq!(after(CHAT, "\u{feff}data: {\"error\":\ndata: {\"message\":\"m\"}}\n\n"), State::Failed);
}

#[test]
fn an_event_that_never_ends_is_a_failure_and_not_a_flood() {
    let mut terminal = Terminal::new(CHAT);
    let chunk = vec![b'x'; 1 << 20];
    let chunks = (0..100).find(|_| terminal.feed(&chunk) == State::Failed);
    assert_eq!(chunks, Some(Terminal::HELD_CAP >> 20));
}

#[test]
fn content_is_looked_for_when_asked() {
    let event = |delta: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    let (content, empty) = (event(r#"{"content":"x"}"#), event(r#"{"content":""}"#));
    let mut terminal = Terminal::new(CHAT);
    assert!(terminal.seeks());
    terminal.feed(empty.as_bytes());
    assert!(terminal.seeks() && !terminal.content());
    terminal.feed(content.as_bytes());
    assert!(!terminal.seeks() && terminal.content());
    terminal.seek();
    for sign_of_life in [empty.as_str(), ": ping\n\n", "event: ping\ndata: {}\n\n"] {
        terminal.feed(sign_of_life.as_bytes());
        assert!(terminal.seeks() && terminal.content(), "{sign_of_life}");
    }
    terminal.feed(format!("{empty}{content}{empty}").as_bytes());
    assert!(!terminal.seeks());
}

#[test]
fn pings_are_no_content_whatever_the_stream() {
    for streams in [CHAT, Streams::Responses, IMAGES, Streams::Framed] {
        for kind in ["ping", "keepalive", "keep-alive", "heartbeat"] {
            assert_eq!(after(streams, &format!("event: {kind}\ndata: {{}}\n\n")), State::Open, "{streams:?}");
            assert_eq!(after(streams, &format!("data: {{\"type\":\"{kind}\"}}\n\n")), State::Open, "{streams:?}");
        }
    }
}

#[test]
fn the_reason_of_an_end_is_told() {
    for (reason, finish) in [
        ("stop", Finish::Stop),
        ("length", Finish::Length),
        ("tool_calls", Finish::ToolCalls),
        ("function_call", Finish::ToolCalls),
        ("content_filter", Finish::ContentFilter),
        ("eos", Finish::Other),
    ] {
        let mut terminal = Terminal::new(CHAT);
        terminal.feed(b"data: {\"choices\":[{\"delta\":{},\"finish_reason\": null}]}\n\n");
        assert_eq!(terminal.finish(), Finish::None);
        terminal.feed(format!("data: {{\"choices\":[{{\"finish_reason\" : \"{reason}\"}}]}}\n\n").as_bytes());
        assert_eq!(terminal.finish(), finish, "{reason}");
    }
    for (event, finish) in [
        (r#"{"type":"response.completed","response":{"incomplete_details":null}}"#, Finish::Stop),
        (
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
            Finish::Length,
        ),
        (
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#,
            Finish::ContentFilter,
        ),
        (
            r#"{"type":"response.incomplete","response":{"incomplete_details":null,"x":{"reason":"content_filter"}}}"#,
            Finish::Other,
        ),
    ] {
        let mut terminal = Terminal::new(Streams::Responses);
        assert_eq!(terminal.feed(format!("data: {event}\n\n").as_bytes()), State::Done);
        assert_eq!(terminal.finish(), finish, "{event}");
    }
}

#[test]
fn a_failure_keeps_what_the_provider_said_of_it() {
    for (path, stream) in golden::streams().into_iter().filter(|(path, _)| expected(path) == State::Failed) {
        for size in [1, 7, 10_000] {
            let mut terminal = Terminal::new(kind_of(&path));
            stream.chunks(size).for_each(|piece| {
                terminal.feed(piece);
            });
            let said: serde_json::Value = serde_json::from_slice(terminal.failure()).unwrap_or_default();
            let error = said.get("error").unwrap_or(&said);
            assert_eq!(error["code"], "server_error", "{path}");
        }
    }
    let mut terminal = Terminal::new(CHAT);
    terminal.feed(b"data: {\"error\":\"first\"}\n\ndata: {\"error\":\"second\"}\n\n");
    assert_eq!(terminal.failure(), b"{\"error\":\"first\"}");
    let mut terminal = Terminal::new(CHAT);
    terminal.feed(format!("data: {{\"error\":\"{}\"}}\n\n", "x".repeat(Terminal::FAILURE_CAP)).as_bytes());
    assert_eq!(terminal.failure().len(), Terminal::FAILURE_CAP);
}

#[test]
fn whole_events_need_no_second_look_for_their_ends() {
    for (path, stream) in golden::streams() {
        let mut fed = Terminal::new(kind_of(&path));
        let mut looked = Terminal::new(kind_of(&path));
        let mut boundary = Boundary::new();
        let mut held = Vec::new();
        for piece in stream.chunks(37) {
            fed.feed(piece);
            let whole = boundary.push(piece);
            held.extend_from_slice(&piece[..whole]);
            if whole > 0 {
                looked.look(&std::mem::take(&mut held));
            }
            held.extend_from_slice(&piece[whole..]);
            assert_eq!((looked.state(), looked.events()), (fed.state(), fed.events()), "{path}");
        }
    }
}

#[test]
fn a_framed_stream_ends_with_its_body() {
    let mut terminal = Terminal::new(Streams::Framed);
    terminal.feed(b"event: step\ndata: {}\n\n");
    assert_eq!((terminal.state(), terminal.end(b"")), (State::Content, State::Done));
}

#[test]
fn our_own_error_events_are_failures() {
    for streams in [CHAT, Streams::Responses, IMAGES, Streams::Framed] {
        let fault = fault::Fault::new(fault::Kind::StreamCut, "the provider's stream was cut");
        let event = crate::openai::error::event_numbered(streams, &fault, "r", 3);
        assert_eq!(Terminal::new(streams).feed(&event), State::Failed, "{streams:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_cuts_of_any_lines_lead_to_the_same_state(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "data: ", "event: ", "error", "[DONE]", "\n", "\n\n", "\r", "\r\n", "{\"error\":1}", "response.completed",
            "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", ": c",
        ]), 0..12),
        cuts in any::<(u16, u16)>(),
    ) {
        let stream = tokens.concat().into_bytes();
        let (first, second) = (usize::from(cuts.0) % (stream.len() + 1), usize::from(cuts.1) % (stream.len() + 1));
        let (first, second) = (first.min(second), first.max(second));
        for streams in [CHAT, Streams::Responses, IMAGES] {
            let mut whole = Terminal::new(streams);
            whole.feed(&stream);
            let mut pieces = Terminal::new(streams);
            for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                pieces.feed(piece);
            }
            prop_assert_eq!(pieces.state(), whole.state());
            prop_assert_eq!(pieces.events(), whole.events());
        }
    }
}
