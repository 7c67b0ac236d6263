"""Every fault that a caller can meet is provoked by a test of this folder, or it is said why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import BEARER
from tests.harness.gateway import ROOT, Gateway
from tests.harness.provider import Provider

ELSEWHERE = {
    "too_many_connections": "connections from loopback are not counted: rust/listener",
    "client_stalled": "takes a minute of a clock that is not paused: rust/listener",
    "provider_unresolved": "needs a name server that answers: rust/upstream",
    "internal": "nothing is known that provokes it",
}


def test_every_code_is_provoked_or_excused() -> None:
    documented = set(re.findall(r"^\| `([a-z0-9_]+)` \|", (ROOT / "docs/faults.md").read_text(encoding="utf-8"), re.M))
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    provoked = {code for code in documented if f'"{code}"' in tests and code not in ELSEWHERE}
    assert len(documented) > 30
    assert documented - provoked == ELSEWHERE.keys()


FORM = "multipart/form-data; boundary=b"
MODEL = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nchat'
OTHER = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1'


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b'{"model":"chat"}', 415, "media_type_unsupported"),
        ("text/plain", b"model=chat", 415, "media_type_unsupported"),
        ("multipart/form-data", MODEL + b"\r\n--b--\r\n", 400, "invalid_multipart"),
        (FORM, b"no boundary at all", 400, "invalid_multipart"),
        (FORM, MODEL, 400, "invalid_multipart"),
        (FORM, OTHER + b"\r\n--b--\r\n", 400, "model_missing"),
    ],
    ids=["JSON", "text", "no boundary named", "no boundary there", "no end", "no model"],
)
def test_a_form_that_does_not_hold_together_is_refused(
    gateway: Gateway, bill: Provider, content_type: str, body: bytes, status: int, code: str
) -> None:
    headers = {**BEARER, "content-type": content_type}
    answer = gateway.ask("POST", "/v1/audio/transcriptions", body, headers)
    assert (answer.status, answer.code) == (status, code)
    assert bill.bill()["totals"]["calls"] == 0
