//! Every fault that the provider can cause, in one table.

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// When the connection is accepted; by rule of a scenario. Asked for by a header, it happens after the head.
    Accept,
    /// After the head of the request, before its body.
    Request,
    /// With the answer.
    Answer,
}

impl Stage {
    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Request => "request",
            Self::Answer => "answer",
        }
    }
}

/// What there is to know about a fault.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// As it is asked for.
    pub name: &'static str,
    /// When it happens.
    pub stage: Stage,
    /// Its parameters with their defaults.
    pub params: &'static [(&'static str, &'static str)],
    /// What it does, and what the parameters mean.
    pub doc: &'static str,
}

/// Declares [`Kind`] and its table together, so that neither can name a fault that the other lacks.
macro_rules! faults {
    ($(#[doc = $doc:literal] $kind:ident: $name:literal, $stage:ident, [$($key:literal = $default:literal),*];)+) => {
        /// Every fault. The documentation of a kind says what happens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $(#[doc = $doc] $kind),+ }

        impl Kind {
            /// All kinds, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// What there is to know about this fault.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row {
                        name: $name, stage: Stage::$stage, params: &[$(($key, $default)),*], doc: $doc,
                    }),+
                }
            }
        }
    };
}

faults! {
    // accept
    /// Resets the connection as soon as it is accepted.
    Refuse: "refuse", Accept, [];
    /// Accepts, and then neither reads nor writes.
    Silence: "silence", Accept, [];

    // request
    /// Resets the connection after `at` bytes of the request body.
    ResetRequest: "reset-request", Request, ["at" = "0"];
    /// Answers `code` from the head alone, before the body is read, and closes.
    EarlyAnswer: "early-answer", Request, ["code" = "413"];
    /// Never sends `100 Continue`; reads the body when it comes all the same.
    NoContinue: "no-continue", Request, [];
    /// Reads the request body `bytes` at a time, every `every_ms`.
    SlowRead: "slow-read", Request, ["bytes" = "1024", "every_ms" = "10"];

    // head
    /// Resets the connection instead of answering.
    ResetBeforeHead: "reset-before-head", Answer, [];
    /// Closes the connection instead of answering.
    CloseBeforeHead: "close-before-head", Answer, [];
    /// Sends the head `bytes` at a time, every `every_ms`.
    SlowHead: "slow-head", Answer, ["bytes" = "1", "every_ms" = "10"];
    /// Waits `ms` before the head.
    LateHead: "late-head", Answer, ["ms" = "1000"];
    /// Reads the request and never answers.
    NeverHead: "never-head", Answer, [];
    /// Sends the first `at` bytes of the head and closes.
    CutHead: "cut-head", Answer, ["at" = "20"];
    /// Sends something that is not HTTP. `as`: text, tls, binary, status, version, blank-lines.
    GarbageHead: "garbage-head", Answer, ["as" = "text"];
    /// Sends `count` interim answers before the answer; 0 never stops.
    Flood1xx: "1xx-flood", Answer, ["count" = "1000", "code" = "103"];
    /// Adds a header line of `bytes` bytes.
    HugeHead: "huge-head", Answer, ["bytes" = "1048576"];
    /// Adds `count` header lines.
    ManyLines: "many-lines", Answer, ["count" = "1000"];
    /// A head that two programs could read differently. `as`: two-lengths, length-and-chunked, bare-lf, obs-fold, space-before-colon, negative-length, length-list.
    AmbiguousHead: "ambiguous-head", Answer, ["as" = "two-lengths"];

    // framing
    /// The second chunk has a size that is no number.
    BadChunkSize: "bad-chunk-size", Answer, [];
    /// States a content-length that is `by` bytes too long, and closes after the body.
    ShortBody: "short-body", Answer, ["by" = "10"];
    /// States a content-length that is `by` bytes too short.
    LongBody: "long-body", Answer, ["by" = "10"];
    /// Ends the body by closing, without a length or chunks.
    UntilClose: "until-close", Answer, [];
    /// Says `connection: close` and closes.
    ConnectionClose: "connection-close", Answer, [];
    /// Says nothing, and closes after a whole answer.
    CloseAfter: "close-after", Answer, [];
    /// Answers, keeps the connection, and resets it when the next request comes: a dead connection in a pool.
    DeadOnReuse: "dead-on-reuse", Answer, [];

    // answer
    /// 200 with an HTML page.
    Html: "html", Answer, ["code" = "200"];
    /// 200 with a whole JSON answer where a stream was asked for.
    JsonForStream: "json-for-stream", Answer, [];
    /// A stream where a whole answer was asked for.
    StreamForJson: "stream-for-json", Answer, [];
    /// 204 and no body.
    NoContent: "no-content", Answer, [];
    /// An empty body with status 200.
    EmptyBody: "empty-body", Answer, [];
    /// A redirect to `to`.
    Redirect: "redirect", Answer, ["code" = "307", "to" = "http://169.254.169.254/latest"];
    /// Compresses the body (gzip), whatever was accepted.
    Gzip: "gzip", Answer, [];
    /// Another content-type than the body has.
    WrongType: "wrong-type", Answer, ["as" = "text/plain"];
    /// Answers with a status of 400..=599 and the provider's own error body for it.
    Status: "status", Answer, ["code" = "500"];
    /// Answers with an error of the provider by its code, e.g. `insufficient_quota`, `rate_limit_exceeded`, `context_length_exceeded`, `content_filter`.
    Error: "error", Answer, ["name" = "server_error"];
    /// Adds retry advice. `as`: seconds, fraction, zero, negative, date, past-date, obsolete-date, year-2099, huge, junk, empty, two, ms, ms-negative, ms-junk, ms-fraction. Together with status or error.
    RetryAfter: "retry-after", Answer, ["as" = "seconds", "value" = "1"];
    /// Adds `x-should-retry`. `as`: true, false, or anything.
    ShouldRetry: "should-retry", Answer, ["as" = "true"];

    // stream, or body where there is no stream
    /// Ends the body at byte `at` (before framing). `how`: close, reset, clean (as if it were whole), silence.
    Cut: "cut", Answer, ["at" = "100", "how" = "close"];
    /// Resets the connection at byte `at` of the body.
    ResetMidBody: "reset-mid-body", Answer, ["at" = "100"];
    /// Leaves out the last event, and ends cleanly.
    NoTerminator: "no-terminator", Answer, [];
    /// Sends the last event twice.
    DoubleTerminator: "double-terminator", Answer, [];
    /// Sends content after the last event.
    DataAfterDone: "data-after-done", Answer, [];
    /// An error inside a 200 stream; nothing after it. `at`: first, middle, last. `form`: nested, flat, failed (Responses).
    ErrorEvent: "error-event", Answer, ["at" = "first", "form" = "nested", "name" = "server_error"];
    /// Comments in the place of all content but the first `after` events, every `every_ms`. `then`: end, silence.
    PingsOnly: "pings-only", Answer, ["count" = "10", "every_ms" = "10", "then" = "end", "after" = "0"];
    /// Content events without content, but for the first `after`, every `every_ms`. `then`: end, silence.
    EmptyDeltas: "empty-deltas", Answer, ["every_ms" = "0", "then" = "end", "after" = "0"];
    /// Pauses before event `at` (the first is 0) for `ms`; 0 for ever.
    Stall: "stall", Answer, ["at" = "2", "ms" = "0"];
    /// Sends the body `bytes` at a time, every `every_ms`.
    Drip: "drip", Answer, ["bytes" = "1", "every_ms" = "1000"];
    /// One event with a text of `bytes` bytes.
    BigEvent: "big-event", Answer, ["bytes" = "1048576"];
    /// Bytes that are not UTF-8 inside the first text.
    InvalidUtf8: "invalid-utf8", Answer, [];
    /// Other spellings of the same stream. `as`: crlf, cr, bom, comments, no-space, multi-line, no-event, ids.
    Spelling: "spelling", Answer, ["as" = "crlf"];
    /// A chunk and a write for every byte of the body.
    Split: "split", Answer, [];
    /// The arguments of the tool calls end in the middle.
    ToolJsonCut: "tool-json-cut", Answer, [];
    /// Usage that is wrong. `as`: missing, null, zero, negative, twice, huge, string, low.
    Usage: "usage", Answer, ["as" = "missing"];
}
