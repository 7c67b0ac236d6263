"""Several gateways beside the floor and plain proxies, in one run, as pairs.

How it is measured, so that the figures can be trusted:

- The target is pinned to one core; load, simulated providers and this program to another.
- Targets take turns, and another one begins each round, so that a slow minute of the machine hits all of them. What
  counts is the ratio within a round, never a figure of its own: the median of the rounds, and what a bootstrap leaves
  open about it.
- CPU is user + system time of the whole process tree, over the calls that were answered.
- Each call carries a virtual key and an alias. A gateway checks the one and replaces the other; a plain proxy passes
  both on. The provider searches each body for the model name that it must hold and counts calls, tokens and bytes; the
  load holds each answer against the provider's own, byte for byte, or by text, events and tokens where a target writes
  answers anew; bill, answers and the gateway's metrics must agree. A window with a flaw is void.
- A window is repeated when other programs took more than 8 % of a core during it, and left out when the provider's own
  CPU per call was more than 10 % above its median for that target and cell: then the machine was slower, not the
  target.
- Nothing that was measured is lost: windows are written as they come, an interrupted run is reported, and a target
  that cannot be had is named with the reason.
"""

from headgate.bench.compare.document import Comparison
from headgate.bench.compare.options import CompareOptions
from headgate.bench.compare.run import compare

__all__ = ["CompareOptions", "Comparison", "compare"]
