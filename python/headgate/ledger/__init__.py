"""The ledger: what every call used and cost, in SQL, folded from the journal that the data plane writes.

The journal is the truth; the ledger is a view of it that can be asked. `fold` reads entries from where it stopped and
writes rows, rollups and the new position in one transaction, so that a crash at any point repeats nothing and loses
nothing. An entry fills its own part of a call or an attempt, and the first one counts: any order, any repetition and
any cut of the stream give the same rows (`state`). Rollups are sums of what each call contributes (`contribution`), a
pure function of its row; when a row changes, what it contributed before is taken back. So they are right at any time,
also while half of a call is known.

    entries        what the journal holds          tables, schema    SQL, and its way from version to version
    state          entries -> a call               database          an engine for SQLite or PostgreSQL
    contribution   a call -> sums                  series            the dimensions of sums, bounded in number
    fold, follow   once; on a thread               keep              what is forgotten, and when
    spans, usage   questions                       anomalies         what is out of the ordinary

Money is an integer of nano-dollars, time of nanoseconds since 1970 (UTC), and both are BIGINT. Tables hold no secret
and no content of a call. Not here: how usage is measured and priced (`rust/record`), limits and budgets while calls run
(`rust/admission`), keys (`headgate.keys`, which stand in the same database).
"""
