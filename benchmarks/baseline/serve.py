"""The path of a call: the stages in order."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import TYPE_CHECKING, Final

from benchmarks.baseline import answers, attempt, body, paths
from benchmarks.baseline.attempt import Outgoing
from benchmarks.baseline.deadlines import Clock
from benchmarks.baseline.faults import DRAIN_CUT, Fault
from benchmarks.baseline.form import scan_form
from benchmarks.baseline.forward import BrokenOffError, Forward
from benchmarks.baseline.phase import Phase
from benchmarks.baseline.scan import Named, is_json, scan_json

if TYPE_CHECKING:
    from aiohttp import web

    from benchmarks.baseline.answers import Lines
    from benchmarks.baseline.record import Record, Records
    from benchmarks.baseline.routing import Route
    from benchmarks.baseline.snapshot import Snapshot
    from headgate.plan.document import Key


MAX_TARGET: Final = 8192


class Gateway:
    """Answers calls."""

    def __init__(self, snapshot: Snapshot, records: Records) -> None:
        self.snapshot = snapshot
        self.records = records
        self.phase = Phase()
        self._open: set[asyncio.Task[object]] = set()

    def cut(self) -> None:
        """Ends all open calls: the drain's grace is over."""
        self.phase.cut = True
        for task in self._open:
            task.cancel()

    async def call(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one call."""
        record = self.records.open()
        snapshot = self.snapshot
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        origin = snapshot.admission.listed_origin(request.headers)
        extra = [] if origin is None else _page(origin)
        try:
            response = await self._answer(snapshot, request, record, extra)
        except Fault as fault:
            response = answers.refuse(fault, record, extra)
        except BrokenOffError:
            raise
        except ConnectionError:
            record.client_gone()
            raise BrokenOffError from None
        except asyncio.CancelledError:
            if not self.phase.cut:
                record.client_gone()
                raise
            task.uncancel()
            response = answers.refuse(Fault("drain_cut", DRAIN_CUT), record, extra)
        except Exception as error:  # noqa: BLE001 - the edge: a defect of ours is an answer too
            traceback.print_exc(file=sys.stderr)
            response = answers.refuse(Fault("internal", "A defect of this gateway", cause=error), record, extra)
        finally:
            self._open.discard(task)
        if self.phase.closing and not response.prepared:  # what was promised in a head that has left is kept
            response.force_close()
        return response

    def refuse(self, fault: Fault) -> web.Response:
        """Answers what never became a call."""
        return answers.refuse(fault, self.records.open(), [])

    async def _answer(
        self, snapshot: Snapshot, request: web.BaseRequest, record: Record, extra: Lines
    ) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return answers.options(record, request, extra)
        index = snapshot.admission.admit(request.headers, unix=_over_unix(request))
        key = None if index is None else snapshot.plan.keys[index]
        record.key = None if key is None else key.name
        path = request.rel_url.raw_path
        if len(request.path_qs) > MAX_TARGET:
            raise Fault("target_too_long", f"The request target is longer than {MAX_TARGET} bytes")
        row = paths.find(request.method, path)
        anthropic = "anthropic-version" in request.headers
        if row is paths.MODELS:
            listed = snapshot.routes.names(key)
            return answers.own(record, answers.models(listed, anthropic=anthropic), extra)
        if row is paths.MODEL:
            name = paths.model_id(path) or ""
            snapshot.routes.find(name, key)
            return answers.own(record, answers.model(name, anthropic=anthropic), extra)
        answer = await _Call(snapshot, request, record, row, key).send()
        return await Forward(request, answer, record, self.phase).run(row.stream, extra)


class _Call:
    """A call that was let in, and whose row in the table of paths is known."""

    def __init__(
        self, snapshot: Snapshot, request: web.BaseRequest, record: Record, row: paths.Row, key: Key | None
    ) -> None:
        self._snapshot = snapshot
        self._request = request
        self._record = record
        self._row = row
        self._key = key
        self._opened = asyncio.get_running_loop().time()

    async def send(self) -> attempt.Answer:
        if self._row.model is None:
            return await self._pass()
        named = await self._read()
        if named.model is None and self._row.optional and self._snapshot.plan.passthrough is not None:
            self._check_passthrough()
            outgoing = Outgoing(self._request, lambda _: named.body)
            return await self._run(self._snapshot.routes.passthrough(), outgoing, streamed=False)
        if named.model is None:
            raise Fault("model_missing", "the body has no `model`: name the model to call", param="model")
        outgoing = Outgoing(self._request, lambda candidate: named.with_model(candidate.model))
        route = self._snapshot.routes.find(named.model, self._key)
        return await self._run(route, outgoing, streamed=named.stream)

    async def _read(self) -> Named:
        content_type = self._request.headers.get("Content-Type")
        as_json = self._row.model != "form" and is_json(content_type)
        if self._row.model == "json" and not as_json:
            raise Fault(
                "media_type_unsupported",
                "this path takes JSON: send `content-type: application/json` and a JSON object as the body",
            )
        if self._request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Fault(
                "encoding_unsupported",
                "Compressed request bodies are not taken: send the body as it is, without `content-encoding`",
            )
        http = self._snapshot.plan.http
        body.check_length(self._request, http.max_body_bytes, "http.max_body")
        body.expected(self._request)
        whole = await body.read(self._request, http.max_body_bytes, http.read_gap_ms / 1000, self._record)
        return scan_json(whole) if as_json else scan_form(whole, content_type or "")

    async def _pass(self) -> attempt.Answer:
        """Sends a call that names no model, its body as it comes."""
        self._check_passthrough()
        route = self._snapshot.routes.passthrough()
        if not self._request.body_exists:
            return await self._run(route, Outgoing(self._request, lambda _: None), streamed=False)
        http = self._snapshot.plan.http
        body.check_length(self._request, http.max_upload_bytes, "http.max_upload")
        body.expected(self._request)
        upload = body.Upload(self._request, http.max_upload_bytes, http.read_gap_ms / 1000, self._record)
        return await self._run(route, Outgoing(self._request, lambda _: upload.pieces(), upload), streamed=False)

    async def _run(self, route: Route, outgoing: Outgoing, *, streamed: bool) -> attempt.Answer:
        self._record.series = self._snapshot.meters.calls_of(route.label, self._row.name, streamed)
        clock = Clock(route.timeouts, streamed and self._row.stream is not None, self._opened)
        return await attempt.run(route, outgoing, clock, self._record)

    def _check_passthrough(self) -> None:
        if self._key is not None and not self._key.passthrough:
            raise Fault(
                "passthrough_forbidden",
                "This key may not make calls that name no model: its entry in the policy must say `passthrough: true`",
            )


def _over_unix(request: web.BaseRequest) -> bool:
    return not isinstance(request.get_extra_info("peername"), tuple)


def _page(origin: str) -> Lines:
    """Lets the page of a listed origin read the reply."""
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "*"),
        ("Vary", "origin"),
    ]
