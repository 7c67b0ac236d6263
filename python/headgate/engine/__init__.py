"""The data plane at work: start, watch, reload, stop. The only importer of `headgate._native`.

The data plane runs on threads of its own and never waits for Python: signals, drain and probes are its own. What
stands here compiles the policy when it changed and hands over the plan. `native` is the one door to the compiled
module and turns its exceptions into ours; `gateway` serves a policy, `watch` sees it change, `simulator` runs the
simulated provider, `builtin` makes the policy of `headgate up`, `secrets` tries the references of a plan.
"""
