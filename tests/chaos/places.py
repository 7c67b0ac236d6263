"""Where a primary can be, when it is not where a call arrives: addresses at which connecting goes wrong."""

from __future__ import annotations

import datetime
import ssl
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.tap import Tap, Taps
from tests.harness import ports
from tests.harness.certificates import Authority
from tests.harness.provider import Provider

TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
"""A fatal alert: handshake_failure."""
HTTP2 = "http2"
"""A provider of the cell's own, which speaks HTTP/2: `http2.py`."""
COUNTED = frozenset({"simulator", "mute", HTTP2})
"""Where each attempt is written down, so that it can be counted."""


@dataclass(frozen=True)
class Places:
    """What stands at each place."""

    simulator: Provider
    mute: Provider
    """Takes connections and neither reads nor writes."""
    rude: Provider
    """Resets every connection."""
    urls: dict[str, list[str]]
    """The endpoints of places that need no relay."""
    roots: Path
    """Whom the gateway has to trust in TLS."""

    def target(self, place: str) -> str:
        """Where the relay of a cell leads."""
        return {"mute": self.mute, "rude": self.rude}.get(place, self.simulator).address

    def endpoints(self, place: str, tap: Tap) -> list[str]:
        """What the policy says of a primary at this place."""
        if place == "half":
            return [*self.urls["closed"], tap.url]
        return self.urls.get(place, [tap.url])


def build(stack: ExitStack, taps: Taps, folder: Path, simulator: Provider) -> Places:
    """Builds all of them; they go with the stack."""
    mute = Provider.start(scenario=[{"fault": "silence"}])
    rude = Provider.start(scenario=[{"fault": "refuse"}])
    stack.callback(mute.stop)
    stack.callback(rude.stop)
    authority = Authority.make(subfolder(folder, "trusted"))
    stranger = Authority.make(subfolder(folder, "stranger"))
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificates = {
        "tls-untrusted": stranger.issue(),
        "tls-expired": replace(authority, folder=subfolder(folder, "expired")).issue(until=then),
        "tls-other-name": replace(authority, folder=subfolder(folder, "other")).issue(host="elsewhere.example"),
    }
    speakers = {place: taps.speak(b"", context(*files)) for place, files in certificates.items()}
    speakers["tls-alert"] = taps.speak(TLS_ALERT)
    urls = {place: [f"https://localhost:{port}/v1"] for place, port in speakers.items()}
    urls |= {
        "closed": [f"http://127.0.0.1:{ports.closed(stack)}/v1"],
        "blackhole": [f"http://127.0.0.1:{ports.full(stack)}/v1"],
        "unresolved": ["http://nowhere.invalid/v1"],
        "tls-mute": [f"https://localhost:{port_of(mute)}/v1"],
        "tls-plain": [f"https://localhost:{port_of(simulator)}/v1"],
    }
    return Places(simulator, mute, rude, urls, authority.roots)


def subfolder(folder: Path, name: str) -> Path:
    """A folder of that name."""
    made = folder / name
    made.mkdir()
    return made


def context(chain: Path, key: Path) -> ssl.SSLContext:
    """A TLS server's context."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(chain, key)
    return made


def port_of(provider: Provider) -> str:
    """The port of a provider."""
    return provider.address.rpartition(":")[2]
