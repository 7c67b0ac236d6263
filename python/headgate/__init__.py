"""headgate: an LLM gateway. A Rust data plane, told what to do by a policy that Python compiles.

The packages follow the way of a policy:

- `config`: what an operator writes: YAML to checked models; every error with its file, line and column.
- `plan`: what it means: models to one canonical JSON document, the plan. Pure functions.
- `engine`: the data plane at work: start, watch, reload, stop. The only importer of `headgate._native`.
- `cli`: the commands: argument parsing and nothing else.

Every error that a user can cause is a `headgate.errors.GatewayError`.
"""


def version() -> str:
    """The version of this package; `unknown` when it runs from a tree that was not installed."""
    from importlib import metadata  # here, so that importing the package costs nothing

    try:
        return metadata.version("headgate")
    except metadata.PackageNotFoundError:
        return "unknown"
