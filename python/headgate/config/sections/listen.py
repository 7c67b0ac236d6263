"""`listen:` where callers and operators reach the gateway."""

from __future__ import annotations

from pydantic import Field

from headgate.config.addresses import Listener, ListenerAddress, parse_listener
from headgate.config.sections.base import Section


def _at(address: str, description: str) -> Listener:
    field: Listener = Field(
        default=parse_listener(address), description=description, json_schema_extra={"default": address}
    )
    return field


class Tls(Section):
    """Certificate chain and private key of the data listener, PEM files; a change is taken up by a reload."""

    cert: str = Field(min_length=1, description="The chain, leaf first.")
    key: str = Field(min_length=1, description="The leaf's key.")


class Listen(Section):
    """Where to listen; never the same port twice."""

    data: ListenerAddress = _at("127.0.0.1:8080", "The base URL's listener: `IP:PORT` or `unix:/path`.")
    ops: ListenerAddress = _at("127.0.0.1:9090", "Probes, metrics, drain: `IP:PORT` or `unix:/path`.")
    tls: Tls | None = Field(default=None, description="TLS of `data`; off when absent.")
    open: bool = Field(default=False, description="Serve anyone who reaches `data` without a key, on purpose.")
