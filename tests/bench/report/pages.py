"""A page taken apart, as far as tests ask: its tables, its text, what it would load, and whether its tags fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "link", "meta"}


@dataclass
class Page:
    """What was found on a page."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)  # tag, name, value
    rows: set[tuple[str, ...]] = field(default_factory=set)
    captions: list[str] = field(default_factory=list)
    text: str = ""
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """All values of an attribute, whatever the tag."""
        return [value for _, found, value in self.attributes if found == name]


def read(text: str) -> Page:
    """Takes a page apart."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    parser.page.misfits += [f"<{tag}> is not closed" for tag in parser.open]
    return parser.page


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []
        self.row: list[str] | None = None
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.row = []
        if tag in ("td", "th", "figcaption", "script", "style"):
            self.words = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append(tag)
        self.page.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.page.misfits.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()
        words = "".join(self.words)
        if tag in ("td", "th") and self.row is not None:
            self.row.append(words)
        elif tag == "tr" and self.row is not None:
            self.page.rows.add(tuple(self.row))
            self.row = None
        elif tag in ("script", "style"):
            (self.page.scripts if tag == "script" else self.page.styles).append(words)
        elif tag == "figcaption":
            self.page.captions.append(words)

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and self.open[-1] not in ("script", "style"):
            self.page.text += data
