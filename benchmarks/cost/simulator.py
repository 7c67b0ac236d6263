"""The simulated provider as a process of its own: `python -m benchmarks.cost.simulator PORT TEXT`.

It answers at once, and only bodies that hold TEXT: any other is answered 400.
"""

import json
import sys

from headgate._native import Simulator


def main() -> None:
    """Serves until it is ended."""
    port, text = sys.argv[1:]
    options = {"address": f"127.0.0.1:{port}", "fast": True, "expect_body_contains": text}
    Simulator.start(json.dumps(options).encode()).wait()


if __name__ == "__main__":
    main()
