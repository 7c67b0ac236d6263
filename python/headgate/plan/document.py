"""The plan document, field by field.

`document.rs`, `resilience.rs` and `limits.rs` in `rust/plan/src` are its twins; `tests/plan` holds them together.
A plan is complete: no field is absent and none means "default". References between parts are positions in lists.
An enum with a value is a map of its one variant (`{"tcp": "127.0.0.1:8080"}`), one without is a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FORMAT: Final = 1


@dataclass(frozen=True)
class Tcp:
    """An IP address and a port, `127.0.0.1:8080` or `[::1]:8080`; port 0 lets the system choose."""

    tcp: str


@dataclass(frozen=True)
class Unix:
    """The path of a unix socket."""

    unix: str


Address = Tcp | Unix


@dataclass(frozen=True)
class TlsFiles:
    """Certificate chain and private key, PEM; read at start and reload."""

    cert: str
    key: str


@dataclass(frozen=True)
class Listen:
    """Where to listen."""

    data: Address
    ops: Address
    tls: TlsFiles | None


Callers = Literal["keys", "loopback", "anyone"]
"""Who may call: whoever shows a key; anyone on this machine but no web page; anyone who can reach the listener."""


@dataclass(frozen=True)
class HttpLimits:
    """Limits of the data listener.

    `max_calls`, `max_streams` and `max_buffered_bytes` (of request bodies) are over all workers; the last is none where
    the gateway takes a quarter of the cgroup's limit of memory, or 1 GiB.
    """

    max_body_bytes: int
    max_upload_bytes: int
    max_head_bytes: int
    max_connections: int
    max_calls: int
    max_streams: int
    max_buffered_bytes: int | None
    idle_ms: int
    read_gap_ms: int
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Fixed:
    """As many workers as stated, at least 1."""

    fixed: int


Workers = Literal["auto"] | Fixed


@dataclass(frozen=True)
class Drain:
    """How a stop proceeds."""

    accept_for_ms: int
    grace_ms: int


@dataclass(frozen=True)
class Url:
    """A proxy, `http://host:port`."""

    url: str


Proxy = Literal["env", "off"] | Url


@dataclass(frozen=True)
class Roots:
    """Whom to trust in TLS; the union of what is on."""

    system: bool
    bundled: bool
    files: tuple[str, ...]


@dataclass(frozen=True)
class Egress:
    """The way out to providers."""

    proxy: Proxy
    roots: Roots


@dataclass(frozen=True)
class Log:
    """What is written to the log."""

    level: Literal["debug", "info", "warn", "error"]
    calls: Literal["off", "errors", "all"]


@dataclass(frozen=True)
class Journal:
    """How it is written down what calls use.

    It is handed to the disk every `sync_ms`. Segments are kept for `keep_for_ms` at least, unless all together take
    more than `keep_bytes`. `when_full`: what becomes of calls for which there is no room.
    """

    directory: str
    sync_ms: int
    segment_bytes: int
    keep_for_ms: int
    keep_bytes: int
    when_full: Literal["refuse_budgeted", "refuse", "serve"]


@dataclass(frozen=True)
class Endpoint:
    """One address of a provider. For `unix`, `host` is the socket's path and `port` is 0.

    `base_path` stands before `/chat/completions`: empty, or without a slash at its end. `named`: the policy wrote the
    host, or the catalogue knows it as one of the operator's own machine; otherwise it must be a global address.
    """

    id: str
    scheme: Literal["http", "https", "unix"]
    host: str
    port: int
    base_path: str
    named: bool


@dataclass(frozen=True)
class Env:
    """A secret in an environment variable."""

    env: str


@dataclass(frozen=True)
class File:
    """A secret in a file, less one newline at its end."""

    file: str


@dataclass(frozen=True, repr=False)
class Literally:
    """A secret written in the policy itself. Such a plan stays in memory."""

    literal: str

    def __repr__(self) -> str:
        return "Literally(...)"


@dataclass(frozen=True)
class KeyDigest:
    """A digest of a virtual key under the plan's pepper: of the secret itself, or of its SHA-256. 64 hex digits."""

    of: Literal["secret", "sha256"]
    mac: str


@dataclass(frozen=True)
class Digest:
    """A secret that is not known, but its digest is; of virtual keys alone."""

    digest: KeyDigest


SecretRef = Env | File | Literally | Digest


@dataclass(frozen=True)
class Auth:
    """How a credential is shown: the header, lower case, and what stands before the credential."""

    header: str
    prefix: str


@dataclass(frozen=True)
class Breaker:
    """When what is blamed for failures is left out for a while; shares are per mille.

    `consecutive` failures in a row, or a share of at least `min_calls` calls of a window that failed or were slow.
    Every `probe_ms`, unless that is none, what is left out is asked outside of calls whether it is back.
    """

    consecutive: int
    ratio_permille: int
    slow_first_token_ms: int
    slow_permille: int
    window_ms: int
    min_calls: int
    open_ms: int
    open_cap_ms: int
    probe_ms: int | None


