//! Where the codec and hyper may differ, and the comparison that holds them to it.

use super::Message;
use super::codec::{End, name};

/// Requests that hyper delivers and the codec refuses, each with its reason. Names are those of `http1::Refusal`'s variants.
pub(crate) const STRICTER_REQUESTS: &[(&str, &str)] = &[
    ("TargetTooLong", "hyper takes 64 KiB; 8 KiB is what other servers take"),
    ("MethodTooLong", "no method of HTTP is longer than 32 bytes"),
    ("EmptyLines", "hyper skips any number, LF alone included; one is what RFC 9112 asks for"),
    ("BareLineFeed", "hyper ends lines at LF; programs that do not see other lines"),
    ("Connect", "a tunnel is for a proxy"),
    ("Asterisk", "`*` belongs to OPTIONS"),
    ("BadTarget", "the authority form is for a proxy, other schemes for nobody"),
    ("Fragment", "hyper cuts it off in silence"),
    ("TargetCharacter", "hyper takes UTF-8 and backslashes; other programs rewrite them"),
    ("TargetNotHost", "hyper leaves it to the service which of the two counts"),
    ("NoHost", "RFC 9112 asks for 400; hyper leaves it to the service"),
    ("ManyHosts", "RFC 9112 asks for 400; hyper leaves it to the service"),
    ("BadHost", "RFC 9112 asks for 400; hyper leaves it to the service"),
    ("LengthWithCoding", "hyper goes by the coding; a program in between may go by the length"),
    ("ManyLengths", "hyper takes equal ones as one"),
    ("BadLength", "leading zeros, which some read as octal"),
    ("BadCoding", "hyper takes any list that ends in `chunked`, and leaves the rest of it in the body"),
    ("Expectation", "RFC 9110 allows 417; hyper leaves it to the service"),
    ("BadChunkSize", "hyper skips blanks behind a size"),
    ("BadExtension", "hyper passes over control characters other than LF"),
    ("ExtensionTooLong", "hyper takes 16 KiB in one chunk, we 256 bytes"),
    ("BadTrailer", "hyper ends trailer lines at LF, and looks no further than an empty one"),
    ("TrailersTooLarge", "hyper takes 16 KiB, we 8"),
];

/// Answers that hyper delivers and the codec refuses. What stands in both lists has the same reason.
pub(crate) const STRICTER_ANSWERS: &[(&str, &str)] = &[
    ("BareLineFeed", "as in requests"),
    ("BadStatusLine", "hyper skips empty lines before an answer"),
    ("BadStatus", "hyper takes 100 to 999; no client knows what 600 means"),
    ("LengthWithCoding", "as in requests"),
    ("ManyLengths", "as in requests"),
    ("BadLength", "hyper ignores an odd length next to a coding, or where there is no body"),
    ("BadCoding", "hyper reads a coding that it does not know until close"),
    ("CodingInOldVersion", "hyper takes it; a program in between may not know it"),
    ("InterimBody", "hyper drops the stated body, and takes its bytes for the answer"),
    ("Upgraded", "hyper gives out the connection; nobody asked for that"),
    ("BadChunkSize", "as in requests"),
    ("BadExtension", "as in requests"),
    ("ExtensionTooLong", "as in requests"),
    ("BadTrailer", "as in requests"),
    ("TrailersTooLarge", "as in requests"),
];

/// What one case showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both delivered the same.
    Same,
    /// hyper delivered more, and the codec had a reason that is on the list.
    Stricter(String),
    /// A difference that is not on the list.
    Differ(String),
}

/// Compares what was read of one connection.
pub(crate) fn requests(ours: &(Vec<Message>, End), hypers: &[Message]) -> Outcome {
    let (messages, end) = ours;
    for (ours, hypers) in messages.iter().zip(hypers) {
        if ours != hypers {
            return Outcome::Differ(format!("ours: {ours:?}\nhyper: {hypers:?}"));
        }
    }
    match hypers.len().checked_sub(messages.len()) {
        Some(0) => Outcome::Same,
        Some(_) => stricter(end, STRICTER_REQUESTS),
        None => Outcome::Differ(format!("hyper refused: {:?}", messages.get(hypers.len()))),
    }
}

/// Compares what was read of one answer.
pub(crate) fn answer(ours: &Result<Message, End>, hypers: Option<&Message>) -> Outcome {
    match (ours, hypers) {
        (Ok(ours), Some(hypers)) if ours == hypers => Outcome::Same,
        (Ok(ours), hypers) => Outcome::Differ(format!("ours: {ours:?}\nhyper: {hypers:?}")),
        (Err(_), None) => Outcome::Same,
        (Err(end), Some(_)) => stricter(end, STRICTER_ANSWERS),
    }
}

fn stricter(end: &End, list: &[(&str, &str)]) -> Outcome {
    match end {
        End::Refused(refusal) if list.iter().any(|(listed, _)| *listed == name(*refusal)) => {
            Outcome::Stricter(name(*refusal))
        }
        end => Outcome::Differ(format!("hyper delivered more; ours ended with {end:?}")),
    }
}
