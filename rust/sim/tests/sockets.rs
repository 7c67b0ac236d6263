//! The provider over real sockets, with bytes written by hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use serde_json::{Value, json};
use sim::{Options, Running};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(10);

fn start(options: Value) -> Running {
    sim::start(serde_json::from_value::<Options>(options).unwrap()).unwrap()
}

async fn connect(sim: &Running) -> TcpStream {
    TcpStream::connect(sim.address()).await.unwrap()
}

fn request(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: sim\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

const CHAT: &str = r#"{"model":"chat","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn chat(headers: &str, body: &str) -> Vec<u8> {
    request("/v1/chat/completions", headers, body)
}

/// Everything until the end of the connection, and how it ended.
async fn rest(socket: &mut TcpStream) -> (String, std::io::Result<usize>) {
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.unwrap();
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

/// One call on a connection of its own, which the client ends after an answer that keeps it.
async fn once(sim: &Running, call: &[u8]) -> (String, std::io::Result<usize>) {
    let mut socket = connect(sim).await;
    socket.write_all(call).await.unwrap();
    rest(&mut socket).await
}

/// Reads until `end` has come.
async fn until(socket: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(end) {
        let mut byte = [0; 4096];
        let count = timeout(PATIENCE, socket.read(&mut byte)).await.unwrap().unwrap();
        assert!(count > 0, "ended before {end}: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&byte[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn get(sim: &Running, path: &str) -> Value {
    let (answer, _) =
        once(sim, format!("GET {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n").as_bytes()).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The bill, once no call is open any more.
async fn bill(sim: &Running) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = get(sim, "/bill").await;
        if page["open"] == 0 {
            return page;
        }
        assert!(Instant::now() < deadline, "{page}");
        tokio::task::yield_now().await;
    }
}

fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn calls_follow_each_other_on_one_connection_and_may_be_sent_ahead() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    let call = chat("", CHAT);
    socket.write_all(&[&call[..], &call, &chat("connection: close\r\n", CHAT)].concat()).await.unwrap();
    let (answers, end) = rest(&mut socket).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 3);
    assert!(end.is_ok());
    assert_eq!(bill(&sim).await["totals"]["by_path"]["/v1/chat/completions"]["calls"], 3);
}

