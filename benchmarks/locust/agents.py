"""The users, for `locust -f`: what each of them does over and over."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from locust import events, task

sys.path.append(str(Path(__file__).resolve().parents[2]))  # locust finds the modules below from any folder

from benchmarks.locust import options, shapes, tools
from benchmarks.locust.calling import Agent
from benchmarks.locust.parallel import for_all
from benchmarks.locust.prompts import ASSISTANT, text
from benchmarks.locust.stream import Message, WrongAnswer

events.init_command_line_parser.add_listener(options.add)
events.init.add_listener(shapes.install)


class Chat(Agent):
    """Holds a conversation of 3 to 10 turns, then another; each turn carries all that was said before."""

    weight = 4

    @task
    def converse(self) -> None:
        """One conversation; a wrong answer ends it."""
        history: list[Message] = [{"role": "system", "content": ASSISTANT}]
        for turn in range(self.random.randint(3, 10)):
            history.append({"role": "user", "content": text(self.random, 100, 800)})
            name = "chat: first turn" if turn == 0 else "chat: later turn"
            answer = self.call(name, {"model": self.settings.model, "messages": history, "stream": True})
            if answer is None:
                return
            history.append(answer.message())
            self.wait()


class ToolLoop(Agent):
    """Sets the model tasks for which it must call tools; runs them and goes on until the model is done."""

    weight = 3
    most_steps = 8
    """Calls for one task; a model that still wants a tool then has failed."""

    @task
    def work(self) -> None:
        """Two tasks in one conversation."""
        history: list[Message] = [{"role": "system", "content": ASSISTANT}]
        for _ in range(2):
            history.append({"role": "user", "content": text(self.random, 100, 400)})
            if not self.solve(history):
                return
            self.wait()

    def solve(self, history: list[Message]) -> bool:
        """Asks until no tool is called any more; whether that came about. Every second step is streamed."""
        for step in range(self.most_steps):
            body = {"model": self.settings.tools_model, "messages": history, "tools": tools.OFFERED}
            answer = self.call("tools: step", {**body, "stream": step % 2 == 0}, check=tools.check)
            if answer is None:
                return False
            history.append(answer.message())
            if not answer.tool_calls:
                return True
            history.extend(tools.run(call, self.random) for call in answer.tool_calls)
        self.fail("tools: task", WrongAnswer(f"tools are still called after {self.most_steps} steps"))
        return False


class Mixed(Agent):
    """Single calls: streams and whole answers, prompts from a line to a file."""

    weight = 2

    @task(3)
    def stream(self) -> None:
        """One answer as a stream."""
        self.ask("mixed: stream", stream=True)

    @task(2)
    def whole(self) -> None:
        """One answer as a whole."""
        self.ask("mixed: whole", stream=False)

    def ask(self, name: str, *, stream: bool) -> None:
        """One call with a prompt of 200 bytes to 20 KB, most of them short."""
        question: Message = {"role": "user", "content": text(self.random, 200, 20_000)}
        self.call(name, {"model": self.settings.model, "messages": [question], "stream": stream})


class Burst(Agent):
    """Is idle, then asks 4 to 8 things at once, and has the answers put together."""

    weight = 1

    @task
    def fan_out(self) -> None:
        """A pause of three usual ones, the fan-out, the summary."""
        for _ in range(3):
            self.wait()
        parts = [text(self.random, 200, 2_000) for _ in range(self.random.randint(4, 8))]
        answers = for_all(parts, self.sub_call)
        said = [answer for answer in answers if answer is not None]
        if len(said) == len(parts):
            summary: Message = {"role": "user", "content": json.dumps(said)}
            self.call("burst: summary", {"model": self.settings.model, "messages": [summary], "stream": True})

    def sub_call(self, part: str) -> str | None:
        """One of the calls that run at the same time; its text, None when it failed."""
        question: Message = {"role": "user", "content": part}
        answer = self.call("burst: sub-call", {"model": self.settings.model, "messages": [question], "stream": True})
        return answer.text if answer else None
