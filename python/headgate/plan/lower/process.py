"""What concerns the process as a whole: listeners, limits, workers, drain, egress, log, journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from headgate.plan import document

if TYPE_CHECKING:
    from headgate.config import sections
    from headgate.config.addresses import Listener

_WORDS: Final[dict[str, Literal["env", "off"]]] = {"env": "env", "off": "off"}


def listen(section: sections.Listen) -> document.Listen:
    """Addresses, and the files of TLS."""
    tls = document.TlsFiles(cert=section.tls.cert, key=section.tls.key) if section.tls else None
    return document.Listen(data=_address(section.data), ops=_address(section.ops), tls=tls)


def _address(listener: Listener) -> document.Address:
    return document.Unix(listener.unix) if listener.unix is not None else document.Tcp(str(listener))


def callers(policy: sections.Policy) -> document.Callers:
    """Who may call follows from the keys and from `open`.

    Where a ledger may hold keys and others can reach the listener, a key is needed, also while there is none.
    """
    if policy.keys:
        return "keys"
    if policy.listen.open:
        return "anyone"
    return "loopback" if policy.ledger is None or policy.listen.data.is_local else "keys"


def http(section: sections.Http) -> document.HttpLimits:
    """Limits of the data listener."""
    return document.HttpLimits(
        max_body_bytes=section.max_body,
        max_upload_bytes=section.max_upload,
        max_head_bytes=section.max_head,
        max_connections=section.max_connections,
        max_calls=section.max_calls,
        max_streams=section.max_streams,
        max_buffered_bytes=None if section.max_buffered == "auto" else section.max_buffered,
        idle_ms=section.idle,
        read_gap_ms=section.read_gap,
        origins=tuple(section.origins),
    )


def workers(count: int | Literal["auto"]) -> document.Workers:
    """How many threads."""
    return document.Fixed(count) if isinstance(count, int) else count


def drain(section: sections.Drain) -> document.Drain:
    """How a stop proceeds."""
    return document.Drain(accept_for_ms=section.accept_for, grace_ms=section.grace)


def egress(section: sections.Egress) -> document.Egress:
    """The way out to providers."""
    proxy = document.Url(section.proxy) if section.proxy.startswith("http:") else _WORDS[section.proxy]
    files = tuple(root for root in section.roots if root not in ("system", "bundled"))
    roots = document.Roots(system="system" in section.roots, bundled="bundled" in section.roots, files=files)
    return document.Egress(proxy=proxy, roots=roots)


def log(section: sections.Log) -> document.Log:
    """What is written to the log."""
    return document.Log(level=section.level, calls=section.calls)


def journal(section: sections.Journal | None) -> document.Journal | None:
    """How it is written down what calls use."""
    if section is None:
        return None
    return document.Journal(
        directory=section.dir,
        sync_ms=section.fsync,
        segment_bytes=section.segment,
        keep_for_ms=section.keep_for,
        keep_bytes=section.keep_size,
        when_full=section.when_full,
    )
