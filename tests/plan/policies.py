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
passthrough: openai
providers:
  house:
    dialect: openai
    endpoints: [http://10.0.0.5:8000/v1, "http://[fd00::5]:8000", "unix:/run/v.sock:/v1"]
    headers: {X-Team: blue}
    http: 2
  openai: {credential: ["${env:A}", "${file:/run/b}"]}
  azure_openai: {credential: in-clear, endpoints: [https://mine.openai.azure.com/openai/v1], http: 1}
  gemini: {dialect: openai, credential: "${env:G}"}
  ollama: {}
deployments:
  mini: {provider: openai, model: gpt-5-mini}
  gpt: {provider: openai, model: gpt-5.2}
  own: {provider: house, model: "x-{1}", context_tokens: 1_000}
aliases:
  "a-*": {chain: [{use: own}]}
  "longer-*": {chain: [{use: own}]}
  exact: {chain: [{use: {gpt: 3}}, {use: [mini], when: [unavailable]}], timeouts: {idle: 5s, total: 1m}}
  "*-z": {chain: [{use: own}]}
  another: {chain: [{use: gpt}]}
keys:
  - {name: one, secret: "${env:ONE}", aliases: [exact, another, "a-*"]}
  - {name: two, secret: "${file:/run/two}", passthrough: true}
resilience: {timeouts: {connect: 1s, first_token: 2s, idle: 3s, attempt: 4s, total: 5s, stream_total: 6s}}
"""


def lowered(text: str = FULL) -> plan.Plan:
    """The plan of a policy."""
    return compiler.compile_text(text, "policy.yaml", {}).plan


def document(text: str = FULL) -> bytes:
    """The plan of a policy as canonical JSON."""
    return compiler.compile_text(text, "policy.yaml", {}).document
