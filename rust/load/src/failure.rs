//! How a call can fail: a closed set.

use std::borrow::Cow;

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What became of a call that did not end well. One for each call: the first that applies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Failure { $($(#[$doc])* $name,)* }

        impl Failure {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As results spell it.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

failures! {
    /// No connection could be made.
    Refused = "refused",
    /// The connection ended before the first byte of the answer.
    Closed = "closed",
    /// The answer was not whole in time.
    Timeout = "timeout",
    /// Another status than the expected.
    Status = "status",
    /// Not HTTP/1.1 as it should be.
    Garbled = "garbled",
    /// Something else where JSON was expected.
    NotJson = "not_json",
    /// Something else where an event stream was expected.
    NotEvents = "not_events",
    /// The connection or the framing ended within the answer.
    Cut = "cut",
    /// The stream carried an error event.
    ErrorEvent = "error_event",
    /// The bytes of the stream came to their end without its terminal event.
    NoEnd = "no_end",
    /// Not the expected bytes.
    WrongBody = "wrong_body",
    /// Not the expected text.
    WrongText = "wrong_text",
    /// Not the expected number of events.
    WrongFrames = "wrong_frames",
    /// Not the expected tokens.
    WrongUsage = "wrong_usage",
    /// It was not sent before the load was over.
    Unsent = "unsent",
    /// This process may hold no more descriptors.
    Descriptors = "descriptors",
    /// The name could not be resolved.
    Resolve = "resolve",
    /// TLS could not be agreed on.
    Tls = "tls",
}

/// A failure and what is known of it. The text is made for every failure, so it is cheap; bytes of the answer are added
/// where an example is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) class: Failure,
    pub(crate) detail: Cow<'static, str>,
}

impl Failed {
    pub(crate) fn new(class: Failure, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { class, detail: detail.into() }
    }
}

/// Bytes as a line that any terminal can show.
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().fold(String::with_capacity(bytes.len()), |mut line, letter| {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            letter if letter.is_control() => line.push('\u{fffd}'),
            letter => line.push(letter),
        }
        line
    })
}
