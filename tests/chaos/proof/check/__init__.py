"""The checker: `python -m tests.chaos.proof.check FOLDER` says what is lost, twice or wrong, where, and how much.

It imports nothing of headgate. All that it reads goes into a database of its own, in which what belongs together is
found by the names that callers gave their calls (`evidence`); then it judges:

    exchanges   each call: what was billed for it, what the ledger charges for it, and what its caller was told
    journals    each entry of the journal against the ledger, both ways
    sums        each sum of the ledger against its rows
    budgets     what was billed below each budget

What it holds a ledger to:

- Each exchange that the provider bills is in the ledger as one attempt at that model. Where the ledger says that the
  provider said what was used, tokens of all classes are those of the bill, and the money is what they cost, to the
  nano-dollar, by the price list of the job and by arithmetic of the checker's own.
- What the provider never said (a cut answer, a caller who left) is estimated and marked so, and its money is what its
  own tokens cost. By how much all estimates together differ from the bill is told.
- Nothing that is billed is settled as nothing; nothing is charged that was not asked of the provider.
- An attempt that a kill cut off was under way shortly before one, and is settled by what had been reserved for it; what
  is billed for it is no more than that.
- Each call that its caller saw answered is in the ledger once, with the tokens that the caller was told.
- A budget is not overspent, but by what its bound allows: what the bill says beyond estimates, and where calls have
  several tries, what the further ones cost.

Exit code 1 with the findings when one of these does not hold, 0 otherwise.
"""
