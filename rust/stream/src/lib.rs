//! An answer on its way from a provider to the caller.
//!
//! [`Forward`] is a body around a body. Bytes pass through it as they came, and it makes sure of two things: that an
//! answer which was cut never looks whole, and that none takes longer than its deadlines.
//!
//! An event stream leaves here event by event: the tail of a chunk that ends within an event waits for the rest, so
//! that whatever goes wrong, the caller has only whole events before it and the error event after them is read as
//! one. A provider's chunk nearly always ends with an event, and then nothing waits and nothing is copied.
//!
//! A stream is committed by its first *content*, not by its head: providers say 200 and then that they are overloaded.
//! [`Opening`] holds back what comes before; as long as it does, a failure can be made good elsewhere and no caller ever
//! knows. `Forward` goes on from there with what was held and what was found out; no byte is looked at twice.
//!
//! A stream is whole when its dialect says so (`protocol::openai::stream`), not when its bytes end. A stream that ends
//! any other way gets its dialect's error event, never a terminator that the provider did not send, and the connection
//! is broken off behind it, so that a client which does not read events notices too.
//!
//! A stream that only shows signs of life is not alive: comments, pings and empty deltas pass, and count neither as the
//! first content nor as the next.
//!
//! Whoever made the attempt learns how it ended ([`Settle`]) and what it used ([`Metered`]), minutes after its head; a caller that leaves may leave the
//! rest of the body behind ([`Rest`]) for those who pay for it anyway.
//!
//! A stream that its provider cut may be gone on with by another attempt, where the caller's route says so ([`GoOn`]): it
//! is gathered while it passes, the first attempt is settled at the cut, and what goes on becomes a part of it, behind a
//! comment that marks the seam.
//! An answer that several callers get goes through a [`Tape`]: a [`Cast`] writes what a `Forward` yields, and each caller's
//! body is a [`Share`]. So identical calls make one call upstream, and a stream outlives the connection of its caller.
//!
//! Not here: sockets; the choice to try elsewhere, which is over once the first byte has left.

mod cast;
mod deadlines;
mod ending;
mod events;
mod flow;
mod forward;
mod idle;
mod metered;
mod opening;
mod rest;
mod seam;
mod share;
mod tape;
mod terms;

pub use cast::{Cast, Host, Lead, Ran, Telling, To};
pub use deadlines::{Deadlines, drain_cut};
pub use ending::{Ending, How, Settle};
pub use forward::{Begun, Forward};
pub use metered::Metered;
pub use opening::{Opened, Opening, Unopened};
pub use protocol::openai::stream::Finish;
pub use rest::Rest;
pub use seam::{GoOn, Going, Next, Stopped};
pub use share::Share;
pub use tape::{End, Keeping, Missed, Pace, Read, Reader, Stock, Tape, Writer};
pub use terms::{AfterLeave, Terms};
