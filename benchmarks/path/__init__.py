"""What does a call cost in instructions and allocations? The same figure on a quiet and on a busy machine.

Time on a shared machine wanders by several percent; instructions do not. So this is what a change is held to:
`python -m benchmarks.path` counts them and fails when a kind of call got more than 2 % dearer than what was accepted
last, or allocates more often.

- The binary `path` (beside this file) holds the gateway in memory, a caller and a provider of prepared bytes. Its
  allocator is that of `headgated`, and its build the release profile: `dist` differs by a slower link alone.
- Each kind of call runs twice under callgrind, with different numbers of calls. The difference over the difference
  of the calls is one call: start-up and warm-up drop out.
- Counted is what the gateway's tasks do, with its allocator. Left out, told apart by name in callgrind's graph, are the
  caller's and the provider's own code, what memory costs in place of sockets, and the runtime's scheduling and timers,
  which depend on the clock; how much each was is shown. Not to be had from these figures: the kernel, the event loop's
  waiting, caches, branches.
- Every answer is looked at, and the body that the provider gets of the first call, byte by byte.

The figures belong to a compiler, a C library and a processor's instruction set (memcpy and the header parser choose
by it); `accepted.json` names those it was made with, and a failure says when they differ.
"""
