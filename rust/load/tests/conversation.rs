//! Conversations: each call holds all that was said before it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp, reason = "tests fail by panicking; counts are whole")]

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::run;
use support::server::{Act, Request, Server, answer, delta, reply, stream};

/// An answer that needs escapes, and differs from call to call.
fn said(number: usize) -> String {
    format!("line {number}\n\"quoted\" \\ \u{e9}\u{1f680}")
}

fn conversation(stream: bool) -> Value {
    json!({"kind": "conversation", "path": "/chat/completions", "model": "chat", "system": "Be \"brief\".",
        "prompt_bytes": 40, "turns": 3, "stream": stream, "max_tokens": 64})
}

fn answer_to(request: &Request, streams: bool) -> Act {
    let text = said(request.number);
    if !streams {
        return Act::Write(answer(200, "application/json", &reply(&text)));
    }
    let (start, end) = text.split_at(7);
    Act::Write(stream(&[
        r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        &delta(start),
        &delta(end),
        "[DONE]",
    ]))
}

fn messages(request: &Request) -> Vec<(String, String)> {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((body["model"].as_str(), body["max_tokens"].as_u64()), (Some("chat"), Some(64)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = body["messages"].as_array().unwrap().iter();
    messages.map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

#[test]
fn each_call_repeats_what_was_said_and_every_third_starts_anew() {
    for streams in [false, true] {
        let server = Server::start(move |request| {
            let pause = Act::Wait(Duration::from_millis(5));
            vec![pause, answer_to(request, streams)]
        });
        let arrivals = json!({"kind": "closed", "connections": 1});
        let result =
            run(&server.url, &json!({"calls": conversation(streams), "arrivals": arrivals, "duration_ms": 600}));
        assert_eq!(support::failures(&result), [], "{}", result["examples"]);
        let requests = server.requests.lock().unwrap();
        assert!(requests.len() >= 7, "{}", requests.len());
        let mut before: Vec<(String, String)> = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            let now = messages(request);
            assert_eq!(now[0], ("system".to_owned(), "Be \"brief\".".to_owned()));
            let turn = number % 3;
            assert_eq!(now.len(), 2 + 2 * turn, "call {number}");
            if turn > 0 {
                assert_eq!(now[..before.len()], before);
                assert_eq!(now[before.len()], ("assistant".to_owned(), said(number - 1)));
            }
            let (role, words) = &now[now.len() - 1];
            assert_eq!((role.as_str(), words.len()), ("user", 40));
            before = now;
        }
    }
}

#[test]
fn a_failed_call_ends_its_conversation_and_the_same_seed_says_the_same_words() {
    let words = |seed: u64| {
        let server = Server::start(|request| match request.number {
            1 => vec![Act::Write(answer(500, "application/json", "{}"))],
            n if n < 4 => vec![answer_to(request, false)],
            _ => vec![Act::Hang],
        });
        let arrivals = json!({"kind": "closed", "connections": 1});
        let changes = json!({"calls": conversation(false), "arrivals": arrivals, "duration_ms": 60_000, "seed": seed});
        let running = load::start(&support::spec(&server.url, &changes)).unwrap();
        while server.requests.lock().unwrap().len() < 5 {
            assert!(!running.wait(Duration::from_millis(1)));
        }
        running.stop();
        let requests = server.requests.lock().unwrap();
        let lengths: Vec<_> = requests.iter().take(4).map(|request| messages(request).len()).collect();
        assert_eq!(lengths, [2, 4, 2, 4]);
        requests[..4].iter().map(|request| request.body.clone()).collect::<Vec<_>>()
    };
    assert_eq!(words(1), words(1));
    assert_ne!(words(1)[0], words(2)[0]);
}
