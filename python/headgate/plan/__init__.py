"""What a policy means: one canonical JSON document, the plan, that the data plane reads without defaults of its own.

`document` is its form (the twin of `rust/plan`), `lower` makes it from the models of `headgate.config`, `canonical`
writes it and computes its hash, `read` reads one back, `diff` says in words what a change means for callers.

Lowering is pure: no file, no environment, no clock. Secrets appear as references, never resolved.
"""

from headgate.plan.canonical import encode, printable
from headgate.plan.document import FORMAT, Plan
from headgate.plan.lower import Beside, lower
from headgate.plan.read import read

__all__ = ["FORMAT", "Beside", "Plan", "encode", "lower", "printable", "read"]
