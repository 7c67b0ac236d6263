//! What is to be sent.

use crate::lines::ProviderLines;
use bytes::Bytes;
use http1::{RequestHead, Source};

/// The header line that tells whoever is asked how long the one who asks waits, in milliseconds.
pub const TIMEOUT_HEADER: &str = "headgate-timeout-ms";

/// One request to one endpoint.
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a [u8],
    /// What follows the endpoint's base path, with the query: `/chat/completions`.
    pub path: &'a [u8],
    /// The caller's head. What may go on of its lines goes on; method and target are not read.
    pub head: &'a RequestHead,
    /// The provider's own lines.
    pub provider: &'a ProviderLines,
    /// Which of its credentials to show, where it has any.
    pub credential: usize,
    /// How long the provider has for its answer, in milliseconds, at least 1; it is told so.
    pub left_ms: u64,
    /// The body.
    pub body: OutgoingBody<'a>,
}

/// The body of a request.
pub enum OutgoingBody<'a> {
    /// None.
    None,
    /// All of it, in order; it can be sent more than once.
    Pieces(&'a [Bytes]),
    /// As it arrives. It is sent at most once, and no faster than the provider reads.
    Stream {
        /// Where it comes from.
        source: &'a mut dyn Source,
        /// How long it is, where that is known; it is sent in chunks otherwise.
        length: Option<u64>,
    },
}

impl std::fmt::Debug for OutgoingBody<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Pieces(pieces) => write!(f, "Pieces({})", pieces.len()),
            Self::Stream { length, .. } => f.debug_struct("Stream").field("length", length).finish_non_exhaustive(),
        }
    }
}
