"""What does a call cost? CPU per request of `headgated` beside nginx, HAProxy and a bare relay, in one run.

How it is measured, so that the figures can be trusted:

- The proxies are pinned to one core; load (wrk), simulated provider and this program to another.
- They take turns within one run, in an order that rotates, so that a slow minute of the machine hits all of them. What
  counts is the ratio to the better of nginx and HAProxy in the same round, never a figure of its own.
- CPU is user + system time of the process and its children, from /proc, over the requests that wrk saw answered.
- Each call carries a virtual key and an alias. headgated checks the one and replaces the other in the body; the others
  pass both on. The provider compares the body of every call with the text that it must hold, so an answer other than
  200 means a wrong body. A window with one of them, or with a connection error, is void.
- A window is repeated when other programs took more than 8 % of a core during it, and left out when the provider's own
  CPU per request was more than 10 % above its median in that cell: then the machine was slower, not the proxy.
- A proxy that is not installed is reported as absent.

Not here: latency under an arrival schedule, streams, memory under load.
"""
