"""Who is called, and as whom: the base URL, and the headers of every call."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from headgate.bench import bodies
from headgate.bench.run import options
from headgate.bench.run.options import RunOptions
from headgate.bench.spec import Headers
from headgate.config.problems import shown
from headgate.errors import UsageError


def base_url(text: str) -> str:
    """The base URL without a slash at its end; raises `UsageError` for what is none."""
    if not text:
        raise UsageError("--url is missing: the base URL of a gateway, such as http://127.0.0.1:8080/v1")
    try:
        parts = urlsplit(text)
        odd = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        odd = True
    if odd or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"--url {shown(_without_user(text))}: write a base URL such as http://127.0.0.1:8080/v1")
    if parts.username or parts.password:
        raise UsageError("--url holds a user or a password; give what the gateway wants as --key or --header")
    if parts.query or parts.fragment:
        raise UsageError(f"--url {text}: the base URL ends with its path; a query belongs to --path")
    for path in bodies.PATHS:
        if text.rstrip("/").endswith(f"/{path}"):
            raise UsageError(f"--url {text}: leave /{path} out; the base URL ends before it, and --path says which")
    return text.rstrip("/")


def stray(words: list[str]) -> None:
    """Raises `UsageError` for words that belong to no option, such as a URL without `--url`."""
    if words:
        word = shown(_without_user(words[0]))
        what = "the base URL is given as --url" if "://" in word else "every value follows its option"
        raise UsageError(f"{word} stands alone: {what}, such as --url http://127.0.0.1:8080/v1")


def _without_user(url: str) -> str:
    return url.rpartition("@")[2]


def headers(given: RunOptions, environ: Mapping[str, str]) -> tuple[Headers, str, list[str]]:
    """The headers of every call, where the key came from, and what must not be shown."""
    lines = options.header_pairs(given.header)
    secrets = [value for _, value in lines if len(value) > 3]  # shorter ones would blank out half of a text
    if any(name.lower() == "authorization" for name, _ in lines):
        if given.key:
            raise UsageError("--key and --header authorization contradict each other: each says who calls")
        return lines, "--header", secrets
    source = "--key" if given.key else "OPENAI_API_KEY"
    key = (given.key or environ.get("OPENAI_API_KEY", "")).strip()
    if not key:
        return lines, "", secrets
    return [("authorization", f"Bearer {options.sendable(key, source)}"), *lines], source, [key, *secrets]
