"""`python -m benchmarks.baseline policy.yaml`: serves a policy until SIGTERM."""

from __future__ import annotations

import argparse
import sys

import uvloop

from benchmarks.baseline.process import Process
from headgate.compile import compile_file
from headgate.errors import GatewayError


def main() -> int:
    """Reads the command line, and serves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline", description=__doc__)
    parser.add_argument("policy", help="the policy, a YAML file")
    parser.add_argument("--workers", type=int, choices=[1], default=1, help="processes; there is one event loop")
    policy = parser.parse_args().policy
    try:
        uvloop.run(_serve(policy))
    except GatewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


async def _serve(policy: str) -> None:
    await Process(lambda: compile_file(policy)).run()


if __name__ == "__main__":
    sys.exit(main())
