"""`headgate up`, `serve` and `sim`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from headgate.compile import compile_file, compile_text
from headgate.engine import builtin, gateway, ledger, native, simulator
from headgate.errors import StartError

if TYPE_CHECKING:
    from headgate import _native
    from headgate.config.problems import Problem

SIM_ADDRESS = "127.0.0.1:8089"
ANY_ADDRESS = "127.0.0.1:0"
IN_USE = 69


class _Quiet(gateway.Hooks):
    """`serve`: the data plane's own log says where it serves."""

    def doubtful(self, problems: list[Problem]) -> None:
        for problem in problems:
            print(problem, file=sys.stderr)


class _Welcome(gateway.Hooks):
    """`up`: shows how to make the first call."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def started(self, gateway: _native.Gateway) -> None:
        print(_welcome(gateway.data_address, gateway.ops_address, self._keys), flush=True)


def serve(policy: str) -> None:
    """Serves a policy."""
    beside = ledger.WithLedger()
    try:
        gateway.serve(lambda: compile_file(policy, merge=beside.merge), _Quiet(), watched=True, beside=beside)
    finally:
        beside.close()


def up(*, sim_only: bool) -> None:
    """Serves the built-in policy on a simulated provider of its own."""
    provider = _start_simulator()
    keys = {} if sim_only else builtin.providers_with_keys(os.environ)
    text = builtin.policy(provider.address, keys)
    try:
        gateway.serve(lambda: compile_text(text, builtin.NAME), _Welcome(list(keys)), watched=False)
    finally:
        provider.stop()


def sim(options: dict[str, Any], scenario: str | None) -> None:
    """Runs the simulated provider alone; options of the command line win over those of the scenario."""
    given = simulator.scenario(scenario) if scenario else {}
    try:
        simulator.run(given | options, lambda address: print(f"simulated provider: http://{address}/v1", flush=True))
    except StartError as error:
        if error.exit_code != IN_USE:
            raise
        address = (given | options)["address"]
        text = f"simulated provider: {address} is in use by another program: stop it, or choose another --listen"
        raise StartError(IN_USE, text) from None


def _start_simulator() -> _native.Simulator:
    """Its usual address if that is free, so that it can be called directly; else any."""
    try:
        return native.start_simulator({"address": SIM_ADDRESS})
    except StartError as error:
        if error.exit_code != IN_USE:
            raise
        return native.start_simulator({"address": ANY_ADDRESS})


def _welcome(data: str, ops: str, keys: list[str]) -> str:
    base = f"http://{data}/v1"
    models = "echo chat slow flaky tools embed image audio"
    more = (
        f"\n  and      {', '.join(f'{name}/MODEL' for name in keys)}, with the keys in the environment" if keys else ""
    )
    what = "a simulated provider, and those whose keys it found" if keys else "a simulated provider: no key, no network"
    return f"""
headgate serves {what}.

  base URL {base}
  ops      http://{ops}/metrics
  models   {models}{more}

Try it:

  curl {base}/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "chat", "messages": [{{"role": "user", "content": "Hello"}}]}}'

{_python_call(base)}

Ctrl-C stops it.
"""


def _python_call(base: str) -> str:
    """A call with the SDK of this interpreter, or how to install it."""
    from importlib.util import find_spec

    install = "" if find_spec("openai") else f"  {sys.executable} -m pip install openai\n"
    return f"""{install}  {sys.executable} -c '
from openai import OpenAI
client = OpenAI(base_url="{base}", api_key="none")
answer = client.chat.completions.create(model="chat", messages=[{{"role": "user", "content": "Hello"}}])
print(answer.choices[0].message.content)'"""
