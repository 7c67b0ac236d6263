//! Loads on the simulated provider: what it says it served is what the engine says it got.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp, reason = "tests fail by panicking; counts are whole")]

mod support;

use serde_json::{Value, json};
use support::{call, chat, expect, failures, number, run};

fn provider(options: &Value) -> (sim::Running, String) {
    let sim = sim::start(serde_json::from_value(options.clone()).unwrap()).unwrap();
    let url = format!("http://{}/v1", sim.address());
    (sim, url)
}

/// The provider's own totals.
fn bill(url: &str) -> Value {
    use std::io::{Read, Write};
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.write_all(b"GET /bill HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str::<Value>(body).unwrap()["totals"].clone()
}

fn assert_same(result: &Value, bill: &Value) {
    assert_eq!(failures(result), [], "{}", result["examples"]);
    assert!(number(result, "good") > 10.0, "{result}");
    assert_eq!(number(result, "good"), number(bill, "calls"));
    assert_eq!(number(result, "asked"), number(bill, "calls"));
    for tokens in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(number(result, &format!("usage/{tokens}")), number(bill, tokens), "{tokens}");
    }
}

#[test]
fn the_usage_of_whole_answers_is_what_the_provider_billed() {
    let (_sim, url) = provider(&json!({"seed": 3}));
    assert_same(&run(&url, &json!({})), &bill(&url));
}

#[test]
fn the_usage_and_the_frames_of_streams_are_what_the_provider_sent() {
    let (_sim, url) = provider(&json!({"seed": 3, "tokens": {"fixed": 5.0}}));
    let result = run(&url, &json!({"calls": chat(true), "threads": 2}));
    assert_same(&result, &bill(&url));
    assert_eq!(number(&result, "streams"), number(&result, "good"));
    assert!(number(&result, "frames") >= 6.0 * number(&result, "streams"), "{result}");
    assert_eq!(number(&result, "ttft/count"), number(&result, "good"));
    assert_eq!(number(&result, "tpot/count"), number(&result, "good"));
}

#[test]
fn every_rate_asks_for_the_calls_of_its_schedule_and_all_threads_share_them() {
    for arrivals in [
        json!({"kind": "constant", "per_second": 500.0}),
        json!({"kind": "ramp", "from_per_second": 0.0, "to_per_second": 1000.0}),
    ] {
        let (_sim, url) = provider(&json!({"fast": true}));
        let result = run(&url, &json!({"arrivals": arrivals, "threads": 2, "duration_ms": 400}));
        assert_same(&result, &bill(&url));
        assert_eq!(number(&result, "good"), 200.0, "{arrivals}");
        assert_eq!(number(&result, "late/count"), 200.0);
    }
}

#[test]
fn what_is_due_in_the_warm_up_is_sent_and_not_counted() {
    let (_sim, url) = provider(&json!({"fast": true}));
    let arrivals = json!({"kind": "constant", "per_second": 500.0});
    let result = run(&url, &json!({"arrivals": arrivals, "warmup_ms": 200, "duration_ms": 200}));
    assert_eq!((number(&result, "asked"), number(&result, "good")), (100.0, 100.0));
    assert_eq!(number(&bill(&url), "calls"), 200.0);
    let sent: f64 = result["series"].as_array().unwrap().iter().map(|step| step["sent"].as_f64().unwrap()).sum();
    assert_eq!(sent, 100.0);
}

#[test]
fn users_think_between_their_calls() {
    let (_sim, url) = provider(&json!({"fast": true}));
    let users = |think_ms: f64| {
        let arrivals = json!({"kind": "users", "users": 4, "think_ms": think_ms});
        number(&run(&url, &json!({"arrivals": arrivals, "duration_ms": 500})), "good")
    };
    let (busy, slow) = (users(5.0), users(100_000.0));
    assert!(busy > 20.0, "{busy}");
    assert!(slow < 4.0, "{slow}");
}

