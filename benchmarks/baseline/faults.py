"""Every way to fail: docs/faults.md as a table, and its rendering in OpenAI's shape."""

from __future__ import annotations

import json
from typing import Final, Literal, NamedTuple

Origin = Literal["caller", "gateway", "upstream"]
Retry = Literal["never", "later", "elsewhere"]


class Row(NamedTuple):
    """What is decided once for a code."""

    status: int
    origin: Origin
    retry: Retry
    closes: bool = False


ROWS: Final[dict[str, Row]] = {
    "bad_framing": Row(400, "caller", "never", closes=True),
    "target_too_long": Row(414, "caller", "never", closes=True),
    "head_too_large": Row(431, "caller", "never", closes=True),
    "version_unsupported": Row(505, "caller", "never", closes=True),
    "expectation_failed": Row(417, "caller", "never", closes=True),
    "body_too_large": Row(413, "caller", "never", closes=True),
    "request_timeout": Row(408, "caller", "later", closes=True),
    "too_many_connections": Row(503, "gateway", "later", closes=True),
    "client_gone": Row(499, "caller", "never", closes=True),
    "origin_forbidden": Row(403, "caller", "never"),
    "host_forbidden": Row(403, "caller", "never"),
    "invalid_api_key": Row(401, "caller", "never"),
    "identity_invalid": Row(400, "caller", "never"),
    "passthrough_forbidden": Row(404, "caller", "never"),
    "draining": Row(503, "gateway", "later", closes=True),
    "unknown_path": Row(404, "caller", "never"),
    "method_not_allowed": Row(405, "caller", "never"),
    "encoding_unsupported": Row(415, "caller", "never"),
    "media_type_unsupported": Row(415, "caller", "never"),
    "invalid_json": Row(400, "caller", "never"),
    "body_too_deep": Row(400, "caller", "never"),
    "duplicate_key": Row(400, "caller", "never"),
    "invalid_utf8": Row(400, "caller", "never"),
    "invalid_multipart": Row(400, "caller", "never"),
    "model_missing": Row(400, "caller", "never"),
    "model_invalid": Row(400, "caller", "never"),
    "model_not_found": Row(404, "caller", "never"),
    "overloaded": Row(503, "gateway", "later"),
    "journal_full": Row(503, "gateway", "later"),
    "context_too_long": Row(400, "caller", "never"),
    "capability_missing": Row(400, "caller", "never"),
    "timeout_invalid": Row(400, "caller", "never"),
    "rate_limit_exceeded": Row(429, "caller", "later"),
    "insufficient_quota": Row(429, "caller", "never"),
    "approval_required": Row(402, "caller", "never"),
    "call_too_large": Row(400, "caller", "never"),
    "provider_unavailable": Row(503, "upstream", "later"),
    "provider_busy": Row(429, "upstream", "later"),
    "provider_unresolved": Row(502, "upstream", "elsewhere"),
    "egress_refused": Row(502, "gateway", "elsewhere"),
    "provider_unreachable": Row(502, "upstream", "elsewhere"),
    "connect_timeout": Row(504, "upstream", "elsewhere"),
    "provider_tls_failed": Row(502, "upstream", "elsewhere"),
    "provider_closed": Row(502, "upstream", "later"),
    "provider_garbled": Row(502, "upstream", "later"),
    "provider_credential_rejected": Row(502, "upstream", "never"),
    "attempt_timeout": Row(504, "upstream", "later"),
    "total_timeout": Row(504, "upstream", "later"),
    "first_token_timeout": Row(504, "upstream", "later"),
    "idle_timeout": Row(504, "upstream", "later"),
    "stream_cut": Row(502, "upstream", "later"),
    "stream_not_found": Row(404, "caller", "never"),
    "stream_outrun": Row(410, "caller", "never"),
    "client_stalled": Row(499, "caller", "never", closes=True),
    "drain_cut": Row(503, "gateway", "later", closes=True),
    "internal": Row(500, "gateway", "later", closes=True),
}


class Fault(Exception):
    """A failure: its code, a sentence for the caller, and a cause for the log alone."""

    def __init__(self, code: str, message: str, *, param: str | None = None, cause: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.cause = None if cause is None else str(cause)
        self.row = ROWS[code]

    @property
    def should_retry(self) -> bool:
        """Whether the caller's library should try again by itself."""
        return self.row.retry == "later" or (self.row.retry == "elsewhere" and self.row.origin == "upstream")

    def error(self, request_id: str) -> dict[str, str | None]:
        """The error object."""
        server = self.row.status >= 500 and self.row.status != 505
        return {
            "message": self.message,
            "type": "server_error" if server else "invalid_request_error",
            "param": self.param,
            "code": self.code,
            "request_id": request_id,
        }

    def body(self, request_id: str) -> bytes:
        """The body of an answer that is this fault."""
        return _json({"error": self.error(request_id)})


DRAIN_CUT: Final = "The gateway is shutting down: send the call again"


def event(fault: Fault, request_id: str, number: int | None) -> bytes:
    """The event that ends a stream with a fault; `number` where the events of that stream are named and numbered."""
    if number is None:
        return b"data: " + fault.body(request_id) + b"\n\n"
    error = fault.error(request_id)
    flat = {name: error[name] for name in ("code", "message", "param")}
    data = _json({"type": "error", "sequence_number": number, **flat, "error": error})
    return b"event: error\ndata: " + data + b"\n\n"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
