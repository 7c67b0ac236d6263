//! The closed set of kinds and their one table.

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The call as it was sent.
    Caller,
    /// This gateway: its policy, its state, its limits.
    Gateway,
    /// The provider, or the way to it.
    Upstream,
}

/// Whether trying again can help, and who should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call fails the same way.
    Never,
    /// Nothing irrevocable happened; the gateway has no better place to go, the caller may try again later.
    Later,
    /// Another endpoint or deployment may do better; nothing has left for a provider.
    Elsewhere,
}

/// What the caller's library should make of it; a dialect maps each to its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The call is malformed.
    InvalidRequest,
    /// No key, or a wrong one.
    Authentication,
    /// A valid caller asks for what it may not have.
    Permission,
    /// A path, a method or a model that is not there.
    NotFound,
    /// Too long, too large.
    TooLarge,
    /// The caller was too slow.
    Timeout,
    /// Too many calls in a while.
    RateLimited,
    /// An amount of tokens or money is spent.
    QuotaSpent,
    /// The gateway cannot take the call now.
    Unavailable,
    /// A provider failed.
    UpstreamError,
    /// A provider was too slow.
    UpstreamTimeout,
    /// A defect of the gateway.
    Internal,
}

/// What a kind means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Who is to blame.
    pub origin: Origin,
    /// The HTTP status while there is still a head to send; 400..=599.
    pub status: u16,
    /// What the caller's library should make of it.
    pub class: Class,
    /// A stable word for programs, `snake_case`.
    pub code: &'static str,
    /// Whether trying again can help.
    pub retry: Retry,
    /// Whether the connection must end with the answer: what follows on it cannot be trusted.
    pub closes: bool,
}

/// Declares [`Kind`] and its table together, so that neither can name a kind that the other lacks.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident: $origin:ident, $status:literal, $class:ident, $code:literal, $retry:ident $(, $closes:ident)?;)+) => {
        /// Every way to fail. The documentation of a kind says when it happens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])+ $kind),+ }

        impl Kind {
            /// All kinds, in the order of the path of a call.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// What this kind means.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row {
                        origin: Origin::$origin, status: $status, class: Class::$class, code: $code,
                        retry: Retry::$retry, closes: kinds!(@closes $($closes)?),
                    }),+
                }
            }

            /// The kind's name, for logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),+ }
            }
        }
    };
    (@closes closes) => { true };
    (@closes) => { false };
}

