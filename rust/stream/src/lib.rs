//! An answer on its way from a provider to the caller.
//!
//! [`Forward`] is a body around a body. Bytes pass through it as they came, and it makes sure of two things: that an
//! answer which was cut never looks whole, and that none takes longer than its deadlines.
//!
//! An event stream leaves here event by event: the tail of a chunk that ends within an event waits for the rest, so
//! that whatever goes wrong, the caller has only whole events before it and the error event after them is read as
//! one. A provider's chunk nearly always ends with an event, and then nothing waits and nothing is copied.
//!
//! A stream is whole when its dialect says so (`protocol::openai::stream`), not when its bytes end. A stream that ends
//! any other way gets its dialect's error event, never a terminator that the provider did not send, and the connection
//! is broken off behind it, so that a client which does not read events notices too.
//!
//! Not here: sockets; the choice to try elsewhere, which is over once the first byte has left.

mod deadlines;
mod events;
mod forward;

pub use deadlines::{Deadlines, drain_cut};
pub use forward::Forward;
