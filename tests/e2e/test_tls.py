"""TLS towards callers, and both ways between two gateways."""

from __future__ import annotations

import signal
import ssl
from pathlib import Path

import httpx2
import pytest

from tests.harness import gateway as processes
from tests.harness import wire
from tests.harness.certificates import Authority
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat

PATH = "/v1/chat/completions"
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


def with_tls(policy: Policy, authority: Authority) -> Policy:
    cert, key = authority.issue("first")
    policy["listen"]["tls"] = {"cert": str(cert), "key": str(key)}
    policy["keys"] = [{"name": "caller", "secret": "${env:CALLER_KEY}"}]
    return policy


@pytest.fixture
def secured(launch: Launch, provider: Provider, authority: Authority) -> Gateway:
    return launch(with_tls(small(provider.url), authority))


def name_on(gateway: Gateway, authority: Authority) -> str:
    """The common name of the certificate that a new connection is shown."""
    with Connection(gateway.data, authority.client()) as connection:
        assert isinstance(connection.socket, ssl.SSLSocket)
        shown = connection.socket.getpeercert() or {}
        subject: tuple[tuple[tuple[str, str], ...], ...] = shown["subject"]  # type: ignore[assignment]
        return dict(subject[0])["commonName"]


@pytest.mark.parametrize(
    ("offered", "version"), [((True, True), "HTTP/2"), ((True, False), "HTTP/1.1"), ((False, True), "HTTP/2")]
)
def test_alpn_settles_the_version(
    secured: Gateway, authority: Authority, offered: tuple[bool, bool], version: str
) -> None:
    port = secured.data.rpartition(":")[2]
    http1, http2 = offered
    with httpx2.Client(http1=http1, http2=http2, verify=authority.client(), headers=BEARER, trust_env=False) as http:
        answer = http.post(f"https://localhost:{port}{PATH}", json=chat())
        assert (answer.status_code, answer.http_version) == (200, version)
        stream = http.post(f"https://localhost:{port}{PATH}", json=chat(stream=True))
        assert stream.text.endswith("data: [DONE]\n\n")


def test_a_client_without_alpn_gets_http1(secured: Gateway, authority: Authority) -> None:
    assert wire.ask(secured.data, "POST", PATH, chat(), BEARER, tls=authority.client()).status == 200


def test_plain_text_on_a_tls_port_is_closed(secured: Gateway, authority: Authority) -> None:
    with Connection(secured.data) as connection:
        connection.send(wire.request("GET", "/v1/models"))
        while connection.more():
            pass
        assert not connection.buffer.startswith(b"HTTP/")
    assert name_on(secured, authority) == "first"


def test_a_renewed_certificate_is_shown_after_a_reload_and_no_connection_is_dropped(
    secured: Gateway, authority: Authority
) -> None:
    with Connection(secured.data, authority.client()) as connection:
        assert connection.ask("GET", "/v1/models", None, BEARER).status == 200
        authority.issue("second")
        secured.send(signal.SIGHUP)
        until(lambda: name_on(secured, authority) == "second", "the new certificate is shown")
        assert connection.ask("GET", "/v1/models", None, BEARER).status == 200


def test_a_renewed_certificate_is_shown_without_being_told(secured: Gateway, authority: Authority) -> None:
    authority.issue("second")
    until(lambda: name_on(secured, authority) == "second", "the new certificate is shown", within_s=20)


def test_a_certificate_that_cannot_be_read_leaves_the_old_one_in_place(secured: Gateway, authority: Authority) -> None:
    (authority.folder / "server.pem").write_text("not a certificate", encoding="ascii")
    secured.send(signal.SIGHUP)
    secured.wait_for("certificate_refused")
    assert name_on(secured, authority) == "first"


@pytest.mark.parametrize("version", ["auto", "1", "2"])
def test_a_provider_behind_tls_is_called(
    launch: Launch, bill: Provider, secured: Gateway, authority: Authority, version: str
) -> None:
    port = secured.data.rpartition(":")[2]
    policy = small(f"https://localhost:{port}/v1", egress={"proxy": "off", "roots": [str(authority.roots)]})
    policy["providers"]["house"] |= {"http": version, "credential": "${env:CALLER_KEY}"}
    policy["deployments"]["gpt"]["model"] = "chat"
    outer = launch(policy)
    assert outer.ask("POST", PATH, chat()).status == 200
    stream = outer.ask("POST", PATH, chat(stream=True))
    assert stream.events[-1] == "[DONE]"
    cut = outer.ask("POST", PATH, chat(stream=True), {"x-sim-fault": "cut;at=500"})
    assert "[DONE]" not in cut.events
    assert [call["model"] for call in bill.calls()] == ["gpt-sim"] * 3


def test_a_provider_whose_certificate_is_not_trusted_is_502(launch: Launch, bill: Provider, secured: Gateway) -> None:
    port = secured.data.rpartition(":")[2]
    outer = launch(small(f"https://localhost:{port}/v1", egress={"proxy": "off", "roots": ["bundled"]}))
    answer = outer.ask("POST", PATH, chat())
    assert (answer.status, answer.code) == (502, "provider_tls_failed")
    assert bill.bill()["totals"]["calls"] == 0


def test_a_provider_is_called_over_http2_by_prior_knowledge(launch: Launch, bill: Provider, provider: Provider) -> None:
    inner = launch(small(provider.url))
    policy = small(f"http://{inner.data}/v1")
    policy["providers"]["house"]["http"] = "2"
    policy["deployments"]["gpt"]["model"] = "chat"
    outer = launch(policy)
    assert outer.ask("POST", PATH, chat()).status == 200
    assert outer.ask("POST", PATH, chat(stream=True)).events[-1] == "[DONE]"
    assert bill.bill()["totals"]["calls"] == 2


def test_a_missing_certificate_file_exits_78_and_names_it(
    tmp_path: Path, provider: Provider, authority: Authority
) -> None:
    policy = with_tls(small(provider.url), authority)
    (authority.folder / "server.pem").unlink()
    path = processes.write(policy, tmp_path / "policy.yaml")
    process = processes.spawn(
        [*processes.headgate(), "serve", str(path)],
        tmp_path / "log",
        {"PROVIDER_KEY": "x" * 30, "CALLER_KEY": CALLER_KEY},
    )
    assert process.wait(20) == 78
    assert "server.pem" in (tmp_path / "log").read_text(encoding="utf-8")
