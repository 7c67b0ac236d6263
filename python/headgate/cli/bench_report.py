"""`headgate bench report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from headgate.bench import output
from headgate.bench import report as renderers
from headgate.bench.run.document import Run
from headgate.errors import UsageError


def report(file: str, *, html: str | None, markdown: str | None) -> None:
    """Renders a result again."""
    as_markdown, as_html = _renderers(file)
    if html is not None:
        output.need("jinja2", "matplotlib", what="--html draws plots")
        print(f"wrote {output.write(html, as_html())}", file=sys.stderr)
    if markdown is not None:
        print(f"wrote {output.write(markdown, as_markdown())}", file=sys.stderr)
    if html is None and markdown is None:
        sys.stdout.write(as_markdown())


def _renderers(file: str) -> tuple[Callable[[], str], Callable[[], str]]:
    """How the document in a file becomes Markdown and HTML."""
    try:
        text = Path(file).read_text(encoding="utf-8")
        kind = json.loads(text).get("kind")
        if kind == "run":
            run = Run.from_json(text)
            return lambda: renderers.run_markdown(run), lambda: renderers.run_html(run)
        if kind == "compare":
            from headgate.bench.compare.document import Comparison  # here: a run needs nothing of it

            comparison = Comparison.from_json(text)
            return lambda: renderers.compare_markdown(comparison), lambda: renderers.compare_html(comparison)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{file}: {error}") from None
    raise UsageError(f"{file} is neither the result of a run nor of a comparison")
