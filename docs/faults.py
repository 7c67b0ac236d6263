"""Writes docs/faults.md from the one table of failures, rust/fault/src/kind.rs; `--check` fails when it is stale."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs import generated

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "rust/fault/src/kind.rs"
PAGE = ROOT / "docs/faults.md"

HEAD = """\
# What an error means

An error of the gateway itself is one of these; a provider's own error reaches you as the provider wrote it. The code
stands in the body, as `error.code`, beside a sentence that says what was wrong and how to mend it:

```json
{"error": {"message": "...", "type": "...", "param": "model", "code": "model_not_found"}}
```

Once a stream has begun there is no status left to send: the same error comes as an event of the stream, and the
stream ends without `[DONE]`.

*Blame* is `caller` (change the call), `gateway` (its policy, its state) or `upstream` (the provider, or the way to it).
*Again* says whether the same call may do better: `never`, `later`, or `elsewhere`, which means that nothing had left
for a provider, so the gateway itself goes on to the next deployment of the chain and you see the error only when none
is left. *Closes* marks errors after which the connection cannot be used again.

This page is written by `docs/faults.py` from the gateway's own table.
"""

WHERE = {
    "listener": "While the call is read",
    "admission": "Who calls",
    "protocol": "What is called",
    "plan": "Where it would go",
    "limits": "Whether there is room for it",
    "upstream": "On the way to the provider",
    "stream": "While the answer is passed on",
    "gateway": "The gateway itself",
}

ROW = re.compile(
    r"(?P<kind>\w+): (?P<blame>\w+), (?P<status>\d{3}), (?P<class>\w+), \"(?P<code>\w+)\", (?P<retry>\w+)"
    r"(?P<closes>, closes)?;"
)


@dataclass(frozen=True)
class Fault:
    """One row of the table."""

    stage: str
    code: str
    status: str
    blame: str
    retry: str
    closes: bool
    meaning: str


def read_table(source: str) -> Iterator[Fault]:
    """The rows of the `kinds!` block. A line that is none of stage, meaning and row is an error, never left out."""
    stage, meaning = "", []
    block = source.split("\nkinds! {\n", 1)[1].split("\n}\n", 1)[0]
    for line in filter(None, map(str.strip, block.splitlines())):
        row = ROW.fullmatch(line)
        if line.startswith("/// "):
            meaning.append(line.removeprefix("/// "))
        elif line.startswith("// "):
            stage = line.removeprefix("// ")
        elif row:
            yield Fault(
                stage=stage,
                code=row["code"],
                status=row["status"],
                blame=row["blame"].lower(),
                retry=row["retry"].lower(),
                closes=bool(row["closes"]),
                meaning=" ".join(meaning),
            )
            meaning = []
        else:
            raise ValueError(f"{SOURCE}: cannot read {line!r}")


def render(faults: list[Fault]) -> str:
    """The whole page."""
    parts = [HEAD]
    for stage in dict.fromkeys(fault.stage for fault in faults):
        parts.append(f"\n## {WHERE[stage]}\n")
        parts.append("| code | status | when | blame | again | closes |\n|---|--:|---|---|---|---|")
        parts += [
            f"| `{fault.code}` | {fault.status} | {fault.meaning} | {fault.blame} | {fault.retry} "
            f"| {'yes' if fault.closes else ''} |"
            for fault in faults
            if fault.stage == stage
        ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(generated.write(PAGE, render(list(read_table(SOURCE.read_text()))), "python -m docs.faults"))
