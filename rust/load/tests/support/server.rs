//! A server that does exactly what a test says, byte by byte.
#![allow(dead_code, clippy::unwrap_used, reason = "not every test uses everything; tests fail by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// How many came before it, over all connections.
    pub(crate) number: usize,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What to do next on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Write(Vec<u8>),
    /// Each byte in a write of its own.
    Drip(Vec<u8>),
    Wait(Duration),
    /// Says nothing until the client leaves.
    Hang,
    Close,
}

/// A running server; it lives as long as the test's process.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with what `answer` says; a connection goes on until it is closed.
    pub(crate) fn start(answer: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::wrapped(answer, Some)
    }

    /// The same, over whatever `wrap` makes of a socket.
    pub(crate) fn wrapped<S: Read + Write>(
        answer: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, wrap, count) = (Arc::new(answer), Arc::new(wrap), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (answer, wrap) = (Arc::clone(&answer), Arc::clone(&wrap));
                let (seen, count) = (Arc::clone(&seen), Arc::clone(&count));
                std::thread::spawn(move || {
                    let _ = socket.set_nodelay(true);
                    let Some(mut socket) = wrap(socket) else { return };
                    while let Some((head, body)) = read(&mut socket) {
                        let request = Request { number: count.fetch_add(1, Relaxed), head, body };
                        seen.lock().unwrap().push(request.clone());
                        if !carry_out(&mut socket, answer(&request)) {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, requests }
    }
}

/// One request; `None`: the client has left.
fn read(socket: &mut impl Read) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end + 4].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if bytes.len() >= whole {
                assert_eq!(bytes.len(), whole, "nothing is sent ahead of an answer");
                return Some((head, String::from_utf8(bytes[end + 4..].to_vec()).unwrap()));
            }
        }
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// Says whether the connection goes on.
fn carry_out<S: Read + Write>(socket: &mut S, acts: Vec<Act>) -> bool {
    for act in acts {
        let done = match act {
            Act::Write(bytes) => socket.write_all(&bytes).and_then(|()| socket.flush()),
            Act::Drip(bytes) => {
                bytes.chunks(1).try_for_each(|byte| socket.write_all(byte).and_then(|()| socket.flush()))
            }
            Act::Wait(time) => {
                #[allow(clippy::disallowed_methods, reason = "a thread of its own, and the wait is what is tested")]
                std::thread::sleep(time);
                Ok(())
            }
            Act::Hang => {
                while socket.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
                return false;
            }
            Act::Close => return false,
        };
        if done.is_err() {
            return false;
        }
    }
    true
}

/// A whole answer.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A whole answer, after which the connection is closed.
pub(crate) fn last_answer(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let whole = String::from_utf8(answer(status, content_type, body)).unwrap();
    whole.replacen("\r\n", "\r\nconnection: close\r\n", 1).into_bytes()
}

/// A stream in one chunk for each event.
pub(crate) fn stream(events: &[&str]) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for event in events {
        out.extend_from_slice(format!("{:x}\r\ndata: {event}\n\n\r\n", event.len() + 8).as_bytes());
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// A chunk of a chat.
pub(crate) fn delta(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}}}}]}}"#, serde_json::Value::from(text))
}

/// A chat, whole.
pub(crate) fn reply(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        r#"{{"choices":[{{"message":{{"role":"assistant","content":{text}}}}}],"usage":{{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}}}"#
    )
}
