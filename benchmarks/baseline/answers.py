"""Answers of our own: refusals, the list of models, `OPTIONS`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict

from benchmarks.baseline import paths
from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.baseline.record import Record

Lines = list[tuple[str, str]]


def ours(record: Record) -> Lines:
    """The lines that every reply has."""
    return [
        ("headgate-request-id", record.id),
        ("headgate-attempts", str(len(record.attempts))),
        ("Server", "headgate-baseline"),
    ]


def refuse(fault: Fault, record: Record, extra: Lines) -> web.Response:
    """Tells the caller of a fault, and closes the record."""
    lines = CIMultiDict(
        [
            *ours(record),
            *extra,
            ("Content-Type", "application/json"),
            ("x-request-id", record.id),
            ("x-should-retry", "true" if fault.should_retry else "false"),
        ]
    )
    if fault.code == "method_not_allowed":
        lines.add("Allow", fault.message.rpartition("it has ")[2])
    if fault.code == "invalid_api_key":
        lines.add("WWW-Authenticate", "Bearer")
    record.refused(fault)
    response = web.Response(status=fault.row.status, body=fault.body(record.id), headers=lines)
    if fault.row.closes:
        response.force_close()
    return response


def own(record: Record, value: object, extra: Lines) -> web.Response:
    """An answer of ours that is JSON; closes the record."""
    body = json.dumps(value, separators=(",", ":")).encode()
    lines = CIMultiDict([*ours(record), *extra, ("Content-Type", "application/json"), ("x-request-id", record.id)])
    record.answers(200)
    record.response_bytes = len(body)
    record.close()
    return web.Response(body=body, headers=lines)


def options(record: Record, request: web.BaseRequest, extra: Lines) -> web.Response:
    """The methods of a path, for a web page too."""
    allow = paths.allow(request.rel_url.raw_path)
    if request.rel_url.raw_path == "*":
        allow = "GET, POST, DELETE, OPTIONS"
    if not allow:
        raise Fault("unknown_path", paths.why_unknown(request.rel_url.raw_path))
    lines = CIMultiDict([*ours(record), *extra, ("x-request-id", record.id), ("Allow", allow)])
    if "Origin" in request.headers:
        asked = request.headers.get("Access-Control-Request-Headers", "authorization, content-type")
        lines.extend(
            [
                ("Access-Control-Allow-Methods", allow),
                ("Access-Control-Allow-Headers", asked),
                ("Access-Control-Max-Age", "600"),
            ]
        )
    record.answers(204)
    record.close()
    return web.Response(status=204, headers=lines)


def model(name: str, *, anthropic: bool) -> dict[str, object]:
    """One model of the list."""
    if anthropic:
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": "headgate"}


def models(names: Iterable[str], *, anthropic: bool) -> dict[str, object]:
    """The list of models, in OpenAI's shape or in Anthropic's."""
    data = [model(name, anthropic=anthropic) for name in names]
    if not anthropic:
        return {"object": "list", "data": data}
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}
