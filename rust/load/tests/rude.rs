//! Servers that misbehave: each way of failing has one class, and never ends the load.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp, reason = "tests fail by panicking; counts are whole")]

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use support::server::{Act, Server, answer, delta, last_answer, reply, stream};
use support::{call, chat, expect, failures, number, run};

/// Three calls, one after the other.
fn three(changes: &Value) -> Value {
    let mut spec = json!({"arrivals": {"kind": "constant", "per_second": 30.0}, "duration_ms": 100});
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

/// Runs three calls, streamed or not, against one answer; the class of failure of all of them, if they fail.
fn class_of(streams: bool, acts: Vec<Act>) -> (Option<String>, Value) {
    let timeout_ms = if acts.iter().any(|act| matches!(act, Act::Hang)) { 1000 } else { 30_000 };
    let server = Server::start(move |_| acts.clone());
    let result = run(&server.url, &three(&json!({"calls": chat(streams), "timeout_ms": timeout_ms})));
    let failures = failures(&result);
    assert_eq!(number(&result, "asked"), 3.0);
    match failures.as_slice() {
        [] => assert_eq!(number(&result, "good"), 3.0, "{result}"),
        [(_, count)] => assert_eq!((*count, number(&result, "good")), (3, 0.0), "{result}"),
        several => panic!("{several:?}"),
    }
    (failures.first().map(|(class, _)| class.clone()), result)
}

fn write(bytes: &[u8]) -> Act {
    Act::Write(bytes.to_vec())
}

#[test]
fn every_way_of_failing_has_its_class_and_an_example() {
    let html = "<html>\u{1b}Bad gateway</html>";
    let good = answer(200, "application/json", &reply("hi"));
    let whole = stream(&[&delta("a"), &delta("b"), "[DONE]"]);
    let cut_stream = &whole[..whole.len() - 30];
    let overloaded = r#"{"error":{"message":"overloaded"}}"#;
    let failed = stream(&[&delta("a"), overloaded]);
    // Those who broke off seldom mind the last chunk.
    let failed = &failed[..failed.len() - 5];
    for (class, streams, acts, example) in [
        ("closed", false, vec![Act::Close], "before the first byte"),
        ("timeout", false, vec![Act::Hang], "before the first byte"),
        ("timeout", false, vec![write(&good[..good.len() - 1]), Act::Hang], "before the end"),
        ("timeout", true, vec![write(cut_stream), Act::Hang], "before the end"),
        ("cut", false, vec![write(&good[..good.len() - 1]), Act::Close], "bytes of the answer"),
        ("cut", false, vec![write(&good[..30]), Act::Close], "after 30 bytes"),
        ("cut", true, vec![write(cut_stream), Act::Close], "the connection ended"),
        ("no_end", true, vec![write(&stream(&[&delta("a"), &delta("b")]))], "no terminal event after 2"),
        ("error_event", true, vec![write(&stream(&[&delta("a"), overloaded, "[DONE]"]))], "overloaded"),
        ("error_event", true, vec![write(&stream(&[&delta("a"), overloaded]))], "overloaded"),
        ("error_event", true, vec![write(failed), Act::Close], "overloaded"),
        ("status", false, vec![write(&answer(500, "text/html", html))], "HTTP 500: <html>\u{fffd}Bad gateway"),
        ("status", true, vec![write(&answer(429, "application/json", "{}"))], "HTTP 429: {}"),
        ("not_json", false, vec![write(&answer(200, "text/html", html))], "<html>"),
        ("not_json", false, vec![write(&answer(200, "application/json", ""))], "HTTP 200"),
        ("not_json", false, vec![write(&whole)], "data: "),
        ("not_events", true, vec![write(&good)], "HTTP 200: {\"choices\""),
        ("not_events", true, vec![write(&stream(&["hello", "[DONE]"]))], "not JSON: hello"),
        ("not_events", true, vec![write(&stream(&[]))], "no event"),
        ("garbled", false, vec![write(b"HTTP/1.1 200 OK\ncontent-length: 0\n\n")], "HTTP/1.1 200 OK"),
        ("garbled", false, vec![write(b"SSH-2.0-x\r\n"), Act::Close], "SSH"),
        ("garbled", true, vec![write(&whole[..whole.len() - 5]), write(b"zz\r\n\r\n")], "chunk"),
    ] {
        let (found, result) = class_of(streams, acts.clone());
        assert_eq!(found.as_deref(), Some(class), "{acts:?}: {result}");
        let shown = result["examples"][class].as_str().unwrap();
        assert!(shown.contains(example), "{class}: {shown:?} does not say {example:?}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

#[test]
fn odd_but_lawful_answers_are_good() {
    let good = answer(200, "application/json", &reply("hi"));
    let events = stream(&[&delta("a"), r#"{"usage":{"total_tokens":7}}"#, "[DONE]"]);
    let body = reply("hi");
    let single: Vec<_> = body.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect();
    let single = single.concat();
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{single}0\r\n\r\n").into_bytes();
    let to_close = format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes();
    let closes = last_answer(200, "application/json", &body);
    for (streams, acts) in [
        (false, vec![Act::Drip(good.clone())]),
        (true, vec![Act::Drip(events.clone())]),
        (false, vec![write(&chunked)]),
        (false, vec![Act::Drip(chunked)]),
        (false, vec![write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"), write(&good)]),
        (false, vec![write(&to_close), Act::Close]),
        (false, vec![write(&closes), Act::Close]),
        (true, vec![write(&events)]),
    ] {
        let (class, result) = class_of(streams, acts.clone());
        assert_eq!(class, None, "{acts:?}: {}", result["examples"]);
        assert_eq!(number(&result, "usage/total_tokens"), 21.0, "{acts:?}");
    }
}

#[test]
fn a_failed_connection_is_replaced_and_the_load_goes_on() {
    let good = answer(200, "application/json", &reply("hi"));
    let server = Server::start(move |request| match request.number % 3 {
        0 => vec![Act::Close],
        1 => vec![write(&last_answer(200, "text/html", "<p>")), Act::Close],
        _ => vec![write(&good)],
    });
    let arrivals = json!({"kind": "constant", "per_second": 300.0});
    let result = run(&server.url, &json!({"arrivals": arrivals, "duration_ms": 300, "max_connections": 1}));
    let expected = [("closed".to_owned(), 30), ("not_json".to_owned(), 30)];
    assert_eq!((number(&result, "good"), failures(&result)), (30.0, expected.to_vec()), "{result}");
    assert!(number(&result, "health/connections_opened") >= 60.0, "{result}");
}

#[test]
fn an_answer_that_comes_before_the_request_was_read_still_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut piece = [0; 1024];
                let _ = socket.read(&mut piece);
                let _ = socket.write_all(&last_answer(413, "application/json", "{}"));
                // Reads on to its end, so that the answer is not lost to a reset.
                while socket.read(&mut piece).is_ok_and(|count| count > 0) {}
            });
        }
    });
    let body = json!({"model": "chat", "messages": [], "padding": "x".repeat(8 << 20)}).to_string();
    let calls = json!({"kind": "same", "call": call("/chat/completions", &body)});
    let result = run(&url, &three(&json!({"calls": calls, "expect": expect(&json!({"status": 413}))})));
    assert_eq!((number(&result, "good"), failures(&result)), (3.0, vec![]), "{result}");
}

#[test]
fn a_target_that_is_not_there_is_one_clear_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, said) in [
        (format!("http://{closed}/v1"), "start the target"),
        ("http://nowhere.invalid:80/v1".to_owned(), "check the name"),
    ] {
        match load::start(&support::spec(&url, &json!({}))) {
            Err(load::StartError::Failed { code: 69, message }) => {
                assert!(message.contains(said) && !message.contains('\n'), "{message}");
            }
            other => panic!("{url}: {:?}", other.map(|_| "started")),
        }
    }
}

