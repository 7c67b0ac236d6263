"""What the journal holds: four kinds of entries about calls.

The names of the fields are those of `rust/journal`. Texts are empty where there is nothing to say; times are
nanoseconds since 1970, lengths of time nanoseconds, money nano-dollars.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Basis = Literal["provider", "counted", "void", "reserved"]
"""Who says what was used: the provider; our own count, an estimate; nobody, as nothing was made that is billed; or
nobody can, as the process was killed in the middle, and what was reserved counts."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt. A part is counted in its whole too: `cache_read` in `input`, `reasoning` in `output`."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    input_audio: int = 0
    input_image: int = 0
    output: int = 0
    reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0
    audio_ms: int = 0


CLASSES = tuple(each.name for each in fields(Usage))
"""The classes of usage, in the order of all tables."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A call whose route is known. `call` is its id, 16 bytes; `plan` begins the hash of the plan that it goes by."""

    call: bytes
    at_ns: int
    alias: str = ""
    operation: str = ""
    streamed: bool = False
    key: str = ""
    team: str = ""
    user: str = ""
    agent: str = ""
    session: str = ""
    task: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt whose bytes are about to leave; `number` counts a call's attempts, from 1."""

    call: bytes
    number: int
    at_ns: int
    provider: str = ""
    deployment: str = ""
    model: str = ""
    endpoint: int = 0
    credential: int = 0
    step: int = 0
    hedge: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    reserved_nano_usd: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt. `nano_usd` is none where its price is not known.

    `price` says which was in force, `rates` what a million of each class cost by it, in nano-dollars.
    """

    call: bytes
    number: int
    at_ns: int
    status: int | None = None
    fault: str = ""
    became: str = ""
    usage: Usage = field(default_factory=Usage)
    nano_usd: int | None = None
    basis: Basis = "provider"
    price: str = ""
    rates: Usage = field(default_factory=Usage)
    took_ns: int = 0
    first_token_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A call that has ended."""

    call: bytes
    at_ns: int
    outcome: str = ""
    status: int | None = None
    fault: str = ""
    took_ns: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    attempts: int = 0


Entry = Opened | Sent | Settled | Closed


class Journal(Protocol):
    """Where entries come from."""

    @property
    def source(self) -> str:
        """What this journal is called for good; positions are kept under it."""

    def read(self, after: str, most: int) -> tuple[Sequence[Entry], str]:
        """Up to about `most` entries behind a position (empty: from the beginning), and the position behind them.

        Without anything new: no entries, and the position that was given.
        """

    def acknowledge(self, position: str) -> None:
        """Says that what stands before a position need not be kept for us."""