kinds! {
    // listener
    /// Framing that two programs could read differently: lengths, transfer codings, line ends, characters.
    BadFraming: Caller, 400, InvalidRequest, "bad_framing", Never, closes;
    /// The request target is longer than allowed.
    TargetTooLong: Caller, 414, TooLarge, "target_too_long", Never, closes;
    /// The head of the request is larger than `http.max_head`, or has too many lines.
    HeadTooLarge: Caller, 431, TooLarge, "head_too_large", Never, closes;
    /// An HTTP version that we do not speak.
    VersionUnsupported: Caller, 505, InvalidRequest, "version_unsupported", Never, closes;
    /// An expectation other than `100-continue`.
    ExpectationFailed: Caller, 417, InvalidRequest, "expectation_failed", Never, closes;
    /// The body is larger than `http.max_body` or `http.max_upload`.
    BodyTooLarge: Caller, 413, TooLarge, "body_too_large", Never, closes;
    /// The head or the body stopped arriving for longer than `http.read_gap`.
    RequestTimeout: Caller, 408, Timeout, "request_timeout", Later, closes;
    /// More connections than `http.max_connections`.
    TooManyConnections: Gateway, 503, Unavailable, "too_many_connections", Later, closes;
    /// The caller went away before its answer was whole. Nobody sees the status; the log and the metrics do.
    ClientGone: Caller, 499, Timeout, "client_gone", Never, closes;

    // admission
    /// A web page of another origin called, and the policy does not list it.
    OriginForbidden: Caller, 403, Permission, "origin_forbidden", Never;
    /// Without keys only this machine may call, and the `Host` says otherwise.
    HostForbidden: Caller, 403, Permission, "host_forbidden", Never;
    /// No key, or one that is not known. The caller is not told which.
    KeyRejected: Caller, 401, Authentication, "invalid_api_key", Never;
    /// What says who is behind the call is too long, or no text.
    IdentityInvalid: Caller, 400, InvalidRequest, "identity_invalid", Never;
    /// The key is not allowed to make calls that name no model.
    PassthroughForbidden: Caller, 404, NotFound, "passthrough_forbidden", Never;
    /// The gateway is draining: it takes no new calls on this connection.
    Draining: Gateway, 503, Unavailable, "draining", Later, closes;

    // protocol
    /// A path that no dialect has, or whose calls have nowhere to go under this policy.
    UnknownPath: Caller, 404, NotFound, "unknown_path", Never;
    /// A known path with a method that it does not have.
    MethodNotAllowed: Caller, 405, InvalidRequest, "method_not_allowed", Never;
    /// A compressed request body: the gateway does not look inside one.
    EncodingUnsupported: Caller, 415, InvalidRequest, "encoding_unsupported", Never;
    /// A body of another media type than the path takes.
    MediaTypeUnsupported: Caller, 415, InvalidRequest, "media_type_unsupported", Never;
    /// What `headgate-timeout-ms` says is not a time.
    TimeoutInvalid: Caller, 400, InvalidRequest, "timeout_invalid", Never;
    /// The body is not JSON as far as it was read, or not one object.
    BodyNotJson: Caller, 400, InvalidRequest, "invalid_json", Never;
    /// The body nests deeper than allowed.
    BodyTooDeep: Caller, 400, InvalidRequest, "body_too_deep", Never;
    /// The same top-level key twice: programs differ on which one counts.
    DuplicateKey: Caller, 400, InvalidRequest, "duplicate_key", Never;
    /// What was read of the body is not UTF-8.
    BodyNotUtf8: Caller, 400, InvalidRequest, "invalid_utf8", Never;
    /// A multipart body that does not hold together.
    BadMultipart: Caller, 400, InvalidRequest, "invalid_multipart", Never;
    /// The field `model` is absent.
    ModelMissing: Caller, 400, InvalidRequest, "model_missing", Never;
    /// The field `model`, or another that was read, has the wrong type or is empty.
    ModelInvalid: Caller, 400, InvalidRequest, "model_invalid", Never;

    // plan
    /// No alias, deployment or known model of that name, for this caller.
    ModelUnknown: Caller, 404, NotFound, "model_not_found", Never;
    /// As much is open as the gateway takes: calls, streams, bytes of bodies, or file descriptors.
    Overloaded: Gateway, 503, Unavailable, "overloaded", Later;
    /// The journal has no room for the call, and the policy says that such calls are not served.
    JournalFull: Gateway, 503, Unavailable, "journal_full", Later;
    /// The prompt is longer than the context of every model that the call could go to.
    NoTargetFits: Caller, 400, TooLarge, "context_too_long", Never;
    /// The call needs what no model that it could go to can do: `capabilities` in the policy says so.
    CapabilityMissing: Caller, 400, InvalidRequest, "capability_missing", Never;

    // limits
    /// As many requests or tokens in a while as the policy allows, or as many calls at once.
    RateLimited: Caller, 429, RateLimited, "rate_limit_exceeded", Later;
    /// All the tokens or all the money that the policy allows, in a window or for ever.
    QuotaSpent: Caller, 429, QuotaSpent, "insufficient_quota", Never;
    /// The same, where somebody can grant more: the sentence has the id of the approval.
    ApprovalNeeded: Caller, 402, QuotaSpent, "approval_required", Never;
    /// One call asks for more tokens than the policy allows in one.
    CallTooLarge: Caller, 400, InvalidRequest, "call_too_large", Never;

    // upstream
    /// No target of the model is in service: each failed too often lately, or has a limit or a credential to wait for.
    BreakerOpen: Upstream, 503, Unavailable, "provider_unavailable", Later;
    /// The provider said that it is asked too much, and the wait is too long to be waited out here.
    ProviderBusy: Upstream, 429, RateLimited, "provider_busy", Later;
    /// The provider's address could not be found.
    ResolveFailed: Upstream, 502, UpstreamError, "provider_unresolved", Elsewhere;
    /// The provider's address is one that calls never go to.
    EgressRefused: Gateway, 502, UpstreamError, "egress_refused", Elsewhere;
    /// The provider refused the connection, or the way to it failed.
    ConnectFailed: Upstream, 502, UpstreamError, "provider_unreachable", Elsewhere;
    /// No connection within `timeouts.connect`.
    ConnectTimeout: Upstream, 504, UpstreamTimeout, "connect_timeout", Elsewhere;
    /// TLS with the provider failed.
    TlsFailed: Upstream, 502, UpstreamError, "provider_tls_failed", Elsewhere;
    /// The provider closed the connection before it answered.
    UpstreamClosed: Upstream, 502, UpstreamError, "provider_closed", Later;
    /// The provider's answer is not HTTP as we accept it.
    UpstreamGarbled: Upstream, 502, UpstreamError, "provider_garbled", Later;
    /// The provider refused the credential that we showed it (401). The caller's own key is fine.
    CredentialRejected: Upstream, 502, UpstreamError, "provider_credential_rejected", Never;
    /// One try took longer than `timeouts.attempt`.
    AttemptTimeout: Upstream, 504, UpstreamTimeout, "attempt_timeout", Later;
    /// The call took longer than `timeouts.total`, a stream longer than `timeouts.stream_total`, or either longer than the
    /// caller's own `headgate-timeout-ms`.
    TotalTimeout: Upstream, 504, UpstreamTimeout, "total_timeout", Later;
    /// No content within `timeouts.first_token`.
    FirstTokenTimeout: Upstream, 504, UpstreamTimeout, "first_token_timeout", Later;

    // stream
    /// No content for longer than `timeouts.idle` within a stream.
    IdleTimeout: Upstream, 504, UpstreamTimeout, "idle_timeout", Later;
    /// The provider's answer ended before it was whole.
    StreamCut: Upstream, 502, UpstreamError, "stream_cut", Later;
    /// No stream can be taken up again there: nobody has begun one under that id, another key has, or it is over for
    /// too long.
    StreamNotFound: Caller, 404, NotFound, "stream_not_found", Never;
    /// What followed the event that a stream is to be taken up after is no longer kept.
    StreamOutrun: Caller, 410, NotFound, "stream_outrun", Never;
    /// The caller did not read its answer for longer than the write limit.
    ClientStalled: Caller, 499, Timeout, "client_stalled", Never, closes;

    // gateway
    /// The drain's grace ended while the call was open.
    DrainCut: Gateway, 503, Unavailable, "drain_cut", Later, closes;
    /// A defect of ours. The log has the cause.
    Internal: Gateway, 500, Internal, "internal", Later, closes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_has_its_own_code_and_a_status_of_an_error() {
        let codes: HashSet<_> = Kind::ALL.iter().map(|kind| kind.row().code).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let row = kind.row();
            assert!((400..=599).contains(&row.status), "{}", kind.name());
            assert!(
                row.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{}",
                row.code
            );
        }
    }

    #[test]
    fn only_what_never_left_may_go_elsewhere() {
        for kind in Kind::ALL.iter().filter(|kind| kind.row().retry == Retry::Elsewhere) {
            assert_ne!(kind.row().origin, Origin::Caller, "{}: a caller's fault is the same everywhere", kind.name());
        }
    }
}
