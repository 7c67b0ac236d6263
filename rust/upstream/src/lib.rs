//! Pools, credentials, the egress guard; one exchange with one endpoint.
//!
//! [`Pools::exchange`] sends one call to one endpoint and hands back the answer's head and a body that arrives piece by
//! piece. It never decides where a call goes, how long it may take after the connection stands, or whether to try again.
//!
//! # The way chosen
//! - Each worker has its own [`Pools`]: no lock, no other core. An HTTP/1.1 exchange owns its connection and drives the
//!   socket itself, so a call on a pooled connection is one write (head and body) and one read. Whether a pooled
//!   connection still lives is asked of the event loop, which knows it without a system call.
//! - HTTP/2 goes through hyper, one driver task for each connection.
//! - The connection travels with [`AnswerBody`]. It returns to the pool when the answer ended exactly where its framing
//!   said and nothing is left over; in every other case it is closed. So dropping a body, or the exchange itself, is how
//!   a call is cancelled: the provider sees the connection close (HTTP/1.1) or the stream reset (HTTP/2).
//! - Nothing here retries, with two exceptions in which the provider has seen nothing: a pooled connection on which the
//!   kernel took no byte of the request, and an HTTP/2 stream that the provider refused unprocessed.
//!
//! # Invariants
//! - An address is checked by the guard and then connected to, the same value; there is no second look-up in between.
//! - No credential, cookie or hop-by-hop line of the caller leaves; the provider's credential, and it alone, does.
//! - An answer that was cut is a fault, never an end.
//!
//! [`Pools`] spawns local tasks: it belongs inside a `tokio::task::LocalSet` on a current-thread runtime.
//!
//! Not here: deadlines after connecting, retries, health (`attempt`); resolving secrets (`gateway`).
#![warn(clippy::wildcard_enum_match_arm)]

mod answer;
mod connect;
mod connection;
mod egress;
mod exchange;
mod guard;
mod http2;
mod lines;
mod outgoing;
mod pool;
mod pools;
mod proxy;
mod receive;
mod request_lines;
mod resolve;
mod response_lines;
mod send;
mod tls;
mod upload;
mod wire;

pub use answer::{Answer, AnswerBody};
pub use egress::Egress;
pub use lines::ProviderLines;
pub use outgoing::{Outgoing, OutgoingBody, TIMEOUT_HEADER};
pub use pools::{Connector, Gauges, Pools};
pub use request_lines::forwarded;
pub use response_lines::forward_lines;