#[tokio::test]
async fn a_request_may_arrive_byte_by_byte_and_in_chunks() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    for byte in format!("{head}{:x}\r\n{CHAT}\r\n0\r\n\r\n", CHAT.len()).bytes() {
        socket.write_all(&[byte]).await.unwrap();
    }
    assert!(rest(&mut socket).await.0.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_continue_is_sent() {
    let sim = start(json!({}));
    let (answer, _) = once(&sim, b"HEAD /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"), "{answer}");
    let mut socket = connect(&sim).await;
    let call = String::from_utf8(chat("expect: 100-continue\r\nconnection: close\r\n", CHAT)).unwrap();
    let (head, body) = call.split_at(call.len() - CHAT.len());
    socket.write_all(head.as_bytes()).await.unwrap();
    until(&mut socket, "HTTP/1.1 100 Continue\r\n\r\n").await;
    socket.write_all(body.as_bytes()).await.unwrap();
    assert!(rest(&mut socket).await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stream_has_one_event_per_token_and_its_usage_is_on_the_bill() {
    let sim = start(json!({}));
    let body = STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let (answer, _) = once(&sim, &chat("x-sim-tokens: 9\r\nconnection: close\r\n", &body)).await;
    let chunks = data(&answer);
    let contents =
        chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|c| !c.is_empty()));
    assert_eq!(contents.count(), 9);
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(usage["completion_tokens"], 9);
    assert!(answer.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
    let bill = bill(&sim).await;
    assert_eq!(bill["calls"][0]["completion_tokens"], 9);
    assert_eq!(bill["calls"][0]["prompt_tokens"], usage["prompt_tokens"]);
    assert_eq!(bill["calls"][0]["whole"], true);
}

#[tokio::test]
async fn the_bill_says_whose_call_it_was_and_what_was_cached_and_thought() {
    let sim = start(json!({}));
    let body = STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let lines = "x-sim-cached-tokens: 3\r\nx-client-request-id: mine-7\r\nconnection: close\r\n";
    let (answer, _) = once(&sim, &chat(lines, &body.replace("\"model\":\"chat", "\"model\":\"think"))).await;
    let usage = data(&answer).last().unwrap()["usage"].clone();
    let entry = bill(&sim).await["calls"][0].clone();
    assert_eq!(entry["client_id"], "mine-7");
    assert_eq!((&entry["cached_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]), (&json!(3), &json!(3)));
    assert_eq!(entry["reasoning_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]);
    assert!(entry["reasoning_tokens"].as_u64() > Some(0));
    let _ = once(&sim, &chat("x-sim-cached-tokens: 1000000\r\nconnection: close\r\n", &body)).await;
    let entry = bill(&sim).await["calls"][1].clone();
    assert_eq!(entry["cached_tokens"], entry["prompt_tokens"], "no more than there is");
    assert_eq!(entry["client_id"], Value::Null);
}

#[tokio::test]
async fn time_to_first_token_and_gaps_are_kept() {
    let sim = start(json!({}));
    let began = Instant::now();
    let (_, _) =
        once(&sim, &chat("x-sim-tokens: 5\r\nx-sim-ttft-ms: 60\r\nx-sim-gap-ms: 20\r\nconnection: close\r\n", STREAM))
            .await;
    assert!(began.elapsed() >= Duration::from_millis(140), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_in_a_pause_and_billed_to_there() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    socket.write_all(&chat("x-sim-tokens: 50\r\nx-sim-gap-ms: 3600000\r\n", STREAM)).await.unwrap();
    // The first event opens the message; the second has the first token, and an hour's pause comes after it.
    let mut seen = until(&mut socket, "\"delta\"").await;
    if seen.matches("\"delta\"").count() < 2 {
        seen += &until(&mut socket, "\"delta\"").await;
    }
    assert_eq!(seen.matches("\"delta\"").count(), 2);
    drop(socket);
    let bill = bill(&sim).await;
    assert_eq!(bill["calls"][0]["cancelled"], true);
    assert_eq!(bill["calls"][0]["completion_tokens"], 1);
}

#[tokio::test]
async fn a_half_closed_client_counts_as_gone() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    socket.write_all(&chat("x-sim-ttft-ms: 3600000\r\n", CHAT)).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(bill(&sim).await["calls"][0]["cancelled"], true);
}

#[tokio::test]
async fn a_stream_can_be_cut_at_every_byte_by_a_close_or_a_reset() {
    let sim = start(json!({}));
    let whole = once(&sim, &chat("x-sim-tokens: 2\r\nconnection: close\r\n", STREAM)).await.0;
    let body: String = data_bytes(&whole);
    for at in 0..body.len() {
        let fault = format!("x-sim-tokens: 2\r\nx-sim-fault: cut;at={at}\r\n");
        let (answer, end) = once(&sim, &chat(&fault, STREAM)).await;
        assert!(end.is_ok());
        assert_eq!(data_bytes(&answer).len(), at);
        assert!(!answer.ends_with("0\r\n\r\n"), "{at}: the end must not look whole");
    }
    let (_, end) = once(&sim, &chat("x-sim-fault: cut;at=300;how=reset\r\n", STREAM)).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// The content of a chunked body, as far as it came.
fn data_bytes(answer: &str) -> String {
    let mut rest = answer.split_once("\r\n\r\n").unwrap().1;
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = after.get(size + 2..).unwrap_or("");
    }
    body
}

#[tokio::test]
async fn connections_can_be_reset_at_accept_and_before_the_head() {
    let sim = start(json!({"scenario": [{"match": {"nth": 1}, "fault": "refuse"}]}));
    // The reset may come before the connection is seen to stand.
    if let Ok(mut first) = TcpStream::connect(sim.address()).await {
        let _ = first.write_all(&chat("", CHAT)).await;
        assert!(rest(&mut first).await.1.is_err());
    }
    let (answer, end) = once(&sim, &chat("x-sim-fault: reset-before-head\r\n", CHAT)).await;
    assert!(answer.is_empty() && end.is_err());
    let (answer, end) = once(&sim, &chat("x-sim-fault: close-before-head\r\n", CHAT)).await;
    assert!(answer.is_empty() && end.is_ok());
    assert_eq!(bill(&sim).await["calls"][0]["status"], 0);
}

#[tokio::test]
async fn a_connection_can_die_between_two_calls() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    socket.write_all(&chat("x-sim-fault: dead-on-reuse\r\n", CHAT)).await.unwrap();
    until(&mut socket, "\"usage\"").await;
    socket.write_all(&chat("", CHAT)).await.unwrap();
    assert!(rest(&mut socket).await.1.is_err());
}

#[tokio::test]
async fn early_answers_come_before_the_body_and_survive_it() {
    let sim = start(json!({}));
    let mut socket = connect(&sim).await;
    let call = chat("x-sim-fault: early-answer\r\n", &"x".repeat(100_000));
    socket.write_all(&call[..300]).await.unwrap();
    until(&mut socket, "HTTP/1.1 413 ").await;
    assert!(socket.write_all(&call[300..]).await.is_ok());
}

#[tokio::test]
async fn framing_faults_reach_the_wire() {
    let sim = start(json!({}));
    let cells = [
        ("bad-chunk-size", STREAM, "\r\nxyz\r\n"),
        ("garbage-head", CHAT, "this is not an answer"),
        ("1xx-flood;count=3", CHAT, "HTTP/1.1 103 \r\n\r\nHTTP/1.1 103"),
        ("html", STREAM, "<!doctype html>"),
        ("no-content", CHAT, "HTTP/1.1 204 No Content\r\n"),
        ("ambiguous-head", CHAT, "content-length: "),
        ("status;code=529", CHAT, "HTTP/1.1 529 "),
        ("error;name=insufficient_quota", CHAT, "\"code\":\"insufficient_quota\""),
        ("status;code=429, retry-after;as=year-2099", CHAT, "retry-after: Thu, 31 Dec 2099 23:59:59 GMT"),
        ("status;code=503, should-retry;as=false", CHAT, "x-should-retry: false"),
        ("error-event;at=middle", STREAM, "data: {\"error\":{"),
        ("spelling;as=crlf", STREAM, "}\r\n\r\n"),
        ("huge-head;bytes=70000", CHAT, "aaaaaaaa"),
        ("data-after-done", STREAM, "data: [DONE]\n\n\r\n"),
    ];
    for (fault, body, expected) in cells {
        let (answer, _) = once(&sim, &chat(&format!("x-sim-fault: {fault}\r\nconnection: close\r\n"), body)).await;
        assert!(answer.contains(expected), "{fault}: {}", &answer[..answer.len().min(2000)]);
    }
}

#[tokio::test]
async fn responses_stream_every_event_in_order() {
    let sim = start(json!({}));
    let body = json!({"model": "think", "input": "hi", "stream": true, "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [{"type": "web_search"}]});
    let call = request("/v1/responses", "x-sim-tokens: 1\r\nconnection: close\r\n", &body.to_string());
    let (answer, _) = once(&sim, &call).await;
    let mut names: Vec<String> = answer.lines().filter_map(|l| l.strip_prefix("event: ")).map(str::to_owned).collect();
    let numbers: Vec<u64> = data(&answer).iter().map(|data| data["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    names.dedup();
    assert_eq!(
        names.iter().map(|name| name.strip_prefix("response.").unwrap()).collect::<Vec<_>>(),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    let last = &data(&answer)[numbers.len() - 1]["response"];
    assert_eq!(last["usage"]["output_tokens"], bill(&sim).await["calls"][0]["completion_tokens"]);
}

#[tokio::test]
async fn the_fast_mode_answers_every_framing_and_keeps_totals() {
    let sim = start(json!({"fast": true, "expect_body_contains": "\"hi\""}));
    let mut socket = connect(&sim).await;
    let chunked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{STREAM}\r\n0\r\n\r\n",
        STREAM.len()
    );
    socket.write_all(&[chat("", CHAT), chat("", STREAM), chunked.into_bytes()].concat()).await.unwrap();
    let mut answers = until(&mut socket, "\"usage\"").await;
    while answers.matches("data: [DONE]\n\n\r\n0\r\n\r\n").count() < 2 {
        answers += &until(&mut socket, "0\r\n\r\n").await;
    }
    socket.write_all(&chat("", "{}")).await.unwrap();
    until(&mut socket, "HTTP/1.1 400").await;
    let totals = get(&sim, "/bill").await["totals"].clone();
    assert_eq!(
        (totals["calls"].as_u64(), totals["streams"].as_u64(), totals["mismatches"].as_u64()),
        (Some(4), Some(2), Some(1))
    );
}

const END: &str = "data: [DONE]\n\n\r\n0\r\n\r\n";

#[tokio::test]
async fn a_fast_stream_keeps_its_pace_and_says_when_each_event_was_sent() {
    let pace = json!({"fast": true, "stamps": true, "ttft_ms": {"fixed": 30}, "gap_ms": {"fixed": 10}, "tokens": {"fixed": 5}});
    let sim = start(pace);
    let mut socket = connect(&sim).await;
    let began = Instant::now();
    for _ in 0..2 {
        socket.write_all(&chat("", STREAM)).await.unwrap();
        let answer = until(&mut socket, END).await;
        let events = data(&data_bytes(&answer));
        let times: Vec<u64> =
            events.iter().map(|event| event["x_sim_sent_ns"].as_str().unwrap().parse().unwrap()).collect();
        // The role, five tokens, the reason of the end, the usage.
        assert_eq!(times.len(), 8);
        assert!(times.is_sorted() && times[5] - times[0] >= 60_000_000, "{times:?}");
        assert_eq!(answer.matches("\"}\n\n").count(), 8, "the time stands last: {answer}");
    }
    assert!(began.elapsed() >= Duration::from_millis(140));
    let totals = get(&sim, "/bill").await["totals"].clone();
    assert_eq!(totals["completion_tokens"], 10);
    assert_eq!((&totals["streams"], &totals["cancelled"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_fast_stream_that_is_cut_by_its_client_is_billed_to_there() {
    let sim = start(json!({"fast": true, "gap_ms": {"fixed": 3_600_000}, "tokens": {"fixed": 50}}));
    let mut socket = connect(&sim).await;
    socket.write_all(&chat("", STREAM)).await.unwrap();
    let mut seen = String::new();
    while seen.matches("\"delta\"").count() < 2 {
        seen += &until(&mut socket, "\"delta\"").await;
    }
    drop(socket);
    let deadline = Instant::now() + PATIENCE;
    let totals = loop {
        let totals = get(&sim, "/bill").await["totals"].clone();
        if totals["cancelled"] == 1 {
            break totals;
        }
        assert!(Instant::now() < deadline, "{totals}");
        tokio::task::yield_now().await;
    };
    assert_eq!((&totals["streams"], &totals["completion_tokens"]), (&json!(1), &json!(1)));
    assert_eq!(totals["bytes_out"].as_u64().unwrap(), seen.len() as u64);
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_lets_calls_end() {
    let sim = start(json!({"grace_ms": 10_000}));
    let mut idle = connect(&sim).await;
    idle.write_all(&chat("", CHAT)).await.unwrap();
    until(&mut idle, "\"usage\"").await;
    let mut busy = connect(&sim).await;
    busy.write_all(&chat("x-sim-gap-ms: 20\r\nx-sim-tokens: 10\r\n", STREAM)).await.unwrap();
    until(&mut busy, "\"content\":\"").await;
    sim.stop();
    assert!(rest(&mut idle).await.1.is_ok());
    let (answer, end) = rest(&mut busy).await;
    assert!(end.is_ok() && answer.contains("[DONE]"));
    sim.wait();
}

#[tokio::test]
async fn the_bill_file_has_a_line_per_call_and_no_credential() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.jsonl");
    let sim = start(json!({"bill_file": path}));
    let _ = once(&sim, &chat("authorization: Bearer sk-canary\r\nconnection: close\r\n", CHAT)).await;
    bill(&sim).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["path"], "/v1/chat/completions");
    assert!(line["header_names"].as_array().unwrap().contains(&json!("authorization")));
    assert!(!text.contains("canary"));
}

#[test]
fn an_address_in_use_and_bad_options_are_errors_of_the_start() {
    let sim = start(json!({}));
    let again = Options { address: sim.address().to_string(), ..Options::default() };
    assert_eq!(sim::start(again).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let none = Options { threads: 0, ..Options::default() };
    assert_eq!(sim::start(none).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_outage_begins_when_its_scenario_is_started_and_ends_by_itself() {
    let sim = start(json!({"scenario": [
        {"match": {"until": "300ms", "path": "/v1/*"}, "fault": "status;code=503"},
        {"match": {"credential": "dead"}, "fault": "status;code=401"},
    ]}));
    let status = async |headers: &str| {
        once(&sim, &chat(&format!("connection: close\r\n{headers}"), CHAT)).await.0[9..12].to_owned()
    };
    let ends = async || {
        let deadline = Instant::now() + PATIENCE;
        while status("").await == "503" {
            assert!(Instant::now() < deadline, "the outage has no end");
        }
    };
    ends().await;
    assert_eq!(status("authorization: Bearer sk-1-dead\r\n").await, "401");
    let page = bill(&sim).await;
    let last = page["calls"].as_array().and_then(|calls| calls.last()).unwrap();
    assert_eq!((&last["status"], &last["credential"]), (&json!(401), &json!(0)));
    assert!(!page.to_string().contains("sk-1-dead"));
    let started = once(&sim, b"POST /scenario/start HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.0;
    assert!(started.starts_with("HTTP/1.1 200 OK"), "{started}");
    assert_eq!(status("").await, "503");
    ends().await;
}
