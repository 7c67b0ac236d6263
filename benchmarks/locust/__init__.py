"""Agents as scenarios, for locust: what a gateway does under users that behave as agents do.

Four kinds of user, one class each in `agents.py`: `Chat` (conversations that grow), `ToolLoop` (calls tools until it is
done), `Mixed` (streams and whole answers, short and long prompts in any order) and `Burst` (idle, then a fan-out).
From the root of a clone, against anything that speaks OpenAI's API:

    headgate up --sim-only
    locust -f benchmarks/locust/agents.py --host http://127.0.0.1:8080 --web-port 8088

opens locust's page. Without a page, with a report that opens in a browser and tables for other programs:

    locust -f benchmarks/locust/agents.py --host http://127.0.0.1:8080 \
        --headless --users 500 --spawn-rate 50 --run-time 30s --stop-timeout 10s --html report.html --csv agents

`--shape tenfold --users 50 --run-time 10m` begins with fifty users and ends with five hundred; `stages.py` has the
others. `--users`, `--spawn-rate` and `--run-time` scale a shape. The key of the calls is `OPENAI_API_KEY`, shown to the
host alone and never printed. `docs/locust.md` has all options: locust's `--help` does not look into the file of `-f`.

Each call has its row: type `POST`, from the first byte that was sent to the last byte of the answer. Beside it stand
`ttft` and `tpot` (ms) and `tokens` (a count, though the columns say ms), for calls that were answered well. These three
do not count in the row `Aggregated`, so that it stays what it says: calls, their failures and their times. They are
therefore written to the statistics directly: what is fired as a request counts there too.

A call has failed when its answer is wrong, whatever the status says: an event stream without `[DONE]` or without a
reason for its end, an event after `[DONE]`, an error inside a stream, a connection that ends too early, a tool called
with arguments that are not JSON. Any failure makes locust exit with 1.

Not here: what a gateway costs, and tails in microseconds. locust counts whole milliseconds and cannot load a gateway
written in Rust; the load engine (`headgate bench run`) is for that. Modules that need no locust (`stream`, `stages`,
`tools`, `prompts`) import none: importing it replaces the sockets of the whole process.
"""
