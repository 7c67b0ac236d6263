"""What each class of failed call means, and what to do about it; one line each."""

from __future__ import annotations

LONGEST = 160
"""Characters of an example that shares its line."""

CLASSES: dict[str, tuple[str, str]] = {
    "refused": ("the connection was refused", "is the target still running, and is this its port?"),
    "closed": (
        "the connection was closed before the answer",
        "look into the target's log: it may have crashed or be full",
    ),
    "timeout": (
        "no whole answer within --timeout",
        "the target hangs or is overloaded: lower --rate, or raise --timeout",
    ),
    "status": ("an HTTP status that is no success", "see the example; 401 wants --key, 404 a --url that ends with /v1"),
    "garbled": ("the answer's framing breaks HTTP/1.1", "does an HTTP server answer at --url, and not one of TLS?"),
    "not_json": ("the answer is no JSON", "HTML comes from a web page or a proxy's error: check --url and its /v1"),
    "not_events": ("the answer to a stream is no event stream", "does the target stream? try it without --stream"),
    "cut": ("the answer broke off before its end", "the target or its provider broke off: look into its log"),
    "error_event": ("a stream held an error event", "the example is what the target or its provider said of it"),
    "no_end": (
        "a stream ended without its closing event",
        "the target ends its streams early, or in a way of its own: [DONE] or response.completed is missing",
    ),
    "wrong_body": ("the answer is not the bytes expected", "compare the example with the file of --expect-body"),
    "wrong_text": ("the text is not the one expected", "compare the example with --expect-text"),
    "wrong_frames": ("a stream of another number of events", "events were lost, merged or added on the way"),
    "wrong_usage": ("the answer's usage is not the one expected", "compare the example with --expect-tokens"),
    "unsent": ("never sent: no connection was free in time", "raise --connections, or lower --rate"),
    "descriptors": ("no file descriptor was left", "raise the limit with `ulimit -n 65536`, or lower --connections"),
    "resolve": ("the host's name was not found", "check the host in --url"),
    "tls": ("TLS could not be agreed on", "name the certificate's authority with --ca-file, or use --insecure"),
}


def meaning(kind: str) -> str:
    """What a class is."""
    return CLASSES.get(kind, (kind.replace("_", " "), ""))[0]


def whole(kind: str, example: str = "") -> str:
    """A class, what it is, the first of its calls and what to do, on one line."""
    shown = f" ({example if len(example) <= LONGEST else example[:LONGEST] + '…'})" if example else ""
    said = advice(kind, example)
    return f"{kind}: {meaning(kind)}{shown}" + (f": {said}" if said else "")


def advice(kind: str, example: str = "") -> str:
    """What to do about a class; the example of a bad status says more than its class."""
    if kind == "status":
        for start, text in _STATUS.items():
            if example.startswith(f"HTTP {start}"):
                return text
    return CLASSES.get(kind, ("", ""))[1]


_STATUS = {
    "400": "the target does not take this body: see the example, then --model, --path or --body",
    "401": "the target wants another key: --key, or OPENAI_API_KEY",
    "403": "this key may not do that: try another --key or --model",
    "404": "no such path or model: --url ends with /v1 at most gateways; --model names one that the target has",
    "413": "the body is too large for the target: lower --prompt-bytes",
    "429": "the target or its provider limits the rate: lower --rate, or raise the limit",
    "3": "the target redirects: give the address it names as --url",
    "5": "the target or its provider fails: look into its log",
}
