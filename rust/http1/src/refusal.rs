//! Every reason for which bytes are refused.

use fault::{Fault, Kind};
use std::fmt;

/// Why a message is not accepted. Lines are counted from 1, the request or status line being the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    // limits
    /// The head is larger than the limit, in bytes.
    HeadTooLarge(usize),
    /// The head has more header lines than the limit.
    TooManyLines(usize),
    /// The request target, or the whole request line, is longer than the limit, in bytes.
    TargetTooLong(usize),
    /// The method is longer than [`Limits::METHOD_BYTES`](crate::Limits::METHOD_BYTES).
    MethodTooLong,

    // the shape of lines
    /// More than one empty line stands before the request.
    EmptyLines,
    /// The first byte cannot begin a request: TLS on a plaintext port, or another protocol.
    NotHttp,
    /// A line ends in LF without CR.
    BareLineFeed(u32),
    /// A CR without LF.
    BareCarriageReturn(u32),
    /// NUL or another control character.
    ControlCharacter(u32),
    /// The first line is not `method SP target SP version`.
    BadRequestLine,
    /// The first line is not `version SP status SP reason`.
    BadStatusLine,
    /// The status is not in 100..=599.
    BadStatus(u16),
    /// An HTTP version other than 1.0 and 1.1.
    Version,
    /// A line begins with a blank: the folding of old HTTP.
    Folded(u32),
    /// Blanks between the name of a header and its colon.
    SpaceBeforeColon(u32),
    /// A header line without a colon.
    NoColon(u32),
    /// A header name that is empty or has characters that no name has.
    BadName(u32),

    // the target
    /// The method is CONNECT, or the target is an authority.
    Connect,
    /// The target is `*` and the method is not OPTIONS.
    Asterisk,
    /// The target is neither a path nor an absolute `http` or `https` URL.
    BadTarget,
    /// The target has a fragment.
    Fragment,
    /// The target has a character that a URL cannot have.
    TargetCharacter,
    /// An absolute target for another authority than `Host`.
    TargetNotHost,

    // fields
    /// HTTP/1.1 without `Host`.
    NoHost,
    /// More than one `Host`.
    ManyHosts,
    /// A `Host` that is not a name or an address, with or without a port.
    BadHost,
    /// `Content-Length` and `Transfer-Encoding` in one message.
    LengthWithCoding,
    /// More than one `Content-Length`, equal or not.
    ManyLengths,
    /// A `Content-Length` that is not a plain decimal number below 2^64.
    BadLength,
    /// A `Transfer-Encoding` that is not exactly one `chunked`.
    BadCoding,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingInOldVersion,
    /// An `Expect` other than `100-continue`.
    Expectation,
    /// An interim answer (1xx) that states a body.
    InterimBody,
    /// An answer 101, which nobody asked for.
    Upgraded,

    // chunks
    /// A chunk size that is not 1 to 16 hexadecimal digits.
    BadChunkSize,
    /// A chunk extension with a control character or without CRLF at its end.
    BadExtension,
    /// Chunk extensions beyond 256 bytes in one chunk or 16 KiB in one body.
    ExtensionTooLong,
    /// The data of a chunk is not followed by CRLF.
    BadChunkEnd,
    /// A trailer line that would be refused in a head.
    BadTrailer,
    /// Trailers beyond 8 KiB.
    TrailersTooLarge,
}

impl Refusal {
    /// The kind of fault that a caller's message like this is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::HeadTooLarge(_) | Self::TooManyLines(_) => Kind::HeadTooLarge,
            Self::TargetTooLong(_) => Kind::TargetTooLong,
            Self::Version => Kind::VersionUnsupported,
            Self::Expectation => Kind::ExpectationFailed,
            _ => Kind::BadFraming,
        }
    }

    /// The fault when it was a provider who sent this.
    pub fn as_upstream_fault(self) -> Fault {
        Fault::new(Kind::UpstreamGarbled, "The provider's answer is not valid HTTP/1.1.").because(self)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind(), refusal.to_string())
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HeadTooLarge(limit) => {
                write!(f, "The head is larger than {limit} bytes; send fewer or shorter headers.")
            }
            Self::TooManyLines(limit) => write!(f, "The head has more than {limit} header lines; send fewer."),
            Self::TargetTooLong(limit) => {
                write!(f, "The request target is longer than {limit} bytes; put what it says into the body.")
            }
            Self::BareLineFeed(line) => write!(f, "Line {line} of the head ends in LF alone; end every line in CR LF."),
            Self::BareCarriageReturn(line) => {
                write!(f, "Line {line} of the head has a CR that no LF follows; remove it, or end the line in CR LF.")
            }
            Self::ControlCharacter(line) => {
                write!(f, "Line {line} of the head has a control character; remove or encode it.")
            }
            Self::BadStatus(status) => write!(f, "The status {status} is not in 100 to 599."),
            Self::Folded(line) => {
                write!(f, "Line {line} of the head begins with a blank; write each header on one line.")
            }
            Self::SpaceBeforeColon(line) => {
                write!(f, "Line {line} of the head has a blank before its colon; remove the blank.")
            }
            Self::NoColon(line) => write!(f, "Line {line} of the head has no colon; write `name: value`."),
            Self::BadName(line) => {
                write!(
                    f,
                    "Line {line} of the head has an empty or invalid header name; use letters, digits and hyphens."
                )
            }
            fixed => f.write_str(fixed.sentence()),
        }
    }
}

