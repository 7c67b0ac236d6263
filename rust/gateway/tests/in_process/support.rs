//! One request and its answer, over sockets and in memory.

use gateway::{Gateway, InProcess};
use plan::Plan;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::{LocalSet, spawn_local};

pub(crate) const CHAT: &str = r#"{"model":"chat","messages":[{"role":"user","content":"Hello"}]}"#;

pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 55\r\n\r\n\
    {\"object\":\"chat.completion\",\"usage\":{\"total_tokens\":3}}";

pub(crate) const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
    33\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n\r\n\
    e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

pub(crate) const REFUSAL: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 7\r\n\
    content-length: 34\r\n\r\n{\"error\":{\"message\":\"Slow down.\"}}";

/// What both ends of a call got to see.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) provider: String,
    pub(crate) caller: String,
}

/// A chat with the key of the plan.
pub(crate) fn chat(body: &str) -> Vec<u8> {
    call_with("caller-secret", body)
}

/// A chat; the connection ends with its answer, so that all of that can be read.
pub(crate) fn call_with(key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One key, one alias, one provider.
pub(crate) fn plan(provider: &str) -> Plan {
    let (host, port) = provider.split_once(':').unwrap();
    let timeouts = json!({"connect_ms": 1000, "first_token_ms": 60_000, "idle_ms": 60_000, "attempt_ms": 60_000,
                          "total_ms": 120_000, "stream_total_ms": 120_000});
    let resilience = json!({
        "timeouts": timeouts, "hedge": null, "on_disconnect": "cancel", "on_cut": "error", "coalesce": false,
        "retry": {"max_attempts": 1, "max_attempts_per_call": 5, "base_ms": 100, "throttled_base_ms": 1000,
                  "cap_ms": 8000, "wait_ms": 10_000},
        "resume_bytes": null, "keep_alive_ms": null, "priority": "normal", "affinity": "off",
    });
    let plan = json!({
        "format": plan::FORMAT,
        "hash": "",
        "listen": {"data": {"tcp": "127.0.0.1:0"}, "ops": {"tcp": "127.0.0.1:0"}, "tls": null},
        "callers": "keys",
        "http": {"max_body_bytes": 1_000_000, "max_upload_bytes": 1_000_000, "max_head_bytes": 65_536,
                 "max_connections": 100, "idle_ms": 60_000, "read_gap_ms": 10_000, "origins": [],
                 "max_calls": 100, "max_streams": 100, "max_buffered_bytes": null},
        "workers": {"fixed": 1},
        "drain": {"accept_for_ms": 1000, "grace_ms": 5000},
        "egress": {"proxy": "off", "roots": {"system": false, "bundled": true, "files": []}},
        "log": {"level": "error", "calls": "off"},
        "prices": [],
        "providers": [{
            "id": "house", "dialect": "openai", "credentials": [{"literal": "provider-secret"}],
            "endpoints": [{"id": format!("house/http://{provider}"), "scheme": "http", "host": host,
                           "port": port.parse::<u16>().unwrap(), "base_path": "/v1", "named": true}],
            "auth": {"header": "authorization", "prefix": "Bearer "}, "headers": {}, "http": "auto",
            "kind": "", "retry_permille": 100, "retry_floor_per_second": 3, "max_concurrency": 1000,
            "stream_usage": "ask", "prices": {}, "price": null,
            "breaker": {"consecutive": 5, "ratio_permille": 500, "slow_first_token_ms": 20_000, "slow_permille": 800,
                        "window_ms": 30_000, "min_calls": 10, "open_ms": 5000, "open_cap_ms": 120_000, "probe_ms": null},
        }],
        "deployments": [{"id": "mini", "provider": 0, "model": "gpt-5-mini", "context_tokens": null,
                         "capabilities": null, "price": null, "max_concurrency": null, "prefill": "off"}],
        "aliases": [{"name": "chat", "resilience": resilience, "chain": [
            {"shares": [{"deployment": 0, "weight": 1}], "balance": "weighted", "when": []}]}],
        "models": [],
        "keys": [{"name": "one", "secret": {"literal": "caller-secret"}, "aliases": null, "passthrough": false,
                  "team": null, "user": null, "tags": [], "expires_unix_ms": null, "former": []}],
        "pepper": null,
        "passthrough": null,
        "journal": null,
        "resilience": resilience,
        "identity": {"user": [], "agent": [], "session": [], "task": [], "tags": [], "most_values": 1000, "forget_ms": 60000},
        "limits": [], "budgets": [], "grants": [],
    });
    serde_json::from_value(plan).unwrap()
}

/// Runs on a local runtime; under a paused clock where `paused`.
pub(crate) fn within<T>(paused: bool, test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// The call through a gateway in memory.
pub(crate) fn in_memory(request: &[u8], answer: &'static [u8]) -> Seen {
    within(false, async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let provider = Arc::clone(&seen);
        let gateway = InProcess::start(plan("127.0.0.1:9"), move |_, stream| {
            spawn_local(provide(stream, answer, Arc::clone(&provider)));
            Ok(())
        });
        let mut caller = gateway.as_ref().unwrap().connect();
        caller.write_all(request).await.unwrap();
        let mut got = Vec::new();
        caller.read_to_end(&mut got).await.unwrap();
        let provider = seen.lock().unwrap().clone();
        Seen { provider: text(&provider), caller: text(&got) }
    })
}

async fn provide(mut stream: DuplexStream, answer: &[u8], seen: Arc<Mutex<Vec<u8>>>) {
    let mut piece = vec![0; 65_536];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        let mut seen = seen.lock().unwrap();
        seen.extend_from_slice(&piece[..read]);
        if is_whole(&seen) {
            break;
        }
    }
    stream.write_all(answer).await.unwrap();
    std::future::pending::<()>().await;
}

/// The same call through a gateway that listens.
pub(crate) fn on_sockets(request: &[u8], answer: &'static [u8]) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Gateway::start(plan(&listener.local_addr().unwrap().to_string())).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let provider = Arc::clone(&seen);
    // Ends with the test's process where no call ever comes.
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut piece = vec![0; 65_536];
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            let mut seen = provider.lock().unwrap();
            seen.extend_from_slice(&piece[..read]);
            if is_whole(&seen) {
                stream.write_all(answer).unwrap();
            }
        }
    });
    let mut caller = TcpStream::connect(&gateway.data_address).unwrap();
    caller.write_all(request).unwrap();
    let mut got = Vec::new();
    caller.read_to_end(&mut got).unwrap();
    gateway.stop();
    let provider = seen.lock().unwrap().clone();
    Seen { provider: text(&provider), caller: text(&got) }
}

/// Whether a request has come whole: head, and as much as it says.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let lines = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = lines.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    request.len() >= head + 4 + length.parse::<usize>().unwrap()
}

/// As text, less what differs from call to call and from gateway to gateway.
fn text(bytes: &[u8]) -> String {
    let masked = |line: &str| {
        let changes = ["date: ", "host: ", "headgate-overhead-us: ", "headgate-timeout-ms: "]
            .into_iter()
            .find(|name| line.starts_with(name));
        changes.map_or_else(|| line.to_owned(), |name| format!("{name}\r\n"))
    };
    let mut text: String = String::from_utf8_lossy(bytes).split_inclusive('\n').map(masked).collect();
    for (at, _) in text.clone().match_indices("req_") {
        text.replace_range(at + 4..at + 36, &"0".repeat(32));
    }
    text
}
