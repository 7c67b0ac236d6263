//! A second try of a call while the first is open: when it is due, and what speaks against it.
//!
//! A call whose first token takes longer than 95 % of late ([`Tail`]) is likely to have met a slow machine rather than
//! a slow model, and another one answers sooner. But the loser bills as well, and a provider that is slow because it is
//! full is made fuller. So a second try is the exception: off by default, paid for by the calls that needed none
//! ([`Share`]), never when a second run of the call could *do* something (tools on the provider's side), and never when
//! a breaker on the way is not closed, since a provider in trouble needs fewer calls and not more.
//!
//! A call asks [`due_ns`] when its first try is sent. When that time has passed without a token it chooses a second
//! target, asks [`allow`], and sends. Whichever commits first wins.
//!
//! Source: Dean, Barroso, "The Tail at Scale" (2013) for p95; gRPC A6 and Finagle's backup requests for the cap.
//!
//! Not here: sending, cancelling and recording the two tries, and the cap by share of spend.

mod share;
mod tail;

pub use share::Share;
pub use tail::Tail;

use plan::{Hedge, HedgeAfter};

/// What is known of a call when a second try is thought of.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The request names tools that run at the provider (a search, code, a remote server): what they do is done twice.
    pub tools_at_provider: bool,
    /// The caller has seen content.
    pub committed: bool,
    /// Every breaker on the way is closed: of the first target, and once it is chosen of the second.
    pub closed: bool,
    /// What is left until the call must have committed, in nanoseconds.
    pub left_ns: u64,
}

/// What speaks against a second try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Against {
    /// The caller has seen content.
    Committed,
    /// Tools run at the provider.
    Tools,
    /// A breaker is not closed.
    Breaker,
    /// Too little is known of the time to the first token.
    Unknown,
    /// The call's deadline comes first.
    Deadline,
    /// Second tries have had their share.
    Share,
}

impl Against {
    /// All, in the order of the metrics' table.
    pub const ALL: [Self; 6] =
        [Self::Committed, Self::Tools, Self::Breaker, Self::Unknown, Self::Deadline, Self::Share];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Tools => "tools",
            Self::Breaker => "breaker",
            Self::Unknown => "unknown",
            Self::Deadline => "deadline",
            Self::Share => "share",
        }
    }
}

/// When a second try is due, in nanoseconds after the first was sent. `tail` is of the first's deployment.
pub fn due_ns(hedge: &Hedge, tail: &Tail, facts: &Facts, now_ns: u64) -> Result<u64, Against> {
    check(facts)?;
    let after = match hedge.after {
        HedgeAfter::P95 => tail.p95_ns(now_ns).ok_or(Against::Unknown)?,
        HedgeAfter::Ms(ms) => ms.saturating_mul(1_000_000),
    };
    if after >= facts.left_ns { Err(Against::Deadline) } else { Ok(after) }
}

/// Whether a second try that is due may be sent now. It is paid for; [`Share::give_back`] if it is not sent after all.
pub fn allow(share: &Share, facts: &Facts) -> Result<(), Against> {
    check(facts)?;
    if share.try_pay() { Ok(()) } else { Err(Against::Share) }
}

fn check(facts: &Facts) -> Result<(), Against> {
    if facts.committed {
        return Err(Against::Committed);
    }
    if facts.tools_at_provider {
        return Err(Against::Tools);
    }
    if !facts.closed {
        return Err(Against::Breaker);
    }
    if facts.left_ns == 0 { Err(Against::Deadline) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const FREE: Facts = Facts { tools_at_provider: false, committed: false, closed: true, left_ns: 10_000 * MS };

    fn hedge(after: HedgeAfter) -> Hedge {
        Hedge { after, max_share_permille: 1000 }
    }

    fn known() -> Tail {
        let tail = Tail::new();
        (0..100).for_each(|_| tail.record(0, 400 * MS));
        tail
    }

    #[test]
    fn a_second_try_is_due_when_nothing_speaks_against_it() {
        let p95 = known().p95_ns(0).expect("known");
        let table: [(_, fn() -> Tail, _, _); 9] = [
            (HedgeAfter::Ms(250), Tail::new, FREE, Ok(250 * MS)),
            (HedgeAfter::P95, known, FREE, Ok(p95)),
            (HedgeAfter::P95, Tail::new, FREE, Err(Against::Unknown)),
            (HedgeAfter::Ms(250), Tail::new, Facts { tools_at_provider: true, ..FREE }, Err(Against::Tools)),
            (HedgeAfter::Ms(250), Tail::new, Facts { closed: false, ..FREE }, Err(Against::Breaker)),
            (HedgeAfter::Ms(250), Tail::new, Facts { committed: true, ..FREE }, Err(Against::Committed)),
            (HedgeAfter::Ms(250), Tail::new, Facts { left_ns: 250 * MS, ..FREE }, Err(Against::Deadline)),
            (HedgeAfter::Ms(250), Tail::new, Facts { left_ns: 250 * MS + 1, ..FREE }, Ok(250 * MS)),
            (HedgeAfter::Ms(u64::MAX), Tail::new, FREE, Err(Against::Deadline)),
        ];
        for (after, tail, facts, expected) in table {
            assert_eq!(due_ns(&hedge(after), &tail(), &facts, 0), expected, "{after:?} {facts:?}");
        }
    }

    #[test]
    fn a_second_try_that_is_due_is_sent_while_there_is_share() {
        let share = Share::new();
        assert_eq!(allow(&share, &FREE), Err(Against::Share));
        share.call(1000);
        assert_eq!(allow(&share, &Facts { committed: true, ..FREE }), Err(Against::Committed));
        assert_eq!(allow(&share, &Facts { closed: false, ..FREE }), Err(Against::Breaker));
        assert_eq!(allow(&share, &FREE), Ok(()), "what was refused has cost nothing");
        assert_eq!(allow(&share, &FREE), Err(Against::Share));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_second_try_with_tools_at_the_provider_or_a_breaker_that_is_not_closed(
            (tools_at_provider, committed, closed, left_ns, ms) in any::<(bool, bool, bool, u64, u32)>(),
        ) {
            let facts = Facts { tools_at_provider, committed, closed, left_ns };
            let due = due_ns(&hedge(HedgeAfter::Ms(u64::from(ms))), &Tail::new(), &facts, 0);
            let share = Share::new();
            share.call(1000);
            let allowed = allow(&share, &facts);
            if tools_at_provider || committed || !closed {
                prop_assert!(due.is_err() && allowed.is_err());
            }
            prop_assert!(due.is_ok_and(|ns| ns < left_ns) || due.is_err());
            prop_assert_eq!(share.try_pay(), allowed.is_err(), "a refusal costs nothing");
        }
    }
}
