"""Markdown of the flavour that pull requests show: tables, and nothing that a name could turn into markup."""

from __future__ import annotations

import re

from .table import Table

_SPECIAL = re.compile(r"([\\`*_|~$]|<(?=[A-Za-z/!?])|\](?=[(\[:]))")


def text(words: str) -> str:
    """Words as they are: on one line, and without a meaning in Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def code(words: str) -> str:
    """Words as code, on one line; the fence is longer than any that they hold."""
    line = " ".join(words.split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(content: Table) -> list[str]:
    """The lines of a table without its title; its note as the last."""
    heads = "|".join(f" {text(head)} " for head, _ in content.columns)
    rule = "|".join("--:" if numeric else "---" for _, numeric in content.columns)
    named = list(content.heads).index("target") if "target" in content.heads else 0
    rows = [
        "|".join(
            f" **{text(cell)}** " if number in content.strong and at == named else f" {text(cell)} "
            for at, cell in enumerate(row)
        )
        for number, row in enumerate(content.rows)
    ]
    note = ["", content.note] if content.note else []
    return [f"|{heads}|", f"|{rule}|", *(f"|{row}|" for row in rows), *note]


def section(content: Table) -> list[str]:
    """A table under its title, between blank lines; nothing at all when it has no rows."""
    return ["", f"### {text(content.title)}", "", *table(content)] if content.rows else []


def folded(summary: str, tables: list[Table]) -> list[str]:
    """Tables that a reader may open."""
    inside = [line for content in tables for line in section(content)]
    return ["", "<details>", f"<summary>{text(summary)}</summary>", *inside, "", "</details>"] if inside else []