@dataclass(frozen=True)
class Provider:
    """Who answers calls. `kind` is its name in the catalogue, empty for one that the catalogue does not know.

    `retry_permille` and `retry_floor_per_second` are the budget of retries, `max_concurrency` bounds the calls at once
    for each credential and model. `prices` are those of its models by their names (positions in the plan's `prices`),
    `price` that of all others. `stream_usage`: whether streams are asked to say what they used.
    """

    id: str
    kind: str
    dialect: str
    endpoints: tuple[Endpoint, ...]
    credentials: tuple[SecretRef, ...]
    auth: Auth
    headers: dict[str, str]
    http: Literal["auto", "http1", "http2"]
    breaker: Breaker
    retry_permille: int
    retry_floor_per_second: int
    max_concurrency: int
    stream_usage: Literal["ask", "leave"]
    prices: dict[str, int]
    price: int | None


@dataclass(frozen=True)
class Rates:
    """What a million tokens of each class cost, in billionths of a US dollar."""

    input: int
    cache_read: int
    cache_write: int
    input_audio: int
    input_image: int
    output: int
    reasoning: int
    output_audio: int
    output_image: int


@dataclass(frozen=True)
class Tier:
    """What tokens cost in calls whose prompt has more than so many."""

    above_tokens: int
    nano_usd_per_million: Rates


@dataclass(frozen=True)
class Daily:
    """A time of each day, in seconds after midnight, UTC; it may go past midnight."""

    from_s: int
    until_s: int


@dataclass(frozen=True)
class Period:
    """A price and when it holds. No tiers: there is no price for tokens; no `daily`: all day."""

    from_unix_s: int
    daily: Daily | None
    tiers: tuple[Tier, ...]
    audio_hour_nano_usd: int | None
    call_nano_usd: int


@dataclass(frozen=True)
class Price:
    """What a model costs, by the service tier that serves a call; of periods, the last that holds counts."""

    usual: tuple[Period, ...]
    service_tiers: dict[str, tuple[Period, ...]]


Capability = Literal["tools", "images", "audio", "files", "json_schema", "reasoning"]
"""What a call may need of a model besides plain text."""

Prefill = Literal["off", "assistant", "continue_final_message", "prefix", "prefix_echo"]
"""How a server is asked to go on from the last message, the assistant's, instead of answering it."""


@dataclass(frozen=True)
class Deployment:
    """One model at one provider (a position in `providers`).

    None of `capabilities` is whatever a call needs; none of `max_concurrency` is as its provider says. `price` is a
    position in `prices`; none where it depends on the model that a call names, or is not known.
    """

    id: str
    provider: int
    model: str
    context_tokens: int | None
    capabilities: tuple[Capability, ...] | None
    price: int | None
    max_concurrency: int | None
    prefill: Prefill


@dataclass(frozen=True)
class Share:
    """A deployment's (a position in `deployments`) share of a step; `weight` is at least 1."""

    deployment: int
    weight: int


Condition = Literal["unavailable", "rate_limited", "timeout", "context_too_long", "content_filtered", "budget_spent"]
"""What must have happened for a fallback to be tried."""


