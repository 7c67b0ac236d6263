"""The same gateway in pure Python: what a good team would ship, so that headgate is compared with something fair.

    python -m benchmarks.baseline policy.yaml

It serves the plan that headgate compiles from the same policy, answers the same calls with the same codes, and passes
the tests that headgate's clients pass (tests/clients runs against both). The modules follow a call: `sockets` and
`listeners`, `serve`, `admission`, `paths`, `body` with `scan` or `form`, `routing`, `attempt`, `upstream` with `egress`
and `guard`, `forward` with `events`; `record`, `metrics` and `log` go with it; `process` is the life around it all.

Why aiohttp on both legs, on uvloop. Skeletons that do nothing but replace the model and pass the answer on were put
before `headgate sim --fast` and loaded by `wrk -t1 -c8`; CPU time of the process per call, best of several windows, as
a multiple of the first row (JSON; a stream):

    aiohttp server, aiohttp client                        1      1
    bare ASGI on uvicorn with httptools, aiohttp client   0.85   0.9
    starlette on uvicorn, aiohttp client                  1.0    1.3
    starlette on uvicorn, httpx2 client                   5      8
    asyncio protocols on httptools, written by hand       0.27   0.27

An ASGI server saves a seventh and takes away what a gateway needs: the drain, the limits of a connection, a way to
break an answer off. Protocols by hand are an HTTP implementation of one's own, with its framing, pools, proxies and TLS
to get right; few teams would keep that in Python, and without a single feature it costs about twice what headgate costs
with all of them. What stands here costs about twice its skeleton: keys, routing, deadlines, events, metrics and the
record are the other half. `headgate bench compare` measures it beside headgate and the plain proxies.

Choices of the same kind within: a body is scanned by the standard library's C scanner, which says where the model
stands, and its bytes are spliced, not written anew (cheaper than a loads and a dumps, and nothing else changes); events
are parsed until content was seen, then searched for what may end them; children of metrics are looked up once.

Not here: HTTP/2 on either leg, `/stats`, the profile of stages, several workers (run several processes). Differences
that a client can see: aiohttp's parser, not ours, decides what is HTTP; a head that stops arriving is closed after
`http.idle` without a 408; bodies may nest deeper than 128; a provider's chunk that is garbled ends its stream at the
next deadline and not at once.
"""
