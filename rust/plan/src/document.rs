//! The plan document, field by field. `python/headgate/plan/document.py` is its twin; `tests/plan` holds them together.
//! What guards calls stands in `resilience.rs`, what callers show in `keys.rs`, what limits them in `limits.rs`.

use crate::keys::{Former, KeyDigest};
use crate::limits::{Budget, Grant, Identity, Limit};
use crate::needs::Capability;
use crate::price::Price;
use crate::resilience::{Breaker, Resilience};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole plan.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this document's form; see [`crate::FORMAT`].
    pub format: u32,
    /// SHA-256, in lower-case hex, of the canonical JSON without this field.
    pub hash: String,
    /// Where to listen.
    pub listen: Listen,
    /// Who may call.
    pub callers: Callers,
    /// Limits of the data listener.
    pub http: HttpLimits,
    /// How many worker threads.
    pub workers: Workers,
    /// How a stop proceeds.
    pub drain: Drain,
    /// The way out to providers.
    pub egress: Egress,
    /// What is written to the log.
    pub log: Log,
    /// What calls cost; what has a price refers to it by its index.
    pub prices: Vec<Price>,
    /// Who answers calls.
    pub providers: Vec<Provider>,
    /// One model at one provider, each.
    pub deployments: Vec<Deployment>,
    /// What callers ask for. Exact names stand before patterns; among patterns the longer fixed part stands first, and
    /// the first that matches counts.
    pub aliases: Vec<Alias>,
    /// Model names that exactly one of the providers is known for, sorted by name; none that is retired, that an alias
    /// has, or that begins with a provider's name and a slash.
    pub models: Vec<KnownModel>,
    /// Virtual keys; empty when `callers` is not `keys`.
    pub keys: Vec<Key>,
    /// What digests of keys are made under; there where a key has one.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub pepper: Option<SecretRef>,
    /// The provider (an index) of calls that name no model.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub passthrough: Option<usize>,
    /// How calls are guarded that go through no alias.
    pub resilience: Resilience,
    /// How it is written down what calls use; none where it is not.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub journal: Option<Journal>,
    /// What identifies who is behind a call.
    pub identity: Identity,
    /// How much of what may be used; of the same id and value there is one.
    pub limits: Vec<Limit>,
    /// How much money may be spent; likewise, and no id is that of a limit.
    pub budgets: Vec<Budget>,
    /// What was granted beyond them.
    pub grants: Vec<Grant>,
}

/// How it is written down what calls use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Where.
    pub directory: PathBuf,
    /// How often it is handed to the disk.
    pub sync_ms: u64,
    /// The length of a segment.
    pub segment_bytes: u64,
    /// How long segments are kept at least.
    pub keep_for_ms: u64,
    /// How much all segments may take, before the oldest go in spite of that.
    pub keep_bytes: u64,
    /// What becomes of calls that cannot be written down.
    pub when_full: WhenFull,
}

/// What becomes of calls that cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Those under a budget that must hold are refused, others are served and counted.
    RefuseBudgeted,
    /// All are refused.
    Refuse,
    /// All are served and counted.
    Serve,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The base URL's listener.
    pub data: Address,
    /// Probes, metrics, drain.
    pub ops: Address,
    /// TLS of `data`.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub tls: Option<TlsFiles>,
}

/// A listening address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// An IP address and a port; port 0 lets the system choose.
    Tcp(std::net::SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// Certificate chain and private key, PEM; read at start and reload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The leaf's key.
    pub key: PathBuf,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Callers {
    /// Whoever shows one of `keys`.
    Keys,
    /// Anyone on this machine, but no web page: a foreign `Origin` or a `Host` that is not loopback is refused.
    Loopback,
    /// Anyone who can reach the listener; the policy said `open: true`.
    Anyone,
}

/// Limits of the data listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpLimits {
    /// The largest body that is read for its model.
    pub max_body_bytes: u64,
    /// The largest body that is passed on as it comes.
    pub max_upload_bytes: u64,
    /// The largest head of a request; at least 1 KiB, at most 1 MiB.
    pub max_head_bytes: u32,
    /// Open connections over all workers; loopback and unix sockets are not counted.
    pub max_connections: u32,
    /// Open calls over all workers; further ones are refused before their body is read.
    pub max_calls: u32,
    /// Open streams over all workers.
    pub max_streams: u32,
    /// Bytes of request bodies that are held over all workers; `null`: a quarter of the cgroup's limit of memory, or
    /// 1 GiB where there is none.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` leaves it to the gateway
    pub max_buffered_bytes: Option<u64>,
    /// How long a connection may rest between calls.
    pub idle_ms: u64,
    /// How long the head or the body of a request may stop arriving.
    pub read_gap_ms: u64,
    /// Web origins that may call, such as `https://app.example`; lower case.
    pub origins: Vec<String>,
}

