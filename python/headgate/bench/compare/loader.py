"""The load engine in a process of its own, so that its CPU time is known apart: `python -m ...compare.loader`.

One order per line of stdin, one answer per line of stdout, both JSON: `{"start": SPEC}` begins a load, `{"wait": 1}`
waits for its end, `{"stop": 1}` ends it before; the last two answer with its result.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from headgate.bench.compare.process import Launch, tail
from headgate.bench.result import LoadResult
from headgate.errors import GatewayError, StartError

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from headgate.bench.compare.process import Processes
    from headgate.bench.spec import Spec

FOREVER_MS = 3_600_000


class LoaderEnded(StartError):
    """The engine's own process has gone: no load can be made any more."""


class Loader:
    """The other end: makes loads, one after the other."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._log = folder / "load.log"
        command = [sys.executable, "-m", "headgate.bench.compare.loader"]
        launch = Launch(command, processes.cores.other, self._log, talks=True)
        self._process: subprocess.Popen[bytes] = processes.start(launch)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def run(self, spec: Spec) -> LoadResult:
        """A load from its beginning to its end. Raises `StartError` when it cannot begin."""
        self.start(spec)
        return self._result({"wait": 1})

    def start(self, spec: Spec) -> None:
        """Begins a load and returns at once."""
        self._ask({"start": spec.model_dump(mode="json")})

    def stop(self) -> LoadResult:
        """Ends a load that was begun."""
        return self._result({"stop": 1})

    def _result(self, order: dict[str, Any]) -> LoadResult:
        return LoadResult.from_json(json.dumps(self._ask(order)["result"]))

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the loader was started without pipes")
        try:
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise LoaderEnded(1, f"the load engine ended: {tail(self._log)}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise StartError(answer["exit_code"], answer["error"])
        return answer


def main() -> None:
    """Obeys until stdin ends."""
    from headgate.engine import native

    load: Any = None
    for line in sys.stdin.buffer:
        order = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "start" in order:
                load = native.start_load(order["start"])
            else:
                if "stop" in order:
                    load.stop()
                load.wait(FOREVER_MS)
                answer = {"result": json.loads(load.result())}
        except GatewayError as error:
            answer = {"error": str(error), "exit_code": error.exit_code}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
