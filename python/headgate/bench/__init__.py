"""The load-benchmarking harness: load on any gateway, and comparisons that can be believed.

`run` puts a load on one base URL through the compiled engine (`rust/load`) and says what came back. `compare` measures
several gateways beside the floor of a bare relay and plain proxies, in one run, as pairs. `stages` says where a call's
time goes inside headgate. `report` turns either result into Markdown or one page of HTML.

Nothing here is imported by `serve`, and no other package imports from here but `headgate.cli`.
"""
