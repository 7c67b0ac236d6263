//! A chat completion that was cut, continued by another: what has to be known of the call, of what was said, and of what
//! follows.
//!
//! The next call has the same body with one message more, of the assistant, which holds what was said so far; how a
//! server is asked to go on from it instead of answering it differs ([`Prefill`]). That works for plain text and for
//! nothing else: a tool call, a form that the whole answer has to have, or log probabilities cannot be taken up in the
//! middle. So both the body ([`Plain`]) and the stream ([`Said`]) are compared with what is known to be plain, and what is
//! not known is not continued. What follows ([`Follow`]) becomes a part of the same answer: one id, one role.

mod body;
mod follow;
mod said;

pub use body::{Plain, Prefill};
pub use follow::Follow;
pub use said::{Said, Text};
