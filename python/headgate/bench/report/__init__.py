"""Results as Markdown, and as one page of HTML that needs no network.

Four pure functions, from a document to text. The same document gives the same bytes. Markdown needs nothing beyond the
standard library; the pages need jinja2 and matplotlib, which come with `pip install 'headgate[bench]'`.

`run` and `compare` hold parallel modules: `headline` is the sentence that a reader takes away, `tables` the figures,
`plots` the drawings, `text` and `page` the two forms. Both forms are made from the same tables, so that neither can
say what the other does not. A drawing is a function from the document to SVG whose colours are CSS variables of the
page, and it stands above the table that it draws.

Not here: any judgement. What counts, what is left out and whether a target is met was decided when it was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.bench.compare.document import Comparison
    from headgate.bench.run.document import Run


def run_markdown(run: Run) -> str:
    """A run as Markdown for a pull request: headline, thresholds, figures, errors by class. Ends with a newline."""
    from .run.text import markdown  # here, as below: the command line imports this package to print its help

    return markdown(run)


def run_html(run: Run) -> str:
    """A run as one page of HTML with its plots."""
    from .run.page import html

    return html(run)


def compare_markdown(comparison: Comparison) -> str:
    """A comparison as Markdown for a pull request: headline, verdicts, rows, ratios, absent targets."""
    from .compare.text import markdown

    return markdown(comparison)


def compare_html(comparison: Comparison) -> str:
    """A comparison as one page of HTML with its plots."""
    from .compare.page import html

    return html(comparison)