#[test]
fn calls_of_several_kinds_are_made_in_turn() {
    let (_sim, url) = provider(&json!({"strict": false, "tokens": {"fixed": 4.0}}));
    let streamed = json!({"model": "chat", "input": "hi", "stream": true}).to_string();
    let legacy = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "stream": true}).to_string();
    let calls = [
        call("/responses", &streamed),
        call("/completions", &legacy),
        call("/embeddings", &json!({"model": "e", "input": "hi"}).to_string()),
    ];
    let arrivals = json!({"kind": "constant", "per_second": 100.0});
    let changes = json!({"calls": {"kind": "each", "calls": calls}, "arrivals": arrivals});
    let result = run(&url, &changes);
    assert_eq!(failures(&result), [], "{}", result["examples"]);
    assert_eq!((number(&result, "good"), number(&result, "streams")), (30.0, 20.0));
}

#[test]
fn what_is_expected_of_an_answer_is_held_against_each() {
    let (_sim, url) = provider(&json!({"fast": true, "tokens": {"fixed": 7.0}}));
    let changes = |expected: &Value| json!({"calls": chat(true), "expect": expect(expected), "duration_ms": 50});
    let good = run(&url, &changes(&json!({"frames": 10, "status": 200})));
    let total = number(&good, "usage/total_tokens") / number(&good, "usage/answers");
    for (expected, class) in [
        (json!({"frames": 4}), "wrong_frames"),
        (json!({"total_tokens": total + 1.0}), "wrong_usage"),
        (json!({"text": "something else"}), "wrong_text"),
        (json!({"body": "data: something else"}), "wrong_body"),
        (json!({"status": 429}), "status"),
    ] {
        let expected: Value = serde_json::from_str(&expected.to_string().replace(".0}", "}")).unwrap();
        let result = run(&url, &changes(&expected));
        let failures = failures(&result);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert_eq!((failures[0].0.as_str(), number(&result, "good")), (class, 0.0));
        assert!(result["examples"][class].as_str().unwrap().contains("HTTP 200"), "{result}");
    }
}

/// The body of a streamed chat, as the provider sends it, out of its chunks.
fn stream_of(url: &str) -> String {
    use std::io::{BufRead, BufReader, Read, Write};
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let body = chat(true)["call"]["body"].as_str().unwrap().to_owned();
    let length = body.len();
    write!(socket, "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let (mut reader, mut out) = (BufReader::new(socket), Vec::new());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).unwrap() + 2];
        reader.read_exact(&mut chunk).unwrap();
        if chunk.len() == 2 {
            return String::from_utf8(out).unwrap();
        }
        out.extend_from_slice(&chunk[..chunk.len() - 2]);
    }
}

#[test]
fn a_whole_stream_is_compared_but_for_its_stamps_which_say_how_long_each_event_was_on_its_way() {
    let (_sim, url) =
        provider(&json!({"fast": true, "stamps": true, "tokens": {"fixed": 6.0}, "gap_ms": {"fixed": 2.0}}));
    let stream = stream_of(&url);
    assert!(stream.contains("x_sim_sent_ns"), "{stream}");
    let changes =
        |body: &str| json!({"calls": chat(true), "expect": expect(&json!({"body": body})), "duration_ms": 200});
    let result = run(&url, &changes(&stream));
    assert_eq!(failures(&result), [], "{}", result["examples"]);
    assert_eq!(number(&result, "stamped/count"), number(&result, "frames"));
    assert_eq!(number(&result, "gap/count"), number(&result, "frames") - number(&result, "streams"));
    // Another letter, or an end that comes too early or too late, is another body.
    for other in [stream.replacen("chat", "chaT", 1), stream.clone() + "\n", stream[..stream.len() - 1].to_owned()] {
        let result = run(&url, &changes(&other));
        assert_eq!(number(&result, "good"), 0.0);
        assert!(number(&result, "failures/wrong_body") > 0.0, "{}", result["examples"]);
    }
}
