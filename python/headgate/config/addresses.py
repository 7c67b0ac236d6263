"""Addresses: where to listen, and where a provider answers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_UNIX_PATH = 107
"""Bytes of a unix socket's path: `sun_path` holds 108 with the zero at its end (Linux, unix(7))."""

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_BASE = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_METADATA_HOSTS = ("metadata.google.internal", "metadata.goog", "instance-data.ec2.internal")
_METADATA_ADDRESSES = ("fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen: an IP address (IPv6 without brackets) and a port, or the path of a unix socket."""

    host: str
    port: int
    unix: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.unix is not None or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        if self.unix is not None:
            return f"unix:{self.unix}"
        return f"{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a provider, as `plan.document.Endpoint` holds it: for `unix`, `host` is the socket's path."""

    scheme: Literal["http", "https", "unix"]
    host: str
    port: int
    base_path: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine by its name."""
        return self.scheme == "unix" or self.host == "localhost" or _is_loopback(self.host)

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.host}:{self.base_path}" if self.base_path else f"unix:{self.host}"
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}{self.base_path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse(text: str) -> NoReturn:
    raise PydanticCustomError("address", "{text}", {"text": text})


def parse_listener(value: Any) -> Listener:  # noqa: ANN401 - whatever YAML holds
    """`127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/run/headgate.sock`."""
    if not isinstance(value, str):
        _refuse("an address is needed, such as 127.0.0.1:8080 or unix:/run/headgate.sock")
    if value.startswith("unix:"):
        return Listener("", 0, _unix_path(value.removeprefix("unix:")))
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        _refuse(f"`{value[:80]}` has no port from 0 to 65535; write it like 127.0.0.1:8080")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        return Listener(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        _refuse(f"`{value[:80]}` names no IP address; write 127.0.0.1 for this machine alone, 0.0.0.0 for all")


def parse_endpoint(value: Any) -> Endpoint:  # noqa: ANN401 - whatever YAML holds
    """`https://host/v1`, `http://10.0.0.5:8000/v1`, or `unix:/path/to.sock:/v1`, where the last `:/` starts the base.

    The base is taken as it is written: nothing puts a `/v1` where there is none.
    """
    if not isinstance(value, str):
        _refuse("a URL is needed, such as http://10.0.0.5:8000/v1")
    if value.startswith("unix:"):
        path, colon, base = value.removeprefix("unix:").rpartition(":/")
        path, base = (path, f"/{base}") if colon else (value.removeprefix("unix:"), "")
        return Endpoint("unix", _unix_path(path), 0, _base_path(base))
    return _web_endpoint(value)


def _web_endpoint(value: str) -> Endpoint:
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        _refuse("not a URL; write it like http://10.0.0.5:8000/v1")
    if url.scheme not in _DEFAULT_PORTS:
        _refuse(f"`{value[:80]}` starts with none of http://, https://, unix:/" if "@" not in value else "not a URL")
    if url.username is not None or url.password is not None:
        _refuse("a URL here holds no user and no password; the secret belongs into `credential`")
    if url.query or url.fragment:
        _refuse("a URL here ends with its path: no `?` and no `#`")
    host = _host(url.hostname or "")
    if port == 0:
        _refuse("port 0 is no port of a provider")
    scheme: Literal["http", "https"] = "https" if url.scheme == "https" else "http"
    return Endpoint(scheme, host, port or _DEFAULT_PORTS[scheme], _base_path(url.path))


def _host(host: str) -> str:
    host = host.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or len(host) > 253 or host.replace(".", "").isdecimal():
            _refuse(f"`{host[:80]}` is not a host name" if host else "the host is missing")
        if host.rstrip(".") in _METADATA_HOSTS:
            _refuse(f"`{host}` is a cloud's metadata service; calls never go there")
        return host
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or str(mapped) in _METADATA_ADDRESSES or str(address) in _METADATA_ADDRESSES:
        _refuse(f"`{host}` is a link-local or metadata address; calls never go there")
    if mapped.is_unspecified or mapped.is_multicast:
        _refuse(f"`{host}` is no address of one machine")
    return str(address)


def _base_path(path: str) -> str:
    path = path.rstrip("/")
    if not _BASE.fullmatch(path) or "/../" in f"{path}/" or "/./" in f"{path}/":
        _refuse(f"`{path[:80]}` is not a path; write it like /v1")
    return path


def _unix_path(path: str) -> str:
    if not path.startswith("/"):
        _refuse("the path of a unix socket starts with `/`, as in unix:/run/headgate.sock")
    if len(path.encode()) > MAX_UNIX_PATH:
        _refuse(f"the path of a unix socket has at most {MAX_UNIX_PATH} bytes")
    if not path.isprintable():
        _refuse("the path of a unix socket holds characters that cannot be printed")
    return path


ListenerAddress = Annotated[Listener, PlainValidator(parse_listener), WithJsonSchema({"type": "string"})]
EndpointUrl = Annotated[Endpoint, PlainValidator(parse_endpoint), WithJsonSchema({"type": "string"})]
