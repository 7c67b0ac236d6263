"""A page from a template: escaped, strict about names, and with a policy that forbids it the network."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .svg import Plot


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["held"] = _held
    return environment


def _held(words: str) -> str:
    """Words in which a number keeps its unit on its line."""
    return re.sub(r"(?<=\d) (?=(?:µs|ms|s|%|B|KB|MB|MiB)\b)", "\N{NO-BREAK SPACE}", words)


def page(template: str, context: dict[str, object]) -> str:
    """The page. Its policy names the hash of its one script, so that no other can run, whatever a name holds."""
    script = files(__package__ or "").joinpath("templates/theme.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    whole = {"script": Markup(script), "script_hash": f"sha256-{digest}", **context}
    return _environment().get_template(template).render(whole)


def markup(plots: list[Plot]) -> list[dict[str, object]]:
    """Drawings for a template, which may set them as they are: `svg` made them, and escaped all that is text."""
    return [{"title": plot.title, "key": plot.key, "svg": Markup(plot.svg)} for plot in plots]
