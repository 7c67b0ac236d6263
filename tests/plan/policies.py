"""Policies for the tests beside this file."""

from __future__ import annotations

from headgate import compile as compiler
from headgate import plan

FULL = """
version: 1
listen: {data: 0.0.0.0:8443, ops: unix:/run/ops.sock, tls: {cert: /tls.crt, key: /tls.key}}
http: {max_body: 1MiB, max_upload: 2MiB, max_head: 16KiB, max_connections: 7, idle: 9s, read_gap: 8s,
       origins: [https://a.example]}
workers: 3
drain: {accept_for: 1s, grace: 2s}
egress: {proxy: "http://proxy.example:3128", roots: [system, /roots.pem]}
log: {level: warn, calls: all}
journal: {dir: /var/lib/headgate, fsync: 1s, segment: 1MiB, keep_for: 1d, keep_size: 1GiB, when_full: serve}
passthrough: openai
providers:
  house:
    dialect: openai
    endpoints: [http://10.0.0.5:8000/v1, "http://[fd00::5]:8000", "unix:/run/v.sock:/v1"]
    headers: {X-Team: blue}
    http: 2
    breaker: {consecutive: 2, slow: {first_token: 90s}}
    retry: {budget_ratio: 0.25}
    concurrency: 64
  openai: {credential: ["${env:A}", "${file:/run/b}"]}
  azure_openai: {credential: in-clear, endpoints: [https://mine.openai.azure.com/openai/v1], http: 1}
  gemini: {dialect: openai, credential: "${env:G}"}
  ollama: {}
deployments:
  mini: {provider: openai, model: gpt-5-mini}
  gpt: {provider: openai, prefill: prefix, model: gpt-5.2}
  own: {provider: house, model: "x-{1}", context_tokens: 1_000, concurrency: 32,
        capabilities: [images, tools],
        price: {input_per_million_usd: 0.15, output_per_million_usd: 2}}
aliases:
  "a-*": {chain: [{use: own}]}
  "longer-*": {chain: [{use: own}]}
  exact: {chain: [{use: {gpt: 3}}, {use: [mini], when: [unavailable, timeout]}], timeouts: {idle: 5s, total: 1m},
          retry: {max_attempts: 2}, on_disconnect: finish, keep_alive: off, on_cut: continue}
  "*-z": {chain: [{use: own}]}
  another: {chain: [{use: gpt}]}
  cheap: {chain: [{use: [gpt, mini], balance: cheapest}]}
keys:
  - {name: one, secret: "${env:ONE}", aliases: [exact, another, "a-*"]}
  - {name: two, secret: "${file:/run/two}", passthrough: true, expires: 2026-12-31,
     former: [{secret: "${env:OLD}", until: "2026-12-31T18:00:00+01:00"}]}
resilience:
  timeouts: {connect: 1s, first_token: 2s, idle: 3s, attempt: 4s, total: 5s, stream_total: 6s}
  retry: {max_attempts: 4, max_attempts_per_call: 6, base: 10ms, throttled_base: 20ms, cap: 30ms, wait: 40ms,
          budget_ratio: 0.05, budget_floor: 7}
  breaker: {consecutive: 9, ratio: 0.6, slow: {first_token: 11s, ratio: 0.7}, window: 12s, min_calls: 13, open: 14s,
            open_cap: 15s, probe: 10s}
  on_disconnect: drain
  on_cut: error
  keep_alive: 16s
"""


def lowered(text: str = FULL) -> plan.Plan:
    """The plan of a policy."""
    return compiler.compile_text(text, "policy.yaml", {}).plan


def document(text: str = FULL) -> bytes:
    """The plan of a policy as canonical JSON."""
    return compiler.compile_text(text, "policy.yaml", {}).document
