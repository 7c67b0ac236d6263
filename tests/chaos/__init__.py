"""Faults on real sockets: a gateway in a process of its own, providers that fail on command, and oracles.

`catalogue.yaml` is the table: what a provider does, and what a caller must see of it. Each row is played as a call that
is not streamed and as one that is, each against a primary and a spare of its own; as chat completions, and in the group
`responses`, where their dialect matters, as responses. Between the gateway and every
simulated provider stands a relay (`tap.py`) that writes down all bytes in both directions, with times; what is
expected is judged by that record and by the bytes that the caller got, never by what the gateway says of itself.

The oracles (`oracles.py`) hold for every cell, whatever its row says:

| | what must hold | where |
|---|---|---|
| O1 | one terminal per stream; a good one only if the provider sent a good one | each cell, each cut |
| O2 | what the caller got is a part of one answer from its beginning | each cell, each cut |
| O3 | attempts within their cap, time within the deadline | each cell |
| O4 | retries within their budget | `test_budget.py` |
| O7 | nothing is left when all is over: calls, streams, connections, descriptors | each file |
| O8 | health suffers for the blamed key alone | `test_blame.py` |
| O9 | one probe at a time while a breaker is half open | `test_breaker.py` |
| O10 | the provider's call is cancelled as soon as the caller is gone | `test_leaving.py` |
| O13 | what is buffered of a stream is bounded | `test_memory.py` |
| O14 | a reload leaves open streams alone; new calls are all old or all new | `test_lifecycle.py` |
| O15 | a drain cuts no stream before its time | `test_lifecycle.py` |

They share no code with the gateway: heads, chunks and events are read here by hand (`recorded.py`, `events.py`), and
`test_oracles.py` shows each oracle what it must refuse.
"""