#[test]
fn a_target_that_goes_away_fails_the_calls_that_follow_and_those_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let _probe = listener.accept();
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(&answer(200, "application/json", &reply("hi")));
        drop(listener);
    });
    let result = run(&url, &three(&json!({"max_connections": 1})));
    assert_eq!(number(&result, "good"), 1.0, "{result}");
    let failures = failures(&result);
    let of = |class: &str| failures.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count);
    assert_eq!(of("refused") + of("closed"), 2, "{failures:?}");
    assert!(of("refused") >= 1, "{failures:?}");
}

#[test]
fn a_wrong_spec_is_refused_with_the_field_that_is_wrong() {
    for (changes, field) in [
        (json!({"url": "ftp://a"}), "url"),
        (json!({"duration_ms": 0}), "duration_ms"),
        (json!({"threads": 0}), "threads"),
        (json!({"threads": 3, "max_connections": 2}), "max_connections"),
        (json!({"series_ms": 0}), "series_ms"),
        (json!({"arrivals": {"kind": "constant", "per_second": -1.0}}), "per_second"),
        (json!({"arrivals": {"kind": "closed", "connections": 0}}), "connections"),
        (json!({"arrivals": {"kind": "trace", "speed": 1.0}}), "trace"),
        (json!({"calls": {"kind": "each", "calls": []}}), "calls"),
        (json!({"headers": [["a b", "c"]]}), "a b"),
        (json!({"headers": [["a", "b\r\nc: d"]]}), "control character"),
        (json!({"headers": [["Content-Length", "5"]]}), "Content-Length"),
    ] {
        let server = Server::start(|_| vec![]);
        let spec = support::spec(changes["url"].as_str().unwrap_or(&server.url), &changes);
        match load::start(&spec) {
            Err(load::StartError::Spec(problem)) => assert!(problem.contains(field), "{problem}"),
            other => panic!("{changes}: {:?}", other.map(|_| "started")),
        }
    }
    let unknown = load::Spec::read(br#"{"url": "http://a", "colour": 1}"#).unwrap_err();
    assert!(unknown.to_string().contains("colour"), "{unknown}");
}

#[test]
fn a_load_that_is_stopped_ends_at_once_and_keeps_what_it_measured() {
    let server = Server::start(|request| match request.number {
        0 => vec![write(&answer(200, "application/json", &reply("hi")))],
        _ => vec![Act::Hang],
    });
    let changes = json!({"duration_ms": 600_000, "timeout_ms": 600_000, "series_ms": 60_000});
    let running = load::start(&support::spec(&server.url, &changes)).unwrap();
    assert!(running.result().is_none());
    while server.requests.lock().unwrap().len() < 3 {
        assert!(!running.wait(Duration::from_millis(1)));
    }
    running.stop();
    assert!(running.wait(Duration::from_secs(30)));
    let result: Value = serde_json::from_str(&running.result().unwrap()).unwrap();
    assert_eq!((number(&result, "good"), number(&result, "sent"), failures(&result)), (1.0, 3.0, vec![]), "{result}");
    assert_eq!((number(&result, "open"), number(&result, "answered")), (2.0, 1.0), "{result}");
}