impl Refusal {
    /// The sentence of a refusal without numbers in it.
    const fn sentence(self) -> &'static str {
        match self {
            Self::MethodTooLong => "The method is longer than 32 bytes; use a method that HTTP has.",
            Self::EmptyLines => "More than one empty line stands before the request line; begin with the method.",
            Self::NotHttp => "The first byte cannot begin an HTTP request; speak plain HTTP/1.1 to this port.",
            Self::BadRequestLine => {
                "The request line is malformed; write a method, a target and `HTTP/1.1` with one space between."
            }
            Self::BadStatusLine => {
                "The status line is malformed; write `HTTP/1.1`, a status of three digits and a reason."
            }
            Self::Version => {
                "The request line asks for a version that is not served here; use HTTP/1.1, or HTTP/2 by its preface."
            }
            Self::Connect => {
                "The request asks for a tunnel; this is not a proxy: ask for a path, such as `/v1/models`."
            }
            Self::Asterisk => "The target `*` goes with OPTIONS only; ask for a path, such as `/v1/models`.",
            Self::BadTarget => "The request target is neither a path nor an absolute URL; begin it with `/`.",
            Self::Fragment => "The request target has a fragment (`#`); leave it out, or write `%23`.",
            Self::TargetCharacter => "The request target has a character that a URL cannot have; percent-encode it.",
            Self::TargetNotHost => {
                "The request target and `Host` name different hosts; make them equal, or send the path alone."
            }
            Self::NoHost => "The header `Host` is missing; HTTP/1.1 requires it.",
            Self::ManyHosts => "The header `Host` stands there more than once; send it once.",
            Self::BadHost => "The header `Host` is not a host name or address with an optional port; mend its value.",
            Self::LengthWithCoding => {
                "`Content-Length` and `Transfer-Encoding` stand in one message; send only one of them."
            }
            Self::ManyLengths => "`Content-Length` stands there more than once; send it once.",
            Self::BadLength => {
                "`Content-Length` is not a plain decimal number; send digits only, without leading zeros."
            }
            Self::BadCoding => "`Transfer-Encoding` is not exactly one `chunked`; other codings are not accepted.",
            Self::CodingInOldVersion => {
                "`Transfer-Encoding` does not exist in HTTP/1.0; send `Content-Length`, or use HTTP/1.1."
            }
            Self::Expectation => "The header `Expect` asks for something other than `100-continue`; leave it out.",
            Self::InterimBody => "An interim answer states a body; it cannot have one.",
            Self::Upgraded => "The answer switches to another protocol, which nobody asked for.",
            Self::BadChunkSize => {
                "A chunk size in the body is not 1 to 16 hexadecimal digits ended by CR LF; write nothing else before its end."
            }
            Self::BadExtension => "A chunk extension in the body has a control character; leave chunk extensions out.",
            Self::ExtensionTooLong => "The chunk extensions in the body are too long; leave them out.",
            Self::BadChunkEnd => "The data of a chunk in the body is not followed by CR LF; its stated size is wrong.",
            Self::BadTrailer => "A trailer line after the body is malformed; write `name: value` ended by CR LF.",
            Self::TrailersTooLarge => "The trailers after the body are larger than 8192 bytes; send fewer.",
            Self::HeadTooLarge(_)
            | Self::TooManyLines(_)
            | Self::TargetTooLong(_)
            | Self::BareLineFeed(_)
            | Self::BareCarriageReturn(_)
            | Self::ControlCharacter(_)
            | Self::BadStatus(_)
            | Self::Folded(_)
            | Self::SpaceBeforeColon(_)
            | Self::NoColon(_)
            | Self::BadName(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_and_a_provider_are_told_apart() {
        let fault = Fault::from(Refusal::BareLineFeed(3));
        assert_eq!(
            (fault.kind(), fault.message()),
            (Kind::BadFraming, "Line 3 of the head ends in LF alone; end every line in CR LF.",)
        );
        let fault = Refusal::BadLength.as_upstream_fault();
        assert_eq!(fault.kind(), Kind::UpstreamGarbled);
        assert!(fault.cause().is_some_and(|cause| cause.contains("Content-Length")));
        assert!(!fault.message().contains("Content-Length"));
    }
}
