"""The bodies that a load sends, by path; and the text of a prompt."""

from __future__ import annotations

import json
from typing import Any

WORDS = "measure the water at the gate before it enters the canal and write down what was seen "
PATHS = ("chat/completions", "responses", "embeddings", "completions")
STREAMS = ("chat/completions", "responses", "completions")


def prompt(size_bytes: int) -> str:
    """Text of exactly so many bytes, all ASCII and none that JSON escapes."""
    return (WORDS * (size_bytes // len(WORDS) + 1))[:size_bytes]


def body(path: str, model: str, prompt_bytes: int, *, stream: bool, max_tokens: int | None) -> str:
    """The JSON of a call in OpenAI's dialect; `path` is one of `PATHS`. A stream asks for its usage."""
    text = prompt(prompt_bytes)
    limit = {} if max_tokens is None else {"max_output_tokens" if path == "responses" else "max_tokens": max_tokens}
    fields: dict[str, Any] = {"model": model, **_input(path, text), **limit}
    if stream:
        fields["stream"] = True
        if path != "responses":  # which states its usage unasked
            fields["stream_options"] = {"include_usage": True}
    return as_json(fields)


def _input(path: str, text: str) -> dict[str, Any]:
    if path == "chat/completions":
        return {"messages": [{"role": "user", "content": text}]}
    return {"prompt": text} if path == "completions" else {"input": text}


def usual_model(path: str) -> str:
    """The model of a call that names none: those of the simulated provider."""
    return "embed" if path == "embeddings" else "chat"


def as_json(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """JSON as an SDK writes it: no spaces, text as it is. Raises `ValueError` for an infinite number."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