/// How many worker threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Workers {
    /// What the cgroup's quota and the affinity give.
    Auto,
    /// As many as stated, at least 1.
    Fixed(u16),
}

/// How a stop proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// How long new calls are still taken after readiness has failed.
    pub accept_for_ms: u64,
    /// How long open calls may go on after that.
    pub grace_ms: u64,
}

/// The way out to providers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Whether to go through a proxy.
    pub proxy: Proxy,
    /// Whom to trust in TLS.
    pub roots: Roots,
}

/// Whether to go through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proxy {
    /// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say at start.
    Env,
    /// Never.
    Off,
    /// Always through this `http://host:port`.
    Url(String),
}

/// Whom to trust in TLS; the union of what is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Roots {
    /// The operating system's store.
    pub system: bool,
    /// Mozilla's roots, as built in.
    pub bundled: bool,
    /// More roots, PEM files.
    pub files: Vec<PathBuf>,
}

/// What is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least level of events.
    pub level: Level,
    /// Which calls have a line.
    pub calls: CallLog,
}

/// A level of log events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Everything that helps to find a defect.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What an operator must look at.
    Error,
}

/// Which calls have a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallLog {
    /// None.
    Off,
    /// Those that failed.
    Errors,
    /// Each.
    All,
}

/// Who answers calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The name in the policy.
    pub id: String,
    /// Its name in the catalogue, for what is known of its errors; empty for one that the catalogue does not know.
    pub kind: String,
    /// The dialect family it speaks; `openai` alone as yet.
    pub dialect: String,
    /// Its addresses, at least one.
    pub endpoints: Vec<Endpoint>,
    /// What we show it; empty where it asks for nothing. Each has its own health.
    pub credentials: Vec<SecretRef>,
    /// How a credential is shown.
    pub auth: Auth,
    /// More header lines for every call: lower-case name to value.
    pub headers: BTreeMap<String, String>,
    /// Which versions of HTTP to speak.
    pub http: HttpVersions,
    /// When what is blamed for failures is left out for a while.
    pub breaker: Breaker,
    /// Retries of late, as a share of its calls; per mille.
    pub retry_permille: u32,
    /// Retries that are allowed each second, however few the calls.
    pub retry_floor_per_second: u32,
    /// Calls at once for each credential and model; at least 1.
    pub max_concurrency: u32,
    /// Whether streams are asked to say what they used.
    pub stream_usage: StreamUsage,
    /// What its models cost whose price is known, by their names; indices into `prices`.
    pub prices: BTreeMap<String, usize>,
    /// What its other models cost, an index into `prices`.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub price: Option<usize>,
}

/// Whether streams of chats are asked to say what they used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamUsage {
    /// They are; a caller that did not ask does not see it.
    Ask,
    /// Calls are left as they are.
    Leave,
}

/// One address of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Stable over reloads: state is kept under it.
    pub id: String,
    /// How to connect.
    pub scheme: Scheme,
    /// A host name or an IP address without brackets; for `unix`, the path of the socket.
    pub host: String,
    /// The port; 0 for `unix`.
    pub port: u16,
    /// What stands between the authority and `/chat/completions`: empty, or `/v1` and the like, with no slash at its end.
    pub base_path: String,
    /// Whether the policy wrote this host. Then it may be private; otherwise it must be global.
    pub named: bool,
}

