//! The kinds of call, as bytes: what the caller sends, what the provider must see of it, what it answers.

use std::fmt::Write;

/// One kind of call.
pub(crate) struct Cell {
    /// Whether a key is checked and an alias replaced.
    pub(crate) features: bool,
    /// Whether rates, places and budgets of a key, a team, a user and all calls are kept besides, and a journal.
    pub(crate) money: bool,
    /// Head and body.
    pub(crate) request: Vec<u8>,
    /// The body that the provider must get.
    pub(crate) provided: Vec<u8>,
    /// Head and body of the answer, in the pieces that are written.
    pub(crate) answer: Vec<Vec<u8>>,
    /// What the caller's bytes end with once it has the whole answer.
    pub(crate) end: Vec<u8>,
}

/// The names of all cells.
pub(crate) const NAMES: [&str; 6] = [
    "json-64",
    "json-16k",
    "json-400k",
    "sse-64",
    "plain-64",
    "money-64",
];

/// Events of a stream, the last one not counted.
const EVENTS: usize = 64;

impl Cell {
    /// A cell by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json-64" => Self::new(64, Answered::Whole, true),
            "json-16k" => Self::new(16_000, Answered::Whole, true),
            "json-400k" => Self::new(400_000, Answered::Whole, true),
            "sse-64" => Self::new(64, Answered::Streamed, true),
            "plain-64" => Self::new(64, Answered::Whole, false),
            "money-64" => Self {
                money: true,
                ..Self::new(64, Answered::Whole, true)
            },
            _ => return None,
        })
    }

    fn new(prompt_bytes: usize, answered: Answered, features: bool) -> Self {
        let body = |model| body(model, &prompt(prompt_bytes), answered);
        let (answer, end) = match answered {
            Answered::Whole => whole(),
            Answered::Streamed => streamed(),
        };
        let asked = body(if features { "chat" } else { "gpt-5-mini" });
        Self {
            features,
            money: false,
            request: request(&asked),
            provided: body("gpt-5-mini").into_bytes(),
            answer,
            end,
        }
    }
}

/// How a provider answers.
#[derive(Clone, Copy)]
enum Answered {
    Whole,
    Streamed,
}

/// Text as agents send it, escapes included.
fn prompt(bytes: usize) -> String {
    const TEXT: &str = r#"Read the file \"src/main.rs\" and say what it does.\nThen list each function, with its arguments. "#;
    let mut prompt = TEXT.repeat(bytes / TEXT.len() + 1);
    prompt.truncate(bytes);
    if prompt.ends_with('\\') {
        prompt.replace_range(bytes - 1.., " ");
    }
    prompt
}

fn body(model: &str, prompt: &str, answered: Answered) -> String {
    let stream = match answered {
        Answered::Whole => "",
        Answered::Streamed => r#","stream":true,"stream_options":{"include_usage":true}"#,
    };
    format!(
        r#"{{"messages":[{{"role":"user","content":"{prompt}"}}],"model":"{model}","temperature":0.2{stream}}}"#
    )
}

/// A request as the official Python SDK makes it.
fn request(body: &str) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\n\
         Host: gateway.example:8080\r\n\
         Accept-Encoding: gzip, deflate\r\n\
         Connection: keep-alive\r\n\
         Accept: application/json\r\n\
         Content-Type: application/json\r\n\
         User-Agent: OpenAI/Python 3.1.0\r\n\
         X-Stainless-Lang: python\r\n\
         X-Stainless-Package-Version: 3.1.0\r\n\
         X-Stainless-OS: Linux\r\n\
         X-Stainless-Arch: x64\r\n\
         X-Stainless-Runtime: CPython\r\n\
         X-Stainless-Runtime-Version: 3.13.1\r\n\
         Authorization: Bearer hg-agent-b-0123456789abcdef0123456789\r\n\
         x-stainless-retry-count: 0\r\n\
         x-stainless-read-timeout: 600\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const ANSWER_HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Date: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    openai-processing-ms: 412\r\n\
    openai-version: 2020-10-01\r\n\
    x-request-id: req_5f0d7f4e1b8c4a6d9e2b3c4d5e6f7a8b\r\n\
    x-ratelimit-remaining-requests: 9999\r\n\
    x-ratelimit-remaining-tokens: 1999974\r\n";

fn whole() -> (Vec<Vec<u8>>, Vec<u8>) {
    let body = r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1795255200,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I assist you today?","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#;
    let head = format!(
        "{ANSWER_HEAD}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (vec![(head + body).into_bytes()], body.as_bytes().to_vec())
}

/// Each event in a chunk and a write of its own; the last ones come together.
fn streamed() -> (Vec<Vec<u8>>, Vec<u8>) {
    let event = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\
             \"created\":1795255200,\"model\":\"gpt-5-mini-2025-08-07\",{rest}}}\n\n"
        )
    };
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let mut pieces = vec![format!(
        "{ANSWER_HEAD}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )];
    for index in 0..EVENTS {
        let delta = format!(
            r#""choices":[{{"index":0,"delta":{{"content":" word {index:02}"}},"finish_reason":null}}]"#
        );
        pieces.push(chunk(&event(&delta)));
    }
    let usage =
        r#""choices":[],"usage":{"prompt_tokens":19,"completion_tokens":64,"total_tokens":83}"#;
    let mut last = chunk(&event(usage));
    let _ = write!(last, "{}0\r\n\r\n", chunk("data: [DONE]\n\n"));
    pieces.push(last);
    (
        pieces.into_iter().map(String::into_bytes).collect(),
        b"data: [DONE]\n\n\r\n0\r\n\r\n".to_vec(),
    )
}
