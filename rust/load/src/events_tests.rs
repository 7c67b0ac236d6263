//! Streams that are cut at every place, whole and spoilt.

use super::*;
use crate::tally::Tally;

const CHAT: About = About { kind: Kind::Chat, streams: true };
const RESPONSES: About = About { kind: Kind::Responses, streams: true };

/// A chat of six events: a role, three deltas with content, an end, usage; stamped.
fn chat() -> String {
    let deltas = [
        r#"{"role":"assistant","content":""}"#,
        r#"{"content":"a\n"}"#,
        r#"{"content":"\u00e9"}"#,
        r#"{"refusal":"no"}"#,
        "{}",
    ];
    let event = |delta: &&str| {
        format!(
            r#"{{"choices":[{{"delta":{delta},"finish_reason":null}}],"usage":null,"x_sim_sent_ns":"00000000000000001000"}}"#
        )
    };
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#.to_owned();
    let data: Vec<_> = deltas.iter().map(event).chain([usage, "[DONE]".to_owned()]).collect();
    format!("data: {}\n\n", data.join("\n\ndata: "))
}

fn responses() -> String {
    const EVENTS: [(&str, &str); 4] = [
        ("response.created", r#"{"type":"response.created","response":{"usage":null}}"#),
        ("response.output_text.delta", r#"{"type":"response.output_text.delta","delta":"a"}"#),
        ("response.function_call_arguments.delta", r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#),
        (
            "response.completed",
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}"#,
        ),
    ];
    EVENTS.map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).concat()
}

/// Pieces come at 2000, 3000, ... ns.
fn read(about: About, pieces: &[&[u8]]) -> (Events, Tally, Result<(), Failed>) {
    let (mut events, mut tally) = (Events::default(), Tally::new(0, 1, 1));
    let care = Care { about, keep_text: true, parse: true };
    for (piece, at) in pieces.iter().zip((2000..).step_by(1000)) {
        events.push(piece, at, care, Some(&mut tally));
    }
    let outcome = events.finish(about);
    (events, tally, outcome)
}

#[test]
fn a_chat_says_the_same_wherever_it_is_cut() {
    let stream = chat().into_bytes();
    let total_tokens = Some(Usage { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
    for cut in 0..=stream.len() {
        let (events, tally, outcome) = read(CHAT, &[&stream[..cut], &stream[cut..]]);
        assert_eq!(outcome, Ok(()), "{cut}");
        let seen = &events.seen;
        assert_eq!((seen.frames, seen.contents, seen.usage), (6, 3, total_tokens), "{cut}");
        assert_eq!(seen.text, br"a\n\u00e9", "{cut}");
        assert_eq!((&tally.gap.report()["count"], &tally.stamped.report()["count"]), (&5.into(), &5.into()), "{cut}");
    }
    let single: Vec<_> = stream.chunks(1).collect();
    assert_eq!(read(CHAT, &single).0.seen.frames, 6);
}

#[test]
fn the_first_content_is_neither_a_role_nor_an_empty_delta() {
    let stream = chat();
    let pieces: Vec<_> = stream.split_inclusive("\n\n").map(str::as_bytes).collect();
    let (events, tally, _) = read(CHAT, &pieces);
    assert_eq!((events.seen.began(), events.seen.last_content), (Some(3000), 5000));
    assert_eq!(tally.stamped.report()["min_us"], 1.0, "sent at 1000 ns, here at 2000");
}

#[test]
fn responses_end_with_their_own_event_named_or_typed() {
    let stream = responses();
    let unnamed: Vec<_> = stream.split('\n').filter(|line| !line.starts_with("event:")).collect();
    let unnamed = unnamed.join("\n");
    for stream in [stream, unnamed] {
        let (events, _, outcome) = read(RESPONSES, &[stream.as_bytes()]);
        assert_eq!(outcome, Ok(()), "{stream}");
        let seen = &events.seen;
        assert_eq!((seen.frames, seen.contents, seen.text.as_slice()), (4, 2, &b"a"[..]), "{stream}");
        assert_eq!(seen.usage.map(|usage| usage.total_tokens), Some(3));
    }
}

#[test]
fn a_stream_without_its_end_has_no_end_and_one_without_events_is_none() {
    let class = |about, stream: &str| read(about, &[stream.as_bytes()]).2.map_err(|failed| failed.class);
    assert_eq!(class(CHAT, chat().trim_end_matches("data: [DONE]\n\n")), Err(Failure::NoEnd));
    let created = responses().split_inclusive("\n\n").take(3).collect::<String>();
    assert_eq!(class(RESPONSES, &format!("{created}data: [DONE]\n\n")), Err(Failure::NoEnd));
    assert_eq!(class(CHAT, ": ping\n\n"), Err(Failure::NotEvents));
    assert_eq!(class(CHAT, "data: {\"a\":}\n\ndata: [DONE]\n\n"), Err(Failure::NotEvents));
    let other = About { kind: Kind::Other, streams: true };
    assert_eq!(class(other, "data: {}\n\n"), Ok(()));
}

#[test]
fn an_error_event_is_told_however_it_is_spelt_and_nothing_else_is_taken_for_one() {
    let class = |about, stream: &str| read(about, &[stream.as_bytes()]).2.map_err(|failed| failed.class);
    let other = About { kind: Kind::Other, streams: true };
    for (about, event) in [
        (CHAT, r#"data: {"error":{"message":"overloaded"}}"#),
        (CHAT, r#"data: {"id":"a", "choices":[], "error" : "overloaded"}"#),
        (CHAT, "event: error\ndata: overloaded"),
        (RESPONSES, r#"data: {"type":"error","message":"overloaded"}"#),
        (other, r#"data: {"type":"error","error":{}}"#),
    ] {
        assert_eq!(class(about, &format!("{event}\n\ndata: [DONE]\n\n")), Err(Failure::ErrorEvent), "{event}");
    }
    assert_eq!(class(RESPONSES, &responses().replace("completed", "failed")), Err(Failure::ErrorEvent));
    for data in [
        r#"{"error":null}"#,
        r#"{"choices":[{"delta":{"content":"\"error\":{"}}]}"#,
        r#"{"choices":[{"error":{"of":"a part"}}]}"#,
    ] {
        assert_eq!(class(CHAT, &format!("data: {data}\n\ndata: [DONE]\n\n")), Ok(()), "{data}");
    }
}

#[test]
fn nothing_of_one_stream_is_left_for_the_next() {
    let (mut events, _, _) = read(CHAT, &[&chat().as_bytes()[..300]]);
    events.reset();
    events.push(chat().as_bytes(), 1, Care { about: CHAT, keep_text: true, parse: false }, None);
    assert_eq!((events.finish(CHAT), events.seen.frames, events.seen.contents), (Ok(()), 6, 3));
}
