"""The commands: argument parsing, and printing what the other packages found. Nothing is decided here.

Exit codes: 0 ok, 1 failure, 2 usage, 69 unavailable (an address in use), 78 bad policy. Data goes to stdout, what is
said about it to stderr; `--json` prints data as JSON; `NO_COLOR` is honoured.
"""

from __future__ import annotations

import os
import sys

from headgate.errors import GatewayError, PolicyError


def main() -> None:
    """Runs the command line and exits."""
    from headgate.cli.app import app

    try:
        app(prog_name="headgate")
    except GatewayError as error:
        print(str(error) if isinstance(error, PolicyError) else f"headgate: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
