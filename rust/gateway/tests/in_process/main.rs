//! The gateway in memory against the gateway on sockets: what callers and providers see is the same, byte for byte.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod resume;
mod support;

use gateway::InProcess;
use serde_json::json;
use std::cell::RefCell;
use std::time::Duration;
use support::{ANSWER, CHAT, REFUSAL, STREAM, Seen, call_with, chat, in_memory, on_sockets, plan, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn same(request: &[u8], answer: &'static [u8]) -> Seen {
    let seen = in_memory(request, answer);
    assert_eq!(seen, on_sockets(request, answer));
    seen
}

#[test]
fn a_chat_is_the_same_over_both_and_the_provider_sees_its_own_model() {
    let seen = same(&chat(CHAT), ANSWER);
    assert!(seen.provider.contains(r#"{"model":"gpt-5-mini","messages""#), "{}", seen.provider);
    assert!(seen.provider.contains("authorization: Bearer provider-secret\r\n"), "{}", seen.provider);
    assert!(!seen.provider.contains("caller-secret"), "{}", seen.provider);
    assert!(seen.caller.starts_with("HTTP/1.1 200 OK\r\n") && seen.caller.ends_with(r#""total_tokens":3}}"#));
}

#[test]
fn a_stream_is_the_same_over_both() {
    let seen = same(&chat(r#"{"model":"chat","messages":[],"stream":true}"#), STREAM);
    assert!(seen.caller.contains("transfer-encoding: chunked\r\n"), "{}", seen.caller);
    assert!(seen.caller.contains("data: [DONE]\n\n\r\n0\r\n\r\n"), "{}", seen.caller);
}

#[test]
fn a_large_body_is_the_same_over_both() {
    let body = format!(r#"{{"model":"chat","messages":["{}"]}}"#, "a".repeat(400_000));
    let seen = same(&chat(&body), ANSWER);
    assert!(seen.provider.contains(r#"{"model":"gpt-5-mini","messages":["aaa"#));
    assert!(seen.provider.ends_with(r#"aaa"]}"#));
}

#[test]
fn errors_of_the_provider_and_of_ours_are_the_same_over_both() {
    let seen = same(&chat(CHAT), REFUSAL);
    assert!(seen.caller.starts_with("HTTP/1.1 429 "), "{}", seen.caller);
    let seen = same(&call_with("another-secret", CHAT), ANSWER);
    assert!(seen.caller.starts_with("HTTP/1.1 401 ") && seen.provider.is_empty(), "{}", seen.caller);
}

#[test]
fn under_a_paused_clock_a_provider_that_stays_silent_costs_no_time() {
    let call = async {
        let silent = RefCell::default();
        let gateway = InProcess::start(plan("127.0.0.1:1"), move |_, stream| {
            Vec::push(&mut silent.borrow_mut(), stream);
            Ok(())
        })
        .unwrap();
        let started = tokio::time::Instant::now();
        let mut caller = gateway.connect();
        caller.write_all(&chat(CHAT)).await.unwrap();
        let mut head = [0; 12];
        caller.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 504");
        let waited = started.elapsed();
        assert!((Duration::from_mins(1)..Duration::from_secs(61)).contains(&waited), "{waited:?}");
    };
    within(true, call);
}

#[test]
fn a_refused_connection_is_what_it_would_be_over_tcp() {
    let refused = async {
        let gateway = InProcess::start(plan("127.0.0.1:1"), |_, _| Err(std::io::ErrorKind::ConnectionRefused.into()));
        let mut caller = gateway.as_ref().unwrap().connect();
        caller.write_all(&chat(CHAT)).await.unwrap();
        let mut head = [0; 12];
        caller.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 502");
        let stats: serde_json::Value = serde_json::from_str(&gateway.unwrap().stats()).unwrap();
        assert_eq!(stats["ready"], json!(true));
    };
    within(true, refused);
}

#[test]
fn a_drain_ends_connections_that_rest_and_lets_no_other_in() {
    let drained = async {
        let gateway = InProcess::start(plan("127.0.0.1:1"), |_, _| Ok(())).unwrap();
        let mut resting = gateway.connect();
        gateway.drain().await;
        assert_eq!(resting.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(gateway.connect().read(&mut [0]).await.unwrap(), 0);
    };
    within(true, drained);
}
