//! A second attempt of a call while the first is open: when it is due, and what speaks against it.
//!
//! A call whose first token takes longer than 95 % of late ([`Tail`]) is likely to have met a slow machine rather than
//! a slow model, and another one answers sooner. But the loser bills as well, and a provider that is slow because it is
//! full is made fuller. So a second attempt is the exception: off by default, paid for by the calls that needed none,
//! in calls ([`Share`]) and in money ([`Purse`]), and by the retry budgets of whom it asks, never when a second run of the call could *do* something (tools
//! on the provider's side), and never when a breaker on the way is not closed, since a provider in trouble needs fewer
//! calls and not more.
//!
//! `run::hedged` asks [`due_ns`] when an attempt is sent. When that time has passed without a token it chooses a second
//! target and sends. Whichever commits first wins.
//!
//! Source: Dean, Barroso, "The Tail at Scale" (2013) for p95; gRPC A6 and Finagle's backup requests for the cap.
//!
//! Not here: sending, cancelling and recording the two attempts (`run::hedged`), and what they cost, which who sends them
//! tells the purse.

mod purse;
mod share;
mod tail;

pub use purse::Purse;
pub use share::Share;
pub use tail::Tail;

use plan::{Hedge, HedgeAfter};

/// What speaks against a second attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Against {
    /// The answer is not streamed, so that nobody knows how long it should take.
    Whole,
    /// Too little is known of the time to the first token.
    Unknown,
    /// The call's deadline comes first.
    Deadline,
    /// The call has had as many attempts as it may.
    Attempts,
    /// A breaker behind the first attempt is not closed.
    Breaker,
    /// Second attempts have had their share of the calls.
    Share,
    /// Attempts that lost have had their share of the spend.
    Spend,
    /// Tools run at the provider.
    Tools,
    /// No other target of the step is in full service.
    Target,
    /// A retry budget of the other target is spent.
    Budget,
}

impl Against {
    /// All, in the order of the metrics' table.
    pub const ALL: [Self; 10] = [
        Self::Whole,
        Self::Unknown,
        Self::Deadline,
        Self::Attempts,
        Self::Breaker,
        Self::Share,
        Self::Spend,
        Self::Tools,
        Self::Target,
        Self::Budget,
    ];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Unknown => "unknown",
            Self::Deadline => "deadline",
            Self::Attempts => "attempts",
            Self::Breaker => "breaker",
            Self::Share => "share",
            Self::Spend => "spend",
            Self::Tools => "tools",
            Self::Target => "no_target",
            Self::Budget => "budget",
        }
    }
}

/// What is known of an attempt when it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// When, in nanoseconds.
    pub at_ns: u64,
    /// What is left then until the call must have committed, in nanoseconds.
    pub left_ns: u64,
    /// Whether it asks for a stream.
    pub streamed: bool,
}

/// How long after the first attempt a second one is due, in nanoseconds. `tail` is of the first's deployment; none where
/// different models would be taken together.
pub fn due_ns(hedge: &Hedge, tail: Option<&Tail>, sent: &Sent) -> Result<u64, Against> {
    let after = match hedge.after {
        HedgeAfter::P95 if !sent.streamed => return Err(Against::Whole),
        HedgeAfter::P95 => tail.and_then(|tail| tail.p95_ns(sent.at_ns)).ok_or(Against::Unknown)?,
        HedgeAfter::Ms(ms) => ms.saturating_mul(1_000_000),
    };
    if after >= sent.left_ns { Err(Against::Deadline) } else { Ok(after) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const STREAM: Sent = Sent { at_ns: 0, left_ns: 10_000 * MS, streamed: true };

    fn hedge(after: HedgeAfter) -> Hedge {
        Hedge { after, max_share_permille: 1000, max_spend_permille: 1000 }
    }

    fn known() -> Tail {
        let tail = Tail::new();
        (0..100).for_each(|_| tail.record(0, 400 * MS));
        tail
    }

    #[test]
    fn a_second_attempt_is_due_when_something_is_known_and_there_is_time() {
        let p95 = known().p95_ns(0).expect("known");
        let whole = Sent { streamed: false, ..STREAM };
        let table: [(_, fn() -> Tail, _, _); 8] = [
            (HedgeAfter::Ms(250), Tail::new, STREAM, Ok(250 * MS)),
            (HedgeAfter::Ms(250), Tail::new, whole, Ok(250 * MS)),
            (HedgeAfter::P95, known, STREAM, Ok(p95)),
            (HedgeAfter::P95, known, whole, Err(Against::Whole)),
            (HedgeAfter::P95, Tail::new, STREAM, Err(Against::Unknown)),
            (HedgeAfter::Ms(250), Tail::new, Sent { left_ns: 250 * MS, ..STREAM }, Err(Against::Deadline)),
            (HedgeAfter::Ms(250), Tail::new, Sent { left_ns: 250 * MS + 1, ..STREAM }, Ok(250 * MS)),
            (HedgeAfter::Ms(u64::MAX), Tail::new, STREAM, Err(Against::Deadline)),
        ];
        for (after, tail, sent, expected) in table {
            assert_eq!(due_ns(&hedge(after), Some(&tail()), &sent), expected, "{after:?} {sent:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn what_is_due_is_due_before_the_deadline(
            (at_ns, left_ns, streamed, ms) in any::<(u64, u64, bool, Option<u32>)>(),
        ) {
            let after = ms.map_or(HedgeAfter::P95, |ms| HedgeAfter::Ms(u64::from(ms)));
            let due = due_ns(&hedge(after), Some(&known()), &Sent { at_ns, left_ns, streamed });
            prop_assert!(due.is_err() || due.is_ok_and(|ns| ns < left_ns));
            prop_assert!(streamed || ms.is_some() || due == Err(Against::Whole));
        }
    }
}
