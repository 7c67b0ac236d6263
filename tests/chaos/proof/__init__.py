"""Nothing is lost and nothing counts twice: a provider's own bill against the ledger of a gateway that is killed.

`python -m tests.chaos.proof --calls 1000000 --kills 200` plays a job and judges it. What is left in the folder is
evidence, and the checker, `python -m tests.chaos.proof.check FOLDER`, needs nothing else:

    bill.jsonl      each exchange that reached the simulated provider: tokens by class, as it bills them
    callers.jsonl   each call as its caller saw it: what it was told, when, and under which id
    job.json        prices, budgets, when the gateway was killed
    ledger.db       what `headgate serve` made of it
    journal/        what the ledger was made from

    prices          what tokens cost, as a table that the policy and the checker both read
    policy          what the gateway serves: every way that a call can go
    kinds           calls of every kind, drawn
    load, client    callers that make them and write down what they saw
    job             starts and kills gateways below the load
    check, ...      the checker

The checker imports nothing of headgate: it reads lines of JSON, tables of SQLite, and the journal by what
docs/journal.md says of its format, and has its own arithmetic.
"""
