"""What the tests of running programs share: a simulated provider, a gateway in a process of its own, raw connections.

Everything is on loopback and on ports that the system chooses. Nothing sleeps for a fixed time: what has to become true
is polled under a deadline (`waiting.until`). The oracle is the provider's own bill, never what the gateway says.
"""
