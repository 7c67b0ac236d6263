//! What becomes of an attempt that a provider took: when its content comes, and how it ends.

use super::errors::ErrorRow;
use crate::scenario::fault::{At, Body, Effect};

/// The lot of one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    pub(crate) effect: Effect,
    pub(crate) ttft_ns: u64,
    pub(crate) gap_ns: u64,
    /// At least 1.
    pub(crate) tokens: u64,
    /// What remains of the credential's limits, where it has any.
    pub(crate) remaining_permille: Option<u32>,
}

/// Content as it comes; times count from the first of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    /// When it ends, or when it stopped coming.
    pub(crate) lasts_ns: u64,
    /// Tokens that came.
    pub(crate) tokens: u64,
    pub(crate) end: End,
    /// The longest time without content.
    pub(crate) gap: Gap,
}

/// A time without content; counts from the first of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from_ns: u64,
    pub(crate) lasts_ns: u64,
}

/// How content ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Whole,
    /// Without its terminator.
    Cut,
    /// With an error event.
    Error(&'static ErrorRow),
    /// Not at all: nothing more comes.
    Silence,
}

/// What is known when an attempt's first content is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It comes.
    Content(Served),
    /// The body ends without any, so long after the head.
    Ends(u64),
    /// An error event in its place.
    Error(&'static ErrorRow),
    /// Nothing comes.
    Silence,
}

impl Script {
    /// A stream: its events are one without content, then one for each token.
    pub(crate) fn stream(&self) -> Opening {
        let whole = Served {
            lasts_ns: self.gap_ns.saturating_mul(self.tokens - 1),
            tokens: self.tokens,
            end: End::Whole,
            gap: self.usual_gap(self.tokens),
        };
        match self.effect.body {
            Body::Whole => Opening::Content(whole),
            Body::NoTerminator => Opening::Content(Served { end: End::Cut, ..whole }),
            Body::Cut { events } if events <= 1 => Opening::Ends(0),
            Body::Cut { events } if events > self.tokens => Opening::Content(Served { end: End::Cut, ..whole }),
            Body::Cut { events } => Opening::Content(self.first(events - 1, End::Cut)),
            Body::Error { at: At::First, error } => Opening::Error(error),
            Body::Error { at: At::Middle, error } => {
                Opening::Content(self.first(self.tokens.div_ceil(2), End::Error(error)))
            }
            Body::Error { at: At::Last, error } => Opening::Content(Served { end: End::Error(error), ..whole }),
            Body::Empty { end_after_ns } => end_after_ns.map_or(Opening::Silence, Opening::Ends),
            Body::Stall { event, for_ns } => self.stalled(event, for_ns, whole),
        }
    }

    /// A whole answer at once: what of its body can be wrong is that it ends early.
    pub(crate) fn answer(&self) -> Served {
        let end = match self.effect.body {
            Body::Cut { .. } => End::Cut,
            _ => End::Whole,
        };
        Served { lasts_ns: 0, tokens: self.tokens, end, gap: Gap { from_ns: 0, lasts_ns: 0 } }
    }

    /// The first tokens, at least one.
    fn first(&self, tokens: u64, end: End) -> Served {
        let tokens = tokens.clamp(1, self.tokens);
        let lasts_ns = self.gap_ns.saturating_mul(tokens - 1);
        Served { lasts_ns, tokens, end, gap: self.usual_gap(tokens) }
    }

    /// Between tokens, where there is more than one.
    fn usual_gap(&self, tokens: u64) -> Gap {
        Gap { from_ns: 0, lasts_ns: if tokens > 1 { self.gap_ns } else { 0 } }
    }

    fn stalled(&self, event: u64, for_ns: Option<u64>, whole: Served) -> Opening {
        match for_ns {
            None if event <= 1 => Opening::Silence,
            None => Opening::Content(self.first(event - 1, End::Silence)),
            // Before the first content a pause is only a later first token, which is told by the time to it.
            Some(_) if event <= 1 || event > self.tokens => Opening::Content(whole),
            Some(pause) => Opening::Content(Served {
                lasts_ns: whole.lasts_ns.saturating_add(pause),
                gap: Gap {
                    from_ns: self.gap_ns.saturating_mul(event - 2),
                    lasts_ns: self.gap_ns.saturating_add(pause),
                },
                ..whole
            }),
        }
    }

    /// How much later than usual the first content comes.
    pub(crate) fn late_ns(&self) -> u64 {
        let stall = match self.effect.body {
            Body::Stall { event: 0 | 1, for_ns: Some(pause) } => pause,
            _ => 0,
        };
        self.effect.late_ns.saturating_add(stall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fault;

    /// Four tokens, 10 ns apart, with a fault.
    fn stream(text: &str) -> Opening {
        let effect = fault::parse(text).expect("a fault");
        Script { effect, ttft_ns: 100, gap_ns: 10, tokens: 4, remaining_permille: None }.stream()
    }

    fn content(tokens: u64, lasts_ns: u64, end: End, gap: (u64, u64)) -> Opening {
        Opening::Content(Served { lasts_ns, tokens, end, gap: Gap { from_ns: gap.0, lasts_ns: gap.1 } })
    }

    #[test]
    fn a_cut_before_the_first_content_is_an_answer_that_ends_and_one_after_it_is_cut() {
        assert_eq!(stream("cut;at=0"), Opening::Ends(0));
        assert_eq!(stream("cut;at=399"), Opening::Ends(0));
        assert_eq!(stream("cut;at=400"), content(1, 0, End::Cut, (0, 0)));
        assert_eq!(stream("cut;at=800"), content(3, 20, End::Cut, (0, 10)));
        assert_eq!(stream("cut;at=100000"), content(4, 30, End::Cut, (0, 10)));
        assert_eq!(stream("no-terminator"), content(4, 30, End::Cut, (0, 10)));
    }

    #[test]
    fn a_stall_ends_or_does_not() {
        assert_eq!(stream("stall;at=0"), Opening::Silence);
        assert_eq!(stream("stall;at=3"), content(2, 10, End::Silence, (0, 10)));
        assert_eq!(stream("stall;at=3;ms=1"), content(4, 1_000_030, End::Whole, (10, 1_000_010)));
    }

    #[test]
    fn an_error_event_stands_before_within_or_after_the_content() {
        let error = super::super::errors::by_name("server_error").expect("known");
        assert_eq!(stream("error-event"), Opening::Error(error));
        assert_eq!(stream("error-event;at=middle"), content(2, 10, End::Error(error), (0, 10)));
        assert_eq!(stream("error-event;at=last"), content(4, 30, End::Error(error), (0, 10)));
    }

    #[test]
    fn pings_and_empty_deltas_are_no_content() {
        assert_eq!(stream("pings-only"), Opening::Ends(100_000_000));
        assert_eq!(stream("pings-only;then=silence"), Opening::Silence);
        assert_eq!(stream("empty-deltas"), Opening::Ends(0));
    }
}