/// How to connect to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
    /// A unix socket, plain.
    Unix,
}

/// How a credential is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The header, lower case.
    pub header: String,
    /// What stands before the credential, such as `Bearer ` with its blank; may be empty.
    pub prefix: String,
}

/// Which versions of HTTP to speak to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpVersions {
    /// Over TLS what ALPN settles, else HTTP/1.1.
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    Http2,
}

/// Where a secret stands; resolved at start and reload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// In this environment variable.
    Env(String),
    /// In this file, less one newline at its end.
    File(PathBuf),
    /// Written in the policy itself. Such a plan stays in memory; `compile` refuses to print it.
    Literal(String),
    /// Not known, but this digest of it is: of virtual keys alone, those that were made outside of the policy.
    Digest(KeyDigest),
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The name in the policy.
    pub id: String,
    /// An index into `providers`.
    pub provider: usize,
    /// The provider's name of the model; `{1}` is what an alias's star stood for.
    pub model: String,
    /// How many tokens its context holds, where that is known.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub context_tokens: Option<u64>,
    /// What it can do besides plain text, each once; `null`: whatever a call needs.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says anything
    pub capabilities: Option<Vec<Capability>>,
    /// What it costs, an index into `prices`, where that is known and does not depend on the model that a call names.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub price: Option<usize>,
    /// Calls at once for each credential, at least 1; `null`: as its provider says.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub max_concurrency: Option<u32>,
    /// How it is asked to go on from a text, for a stream that was cut.
    pub prefill: Prefill,
}

/// How a server is asked to go on from the last message, the assistant's, instead of answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefill {
    /// It is not: it would answer.
    Off,
    /// It does so unasked.
    Assistant,
    /// By `continue_final_message` in the body.
    ContinueFinalMessage,
    /// By `prefix` in the message.
    Prefix,
    /// The same, where it says the text again before it goes on.
    PrefixEcho,
}

/// What callers ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The name, with at most one `*`.
    pub name: String,
    /// Steps in order, at least one; a later one is a fallback.
    pub chain: Vec<Step>,
    /// How its calls are guarded.
    pub resilience: Resilience,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Who shares the step's calls; 1 to 64.
    pub shares: Vec<Share>,
    /// How they share them.
    pub balance: Balance,
    /// What must have happened to the step before; empty for the first step alone.
    pub when: Vec<Condition>,
}

/// A deployment's share of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// An index into `deployments`.
    pub deployment: usize,
    /// At least 1.
    pub weight: u32,
}

/// How the deployments of a step share its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// At random, by weight.
    Weighted,
    /// The faster of two at random, by the time to the first token of late.
    Fastest,
    /// The least price first.
    Cheapest,
    /// The one of two at random with fewer open calls for its weight.
    LeastBusy,
}

/// What must have happened for a fallback to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It failed, could not be reached, was overloaded, is left out by its breaker, or has no credential that it takes.
    Unavailable,
    /// It asked for fewer calls, or has as many as the policy allows it.
    RateLimited,
    /// It was too slow.
    Timeout,
    /// The prompt does not fit into its context.
    ContextTooLong,
    /// It refused the content.
    ContentFiltered,
    /// The money for it is spent: the caller's, or its own.
    BudgetSpent,
}

/// A model name that one provider alone is known for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// The model's name.
    pub name: String,
    /// An index into `providers`.
    pub provider: usize,
}

/// A virtual key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name in the policy, for logs.
    pub name: String,
    /// What the caller shows.
    pub secret: SecretRef,
    /// The aliases (indices) that it may ask for; `null` for every alias and every model.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub aliases: Option<Vec<usize>>,
    /// Whether it may make calls that name no model.
    pub passthrough: bool,
    /// Its team.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub team: Option<String>,
    /// Who is behind all its calls.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub user: Option<String>,
    /// What all its calls are tagged with, each once.
    pub tags: Vec<String>,
    /// From when on it is refused, in milliseconds since 1970.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says never
    pub expires_unix_ms: Option<u64>,
    /// What its callers may show besides, for a while: it was rotated.
    pub former: Vec<Former>,
}
