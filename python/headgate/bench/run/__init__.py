"""One load on one target: from the options of `headgate bench run` to what came back, shown and kept.

The order in which a load passes through: `options` as they were given, `job` (what is sent to whom, and when), `drive`
(the engine, Ctrl-C), `run` (one load, or the `search` for a capacity), `document` (what is kept). `progress` shows a
load while it goes on, `text` its result.
"""
