"""A table as data, from which both Markdown and HTML are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Rows of text under heads. A head that ends with `#` is one of numbers: set to the right, and without the mark.

    `strong` are the indexes of the rows that the reader came for. `note` says how to read it, in a sentence or two.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    strong: frozenset[int] = field(default=frozenset())

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each head, and whether numbers stand under it."""
        return [(head.removesuffix("#"), head.endswith("#")) for head in self.heads]

    def without_empty_columns(self, nothing: str) -> Table:
        """The same without columns of numbers in which every row has `nothing`."""
        kept = [
            at
            for at, (_, numeric) in enumerate(self.columns)
            if not numeric or any(row[at] != nothing for row in self.rows)
        ]
        rows = [[row[at] for at in kept] for row in self.rows]
        return Table(self.title, [self.heads[at] for at in kept], rows, self.note, self.strong)
