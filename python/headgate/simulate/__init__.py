"""A policy in virtual time: what it does in a bad hour, before there is one.

`rust/simulate` runs the worlds; here stands what a person writes and reads. The way of a simulation, a module each:
`scenario` is what may be written (pydantic), `read` turns a file into it, `job` puts it together with a plan into the
document that Rust takes, `run` waits for the result, `result` is what comes back, `expect` holds it against what the
scenario expects, `text`, `plots` and `output` show it.

Words that the simulated provider's scenarios have too (`ttft_ms`, `scenario`, `match`, `fault`, ...) mean the same.

Not here: any figure. What is counted, and what must hold in every world, is decided in Rust.
"""
