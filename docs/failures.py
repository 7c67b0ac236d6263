"""Writes docs/failures.md from the table of providers' errors, rust/attempt; `--check` fails when it is stale."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs import generated

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "rust/attempt/src/classify/table.rs"
OUTCOME = ROOT / "rust/attempt/src/outcome.rs"
PAGE = ROOT / "docs/failures.md"

HEAD = """\
# What becomes of a provider's error

Every failed attempt gets a *class*, which decides what follows, and a *blame*, which says whose health pays for it:
other calls keep away from what is blamed for as long as its breaker, its cooldown or its quarantine lasts. The error
itself, where it is the last word, reaches the caller as the provider wrote it.

This page is written by `docs/failures.py` from the gateway's own table. Providers change what they send; a row that is
out of date, or missing, is a defect to report.
"""

TELLING = """
## What tells one from another

The first row that fits decides, a provider's own before those of any. *Word* is a code or a type of error, *begins*
and *says* are about its sentence (large and small letters alike), *silent* is a status whose answer has no error that
can be read. A row without a status holds for any; *in a stream* there is none, and the rows of all count. What a
caller can have quoted in an error must not cost others a credential: where an error answers to what is in a call, a
sentence that blames somebody has to stand at the beginning, where nothing is quoted, and in a stream words within a
sentence blame no credential at all.
"""

STATUSES = """
## By the status

Where no row knows more; the first range that fits counts. An error within a stream whose words nobody knows is
`unavailable`.

| status | class | blame |
|---|---|---|
"""

ROW_HEAD = "| status | what it says | class | blame | source |\n|---|---|---|---|---|"

CLASS = re.compile(r"((?:    /// .+\n)+)    (\w+),\n")
NAMES = re.compile(r"Self::(\w+) => \"(\w+)\"")
VERDICT = re.compile(r"const (\w+): Verdict = \(Class::(\w+), Blame::(\w+)\);")
BLOCK = re.compile(r"    Page \{(.*?)\},\n", re.DOTALL)
ROW = re.compile(r"\bon\((\w+), (?:(\w+)\(\"([^\"]+)\"\)|(\w+)), (\w+)\)")
SPAN = re.compile(r"span\((\d+), (\d+), (\w+)\)")

TOLD = {"Word": "word {}", "Opens": "begins {}", "Says": "says {}", "Status": "", "Mute": "silent"}
WHEN = {"ANY": "", "STREAM": "in a stream"}


@dataclass(frozen=True)
class Row:
    """One thing that some providers send."""

    providers: str
    status: str
    told: str
    verdict: str
    source: str
    seen: str


def read_names(source: str) -> dict[str, dict[str, str]]:
    """Enum -> variant -> the word in metrics and logs."""
    enums = re.findall(r"^impl (\w+) \{\n(.*?)^\}", source, re.DOTALL | re.MULTILINE)
    return {name: dict(NAMES.findall(body)) for name, body in enums}


def read_classes(source: str, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each class and what it stands for."""
    block = source.split("pub enum Class {\n", 1)[1].split("\n}\n", 1)[0] + "\n"
    for doc, variant in CLASS.findall(block):
        yield names[variant], " ".join(line.strip().removeprefix("/// ") for line in doc.splitlines())


def read_rows(source: str) -> Iterator[Row]:
    """The rows of the table. What looks like a row and cannot be read is an error, never left out."""
    table = source.split("const TABLE: &[Page] = &[\n", 1)[1].split("\n];\n", 1)[0] + "\n"
    read = 0
    for block in BLOCK.findall(table):
        providers = re.findall(r"\"(\w+)\"", block.split("of: &[", 1)[1].split("]", 1)[0])
        page = dict(re.findall(r"(source|seen): \"([^\"]*)\"", block))
        flat = " ".join(block.split()).replace("( ", "(").replace(", )", ")")
        for status, by, needle, bare, verdict in ROW.findall(flat):
            read += 1
            yield Row(
                providers=", ".join(map(code, providers)),
                status=WHEN.get(status, status),
                told=TOLD[by or bare].format(code(needle)),
                verdict=verdict,
                source=page["source"],
                seen=page["seen"],
            )
    if read != len(re.findall(r"\bon\(", table)):
        raise ValueError(f"{TABLE}: {read} rows could be read, and there are more")


def render(table: str, outcome: str) -> str:
    """The whole page."""
    names = read_names(outcome)
    words = {
        name: f"`{names['Class'][failure]}` | {names['Blame'][blame].replace('_', ' and ')}"
        for name, failure, blame in VERDICT.findall(table)
    }
    parts = [HEAD, "| class | what it means |\n|---|---|"]
    parts += [f"| `{name}` | {meaning} |" for name, meaning in read_classes(outcome, names["Class"])]
    parts.append(TELLING)
    rows = list(read_rows(table))
    for providers in dict.fromkeys(row.providers for row in rows):
        parts += [f"## {providers or 'Any provider'}\n", ROW_HEAD]
        parts += [
            f"| {row.status} | {row.told} | {words[row.verdict]} | {cite(row)} |"
            for row in rows
            if row.providers == providers
        ]
        parts.append("")
    spans = SPAN.findall(table.split("const BY_STATUS", 1)[1])
    statuses = [f"| {span(first, last)} | {words[verdict]} |" for first, last, verdict in spans]
    return "\n".join(parts).rstrip() + "\n" + STATUSES + "\n".join(statuses) + "\n"


def span(first: str, last: str) -> str:
    """A range of statuses."""
    return first if first == last else f"{first} to {last}"


def code(text: str) -> str:
    """Text as it stands."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def cite(row: Row) -> str:
    """Where a row was read, and when."""
    return f"[{row.seen}]({row.source})" if row.source else "ours"


if __name__ == "__main__":
    sys.exit(generated.write(PAGE, render(TABLE.read_text(), OUTCOME.read_text()), "python -m docs.failures"))
