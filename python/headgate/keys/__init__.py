"""Virtual keys that stand in the ledger's database: made, rotated, revoked while the gateway runs.

Of a key the store holds its settings, in the words of the policy's `keys:`, and digests of its secrets: MACs under a
pepper that is not in the store, so that neither the store nor the pepper alone lets anyone check a guess. A secret is
shown once, when it is made. Every change raises a counter in the same transaction; `headgate serve` looks at it several
times a second, merges what it finds with the policy, and reloads. There is no other way into the data plane, so a key
from the store and one from the policy are limited, refused and recorded alike.

`form` says what a fresh key looks like, `pepper` where the pepper is, `store` keeps and changes, `merge` puts keys into
a policy, `imported` reads those of others.
"""

from headgate.keys.form import fresh, is_wellformed

__all__ = ["fresh", "is_wellformed"]
