"""`egress:` the way out to providers."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.sections.base import OneOrMore, Section


def _proxy(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    if value in ("env", "off"):
        return str(value)
    try:
        url = urlsplit(value) if isinstance(value, str) else None
        port = url.port if url else None
    except ValueError:
        url, port = None, None
    if (
        url is None
        or url.scheme != "http"
        or not url.hostname
        or url.path not in ("", "/")
        or url.query
        or url.fragment
    ):
        raise PydanticCustomError("proxy", "`env`, `off` or a URL such as http://proxy.example:3128 is needed")
    if url.username is not None or url.password is not None:
        raise PydanticCustomError(
            "proxy", "a proxy's user and password do not belong here; name it in HTTPS_PROXY, use `env`"
        )
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"http://{host}:{port or 80}"


class Egress(Section):
    """Whether to go through a proxy, and whom to trust in TLS."""

    proxy: Annotated[str, PlainValidator(_proxy), WithJsonSchema({"type": "string"})] = Field(
        default="env",
        description="`env`: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say; `off`; or http://host:port.",
    )
    roots: Annotated[list[str], OneOrMore()] = Field(
        default=["system", "bundled"],
        min_length=1,
        description="Whom to trust: `system`, `bundled` (Mozilla's roots), names of PEM files; all of them together.",
    )
