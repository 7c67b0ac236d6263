//! Accept, TLS, HTTP/1.1 and HTTP/2, limits, drain: from a socket to a request, and from an answer to a socket.
//!
//! Each worker is one thread with a current-thread runtime and its own listening socket; nothing here wakes another
//! core. A connection is one task. Over HTTP/1.1 the call runs inside that task, on our own codec (`http1`), so that a
//! request on a kept connection costs one read and one write; HTTP/2 is hyper's, and its types stay in `h2`.
//!
//! ```text
//! bind -> Share -> serve: accept -> greet: room, TLS, version -> h1 | h2 -> Service::call
//! ```
//!
//! Invariants:
//! - A caller who leaves cancels its call: the future, or the body of its answer, is dropped at once. The end of its
//!   input counts as leaving, since a FIN cannot be told from a program that exited.
//! - An answer is asked for only as fast as its caller reads: at most 64 KiB and one piece are held of it.
//! - An answer whose body fails never looks whole: no last chunk, a reset stream, a reset connection where the end of
//!   the connection would be the end of the body.
//! - Whatever the kernel has let in is served before a listener closes.
//!
//! Not here: sizes of bodies, which belong to whoever reads them; what an error looks like ([`Service::refuse`]); the
//! ops listener.

mod accept;
mod bind;
mod body;
mod date;
mod greet;
mod h1;
mod h2;
mod io;
mod live;
mod memory;
mod pace;
mod serve;
mod service;
mod timer;
mod tls;
mod worker;

pub use bind::{Listening, Share, bind};
pub use body::RequestBody;
pub use live::Live;
pub use memory::{Door, in_memory};
pub use serve::serve;
pub use service::{Incoming, Limits, Peer, Phase, Reply, ReplyHead, Service, Version, Work};
pub use tls::{TlsError, TlsHandle};
