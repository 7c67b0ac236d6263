//! How long a stream can be taken up again, under a paused clock.

use crate::support::{chat, plan, within};
use gateway::InProcess;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const FIRST: &[u8] = b"33\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n\r\n";
const LAST: &[u8] = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

/// A gateway whose alias keeps its streams, and its ends of the connections to the provider.
fn gateway() -> (InProcess, Rc<RefCell<Vec<DuplexStream>>>) {
    let mut plan = plan("127.0.0.1:1");
    plan.aliases[0].resilience.resume_bytes = Some(1 << 20);
    plan.aliases[0].resilience.timeouts.idle_ms = 600_000;
    plan.aliases[0].resilience.timeouts.stream_total_ms = 600_000;
    let connections: Rc<RefCell<Vec<DuplexStream>>> = Rc::default();
    let ours = Rc::clone(&connections);
    let gateway = InProcess::start(plan, move |_, stream| {
        ours.borrow_mut().push(stream);
        Ok(())
    });
    (gateway.unwrap(), connections)
}

/// A caller of a stream that has its first event, the provider's side of it, and its id.
async fn begin(gateway: &InProcess, connections: &RefCell<Vec<DuplexStream>>) -> (DuplexStream, DuplexStream, String) {
    let mut caller = gateway.connect();
    caller.write_all(&chat(r#"{"model":"chat","messages":[],"stream":true}"#)).await.unwrap();
    while connections.borrow().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let mut provider = connections.borrow_mut().pop().unwrap();
    provider.read_exact(&mut [0; 100]).await.unwrap();
    provider.write_all(&[HEAD, FIRST].concat()).await.unwrap();
    let seen = read_until(&mut caller, ":1\n\n").await;
    let at = seen.find("id: req_").unwrap() + 4;
    let id = seen[at..at + 36].to_owned();
    (caller, provider, id)
}

async fn read_until(from: &mut DuplexStream, mark: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(mark) {
        assert_ne!(from.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

/// What a caller gets who comes back having got the first event.
async fn come_back(gateway: &InProcess, id: &str) -> String {
    let mut caller = gateway.connect();
    let request = format!(
        "GET /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer caller-secret\r\n\
         last-event-id: {id}:1\r\nconnection: close\r\n\r\n"
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    caller.read_to_end(&mut got).await.unwrap();
    String::from_utf8(got).unwrap()
}

#[test]
fn what_has_ended_can_be_taken_up_for_a_minute() {
    within(true, async {
        let (gateway, connections) = gateway();
        let (caller, mut provider, id) = begin(&gateway, &connections).await;
        drop(caller);
        sleep(Duration::from_secs(50)).await;
        provider.write_all(LAST).await.unwrap();
        sleep(Duration::from_secs(59)).await;
        let got = come_back(&gateway, &id).await;
        assert!(got.starts_with("HTTP/1.1 200 ") && got.contains(&format!("data: [DONE]\nid: {id}:2\n\n")), "{got}");
        sleep(Duration::from_secs(2)).await;
        let got = come_back(&gateway, &id).await;
        assert!(got.starts_with("HTTP/1.1 404 ") && got.contains("stream_not_found"), "{got}");
        let stats = gateway.stats();
        assert!(stats.contains(r#""name":"headgate_kept_bytes","samples":[{"labels":[],"value":{"level":0.0}}]"#));
    });
}

#[test]
fn a_stream_that_nobody_takes_up_is_given_up_after_a_minute() {
    within(true, async {
        let (gateway, connections) = gateway();
        let (caller, mut provider, id) = begin(&gateway, &connections).await;
        let left = Instant::now();
        drop(caller);
        // The rest of the request, and then the end.
        timeout(Duration::from_mins(5), provider.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        let waited = left.elapsed();
        assert!((Duration::from_mins(1)..Duration::from_secs(61)).contains(&waited), "{waited:?}");
        assert!(come_back(&gateway, &id).await.starts_with("HTTP/1.1 404 "));
    });
}
