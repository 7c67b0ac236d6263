"""One call of an agent: sent, read as it comes, checked, and written to locust's statistics."""

from __future__ import annotations

import itertools
import json
import os
import random
import ssl
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust import FastHttpUser
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, ResponseContextManager

from benchmarks.locust.options import Settings, settings
from benchmarks.locust.stream import Answer, WrongAnswer, error_code, read_stream, read_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from locust.env import Environment

_numbers = itertools.count()


@cache
def _tls() -> ssl.SSLContext:
    """One context for all users: reading the system's certificates takes longer than a call."""
    return ssl.create_default_context()


def _headers() -> dict[str, str]:
    key = os.environ.get("OPENAI_API_KEY")
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    return {"Content-Type": "application/json", "Accept-Encoding": "identity", **shown}


class Agent(FastHttpUser):
    """A user that makes chat completions. What an agent does between them is a matter of the classes in `agents.py`."""

    abstract = True
    insecure = False
    ssl_context_factory = staticmethod(_tls)
    network_timeout = 60.0
    """Seconds without a byte, after which a call has failed."""
    max_redirects = 0
    """The key is for the host alone."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        assert environment.parsed_options is not None
        self.settings: Settings = settings(environment.parsed_options)
        self.random = random.Random(next(_numbers))
        host = (self.host or "").rstrip("/")
        self.client.base_url = host if host.endswith("/v1") else f"{host}/v1"
        self.headers = _headers()

    def wait_time(self) -> float:
        """Seconds before the next call: exponential, as independent arrivals have it, and five means at most."""
        mean = self.settings.think_s
        return min(self.random.expovariate(1 / mean), 5 * mean)

    def call(
        self, name: str, body: dict[str, Any], check: Callable[[Answer], None] = lambda answer: None
    ) -> Answer | None:
        """Makes a call under the name of its row; None when it failed. `check` raises for an answer that is wrong."""
        if body["stream"]:
            body = {**body, "stream_options": {"include_usage": True}}
        if self.settings.max_tokens:
            body = {**body, "max_completion_tokens": self.settings.max_tokens}
        data = json.dumps(body)
        start = perf_counter()
        with self.client.post(
            "/chat/completions", name=name, data=data, headers=self.headers, stream=True, catch_response=True
        ) as response:
            answer = None
            try:
                answer = _read(response, streamed=body["stream"])
                check(answer)
            except WrongAnswer as wrong:
                answer = None
                response.failure(wrong)
            response.request_meta["response_time"] = (perf_counter() - start) * 1000
            response.request_meta["response_length"] = len(answer.text) if answer else 0
        if answer is not None:
            self._measure(name, answer, start)
        return answer

    def fail(self, name: str, why: WrongAnswer) -> None:
        """Counts a failure that is not one call's."""
        self.environment.events.request.fire(
            request_type="TASK", name=name, response_time=None, response_length=0, exception=why, context={}
        )

    def _measure(self, name: str, answer: Answer, start: float) -> None:
        """Writes what locust has no column for into rows of its own."""
        values = {"tokens": float(answer.output_tokens)}
        if answer.first_s is not None and answer.last_s is not None:
            values["ttft"] = (answer.first_s - start) * 1000
            if answer.output_tokens > 1:
                values["tpot"] = (answer.last_s - answer.first_s) * 1000 / (answer.output_tokens - 1)
        for kind, value in values.items():
            entry = self.environment.stats.entries[(name, kind)]
            entry.log(value, 0)


def _read(response: ResponseContextManager, *, streamed: bool) -> Answer:
    """Reads an answer to its last byte."""
    if response.status_code == 0:
        raise WrongAnswer(f"no answer: {_reason(getattr(response, 'error', None))}")
    try:
        if response.status_code != 200:
            raise WrongAnswer(f"HTTP {response.status_code}: {error_code(response.content or b'')}")
        _expect(response, "text/event-stream" if streamed else "application/json")
        return read_stream(_lines(response), perf_counter) if streamed else read_whole(_body(response))
    except FAILURE_EXCEPTIONS as broken:
        raise WrongAnswer(f"cut: {_reason(broken)}") from None


def _expect(response: ResponseContextManager, wanted: str) -> None:
    found = str(response.headers.get("content-type", "none") if response.headers else "none").partition(";")[0]
    if found != wanted:
        raise WrongAnswer(f"content-type {found} instead of {wanted}")


def _lines(response: ResponseContextManager) -> Iterator[bytes]:
    """The lines of a body as they arrive. `iter_content` would wait for a whole block, and take a cut for the end."""
    assert response._response is not None
    while line := response._response.readline(b"\n"):
        yield line


def _body(response: ResponseContextManager) -> bytes:
    assert response._response is not None
    return response._response.read()


def _reason(error: BaseException | None) -> str:
    """What broke a call, without what differs from call to call."""
    if isinstance(error, TimeoutError):
        return f"nothing came for {Agent.network_timeout:g} s"
    if isinstance(error, HTTPConnectionClosed):
        return "the connection was closed"
    if isinstance(error, HTTPParseError):
        return f"broken HTTP: {error.args[0] if error.args else 'no reason'}"
    return (getattr(error, "strerror", None) or str(error)) if error else "no reason"
