//! Limits and budgets: which a call meets, whether there is room for it, and what it has used in the end.
//!
//! A call takes one [`Reservation`], of all limits that it meets or of none. They are looked at first and taken afterwards,
//! so that a call which is refused has touched nothing; should another call have taken the last of something in between, what
//! was taken before it is given back. A reservation never lets in more than is allowed; at the very edge it may refuse a
//! call that a moment later had been let in.
//!
//! What a call will use is an estimate, what it has used replaces it. The estimate of a limit in a while is never more than
//! its bucket holds, and a guess never more than a budget has, so that no call is refused for ever for what was guessed.

mod ask;
mod gather;
mod refusal;
mod replay;
mod reserve;
mod rule;
mod take;
mod tightest;

pub use ask::{Ask, Cost, Used};
pub use gather::{Limits, Meets, Met, Who};
pub use refusal::{Refusal, Why};
pub use replay::{Names, Past};
pub use reserve::{Reservation, Ticket, Warning, Warnings};
pub use rule::{Measured, Money, Rule};
pub use tightest::{Remaining, Tightest};