@dataclass(frozen=True)
class Step:
    """One step of a chain; `when` is empty for the first step alone."""

    shares: tuple[Share, ...]
    balance: Literal["weighted", "fastest", "cheapest", "least_busy"]
    when: tuple[Condition, ...]


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of a call."""

    connect_ms: int
    first_token_ms: int
    idle_ms: int
    attempt_ms: int
    total_ms: int
    stream_total_ms: int


@dataclass(frozen=True)
class Retry:
    """How often, and after what pause, a call is tried again; `max_attempts` is at one deployment.

    The pause before the retry `n` (from 0) is drawn from 0 to `min(cap, base * 2^n)`; a pause that the provider asks
    for is waited out up to `wait_ms`.
    """

    max_attempts: int
    max_attempts_per_call: int
    base_ms: int
    throttled_base_ms: int
    cap_ms: int
    wait_ms: int


@dataclass(frozen=True)
class Ms:
    """Milliseconds, at least 1."""

    ms: int


@dataclass(frozen=True)
class Hedge:
    """A second try while the first is open: when it starts, and the most such tries.

    As a share of the calls, and of what answers cost: what tries may that lost.
    """

    after: Literal["p95"] | Ms
    max_share_permille: int
    max_spend_permille: int


@dataclass(frozen=True)
class Resilience:
    """How the calls of one alias are guarded, or those that go through none; none of a field is never or nothing."""

    timeouts: Timeouts
    retry: Retry
    hedge: Hedge | None
    on_disconnect: Literal["cancel", "drain", "finish"]
    on_cut: Literal["error", "continue"]
    coalesce: bool
    resume_bytes: int | None
    keep_alive_ms: int | None
    priority: Literal["normal", "low"]
    affinity: Literal["off", "session", "prefix"]


@dataclass(frozen=True)
class Alias:
    """What callers ask for."""

    name: str
    chain: tuple[Step, ...]
    resilience: Resilience


@dataclass(frozen=True)
class KnownModel:
    """A model name that one provider (a position in `providers`) alone is known for."""

    name: str
    provider: int


@dataclass(frozen=True)
class Former:
    """A secret that a key had before; refused from a time on, in milliseconds since 1970."""

    secret: SecretRef
    until_unix_ms: int


@dataclass(frozen=True)
class Key:
    """A virtual key; `aliases` are positions in `aliases`, none for every alias and every model.

    It is refused from `expires_unix_ms` on, in milliseconds since 1970; `former` may be shown besides for a while.
    `user` is behind all its calls, `tags` are those of all.
    """

    name: str
    secret: SecretRef
    aliases: tuple[int, ...] | None
    passthrough: bool
    team: str | None
    user: str | None
    tags: tuple[str, ...]
    expires_unix_ms: int | None
    former: tuple[Former, ...]


@dataclass(frozen=True)
class Header:
    """In this header, lower case."""

    header: str


Source = Header | Literal["body_user"]
"""Where an identity stands; else in the field `user` of the body."""


@dataclass(frozen=True)
class Identity:
    """What identifies who is behind a call: of several sources the first that says something counts.

    Of each limit `most_values` values are counted apart. What a value has used in its life is forgotten after
    `forget_ms` without a call.
    """

    user: tuple[Source, ...]
    agent: tuple[Source, ...]
    session: tuple[Source, ...]
    task: tuple[Source, ...]
    tags: tuple[Source, ...]
    most_values: int
    forget_ms: int


Dimension = Literal[
    "key", "team", "user", "agent", "session", "task", "tag", "model", "alias", "deployment", "provider"
]
"""What a limit or a budget is counted by."""


@dataclass(frozen=True)
class Rate:
    """`amount` comes in each period; what comes in `burst_ms`, and one at least, may be used at once."""

    amount: int
    per_ms: int
    burst_ms: int


@dataclass(frozen=True)
class Requests:
    """Requests in a while."""

    requests: Rate


@dataclass(frozen=True)
class Tokens:
    """Tokens in a while, of prompts and answers."""

    tokens: Rate


@dataclass(frozen=True)
class Concurrency:
    """Calls at once."""

    concurrency: int


@dataclass(frozen=True)
class TotalTokens:
    """Tokens in all, for ever."""

    total_tokens: int


@dataclass(frozen=True)
class TotalNanoUsd:
    """Nano-dollars in all, for ever."""

    total_nano_usd: int


@dataclass(frozen=True)
class InputTokens:
    """Tokens of the prompt of one call."""

    input_tokens: int


@dataclass(frozen=True)
class OutputTokens:
    """Tokens that one call may ask for."""

    output_tokens: int


Measure = Requests | Tokens | Concurrency | TotalTokens | TotalNanoUsd | InputTokens | OutputTokens


@dataclass(frozen=True)
class Limit:
    """How much of one thing may be used.

    What was used is kept under `id`, which names no value; limits of the same id are on the same thing, one for each
    `value`, and one, with none, for all that have no limit of their own. `per` none: all calls together.
    """

    id: str
    per: Dimension | None
    value: str | None
    measure: Measure
    enforce: bool


@dataclass(frozen=True)
class RollingMs:
    """The last so many milliseconds."""

    rolling_ms: int


@dataclass(frozen=True)
class Use:
    """A call goes to this alias (a position in `aliases`); the budget counts it and does not refuse it."""

    use: int


@dataclass(frozen=True)
class Budget:
    """How much money may be spent in a window; `id`, `per`, `value` and `enforce` are as those of a limit.

    `warn_permille`, rising: at which shares something is said.
    """

    id: str
    per: Dimension | None
    value: str | None
    nano_usd: int
    window: Literal["hour", "day", "week", "month", "lifetime"] | RollingMs
    time_zone: str
    warn_permille: tuple[int, ...]
    when_spent: Literal["refuse", "ask"] | Use
    enforce: bool


@dataclass(frozen=True)
class Grant:
    """More money for one value in one window of a budget: the id that the refusal named, and how much."""

    approval: str
    nano_usd: int


@dataclass(frozen=True)
class Plan:
    """The whole plan.

    `aliases`: exact names stand before patterns, among patterns the longer fixed part first; the first that matches
    counts. `models` is sorted by the bytes of the names. `keys` is empty when `callers` is not `keys`. `pepper` is what
    digests of keys are made under; there where a key has one.
    """

    format: int
    hash: str
    listen: Listen
    callers: Callers
    http: HttpLimits
    workers: Workers
    drain: Drain
    egress: Egress
    log: Log
    prices: tuple[Price, ...]
    providers: tuple[Provider, ...]
    deployments: tuple[Deployment, ...]
    aliases: tuple[Alias, ...]
    models: tuple[KnownModel, ...]
    keys: tuple[Key, ...]
    pepper: SecretRef | None
    passthrough: int | None
    resilience: Resilience
    journal: Journal | None
    identity: Identity
    limits: tuple[Limit, ...]
    budgets: tuple[Budget, ...]
    grants: tuple[Grant, ...]
