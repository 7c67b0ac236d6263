"""The tools that the agents have: what they offer the model, and what a call of one returns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.locust.prompts import text
from benchmarks.locust.stream import Answer, Message, ToolCall, WrongAnswer

if TYPE_CHECKING:
    from random import Random


def _tool(name: str, does: str, **arguments: str) -> dict[str, Any]:
    properties = {argument: {"type": kind} for argument, kind in arguments.items()}
    schema = {"type": "object", "properties": properties, "required": list(arguments), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": does, "parameters": schema}}


OFFERED = [
    _tool("read_file", "Reads lines of a file.", path="string", first_line="integer", last_line="integer"),
    _tool("search", "Finds passages by their meaning.", query="string"),
    _tool("run_tests", "Runs the tests of a folder.", folder="string"),
]
_KNOWN = {tool["function"]["name"]: set(tool["function"]["parameters"]["required"]) for tool in OFFERED}


def check(answer: Answer) -> None:
    """Raises when a tool is called that was not offered, or in a way in which it cannot be run."""
    for call in answer.tool_calls:
        if call.name not in _KNOWN or not call.id:
            raise WrongAnswer("a call of a tool that was not offered, or without an id")
        try:
            arguments = json.loads(call.arguments)
        except ValueError:
            raise WrongAnswer("arguments of a tool that are not JSON") from None
        if not isinstance(arguments, dict) or not arguments.keys() >= _KNOWN[call.name]:
            raise WrongAnswer("arguments of a tool that lack one that is required")


def run(call: ToolCall, random: Random) -> Message:
    """The result of a call: 500 bytes to 8 KB, as a file or a search gives."""
    return {"role": "tool", "tool_call_id": call.id, "content": text(random, 500, 8_000)}
