"""Where to listen, and where providers answer."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from headgate.config.addresses import Endpoint, parse_endpoint, parse_listener


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://api.example.com/v1", Endpoint("https", "api.example.com", 443, "/v1")),
        ("http://10.0.0.5:8000/v1/", Endpoint("http", "10.0.0.5", 8000, "/v1")),
        ("HTTP://House.Example", Endpoint("http", "house.example", 80, "")),
        ("http://[::1]:8000/openai/v1", Endpoint("http", "::1", 8000, "/openai/v1")),
        ("unix:/run/vllm.sock", Endpoint("unix", "/run/vllm.sock", 0, "")),
        ("unix:/run/vllm.sock:/v1", Endpoint("unix", "/run/vllm.sock", 0, "/v1")),
    ],
)
def test_an_endpoint_is_read_from_its_url(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://host/v1", "starts with none of"),
        ("10.0.0.5:8000", "starts with none of"),
        ("https://", "the host is missing"),
        ("https://user:canary@host/v1", "belongs into `credential`"),
        ("https://host/v1?key=canary", "no `\\?`"),
        ("https://host:0/v1", "port 0"),
        ("https://host:70000/v1", "not a URL"),
        ("https://ho st/v1", "not a host name"),
        ("https://999.1.1.1/v1", "not a host name"),
        ("http://169.254.169.254/v1", "metadata"),
        ("http://[fe80::1]/v1", "link-local"),
        ("http://[::ffff:169.254.169.254]/v1", "metadata"),
        ("http://metadata.google.internal/v1", "metadata"),
        ("http://0.0.0.0:80/v1", "no address of one machine"),
        ("https://host/../v1", "not a path"),
        ("unix:run/vllm.sock", "starts with `/`"),
        (f"unix:/{'a' * 107}", "at most 107 bytes"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason) as caught:
        parse_endpoint(text)
    assert "canary" not in caught.value.message()


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0", "unix:/run/headgate.sock"])
def test_a_listener_is_shown_as_it_was_written(text: str) -> None:
    assert str(parse_listener(text)) == text


def test_localhost_is_the_loopback_address() -> None:
    assert str(parse_listener("localhost:8080")) == "127.0.0.1:8080"


@pytest.mark.parametrize(
    "text", ["8080", ":8080", "*:8080", "host.example:80", "127.0.0.1", "127.0.0.1:70000", "1.2.3:4"]
)
def test_what_is_no_listener_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        parse_listener(text)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for parse in (parse_endpoint, parse_listener):
        for candidate in (text, f"http://{text}", f"unix:/{text}", f"{text}:80"):
            with suppress(PydanticCustomError):
                assert str(parse(candidate))
