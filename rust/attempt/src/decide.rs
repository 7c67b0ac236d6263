//! What follows a failed attempt: one pure function, whose cases the tests list as a table.
//!
//! The order of its questions is the order in which they can end a call: is there time, did the provider say what it
//! wants, can trying again help at all, is there a better place, is there a second try at the same one.

use crate::Class;
use plan::Retry;

/// What a failed attempt leaves to decide by.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and the tests are a table of them")]
pub(crate) struct Situation<'a> {
    /// What became of the attempt.
    pub(crate) class: Class,
    /// What the provider said of trying again (`x-should-retry`).
    pub(crate) advice: Option<bool>,
    /// How long the provider asked to wait, in nanoseconds.
    pub(crate) pause_ns: Option<u64>,
    /// Attempts of the call until now; at least 1.
    pub(crate) attempts: u32,
    /// Of these, attempts at this deployment.
    pub(crate) here: u32,
    /// What is left of the call's time, in nanoseconds.
    pub(crate) left_ns: u64,
    /// Whether the request can be sent once more: its body is held, and sending it twice does no harm.
    pub(crate) replayable: bool,
    /// Whether nothing of the request reached the provider.
    pub(crate) untouched: bool,
    /// Whether another target of the same step is in service and untried.
    pub(crate) other: bool,
    /// Whether a later step answers to this class and has a target in service.
    pub(crate) fallback: bool,
    /// Whether the same target is still in service.
    pub(crate) same: bool,
    /// The call's rules.
    pub(crate) rules: &'a Retry,
}

/// What is done after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The call ends with this failure.
    Stop(Stop),
    /// Another target of the same step, at once.
    Other,
    /// A later step, at once.
    Fallback,
    /// The same target after a pause.
    Same,
}

/// Why a call ends with the failure that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The same everywhere, or nothing allows another try.
    Final,
    /// The provider said that trying again is of no use.
    Advised,
    /// The call's time is over, or too short for what would come.
    Deadline,
    /// As many attempts as the policy allows.
    Attempts,
    /// The request has left and cannot be sent twice.
    Sent,
    /// The retry budget of the target that would be tried is spent.
    Budget,
    /// No other target is in service.
    NoTarget,
}

impl Stop {
    /// The word in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Advised => "advised",
            Self::Deadline => "deadline",
            Self::Attempts => "attempts",
            Self::Sent => "sent",
            Self::Budget => "budget",
            Self::NoTarget => "no_target",
        }
    }
}

impl Next {
    /// The word in logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stop(stop) => stop.name(),
            Self::Other => "other",
            Self::Fallback => "fallback",
            Self::Same => "same",
        }
    }
}

/// Decides what follows a failed attempt. Budgets are asked afterwards: they are paid by the target that is tried next.
pub(crate) fn next(situation: &Situation<'_>) -> Next {
    let Situation { class, rules, .. } = *situation;
    if matches!(class, Class::Good | Class::Ours | Class::HedgeLost) {
        return Next::Stop(Stop::Final);
    }
    if situation.left_ns == 0 {
        return Next::Stop(Stop::Deadline);
    }
    if !situation.replayable && !situation.untouched {
        return Next::Stop(Stop::Sent);
    }
    if is_advised_against(class, situation.advice) {
        return Next::Stop(Stop::Advised);
    }
    if class == Class::Invalid {
        return Next::Stop(Stop::Final);
    }
    if situation.attempts >= rules.max_attempts_per_call {
        return Next::Stop(Stop::Attempts);
    }
    let again = again_here(situation);
    // A blip costs one short pause, and not another model's answer.
    let blip = again == Ok(()) && class == Class::Unavailable && situation.here == 1 && situation.pause_ns.is_none();
    match (is_elsewhere_worth_it(class), situation.other, situation.fallback) {
        (true, true, _) => Next::Other,
        (_, _, true) if !blip => Next::Fallback,
        _ => again.map_or_else(Next::Stop, |()| Next::Same),
    }
}

/// Whether the failure says something of the call, which no other target would say otherwise: it was wrong, too long, or
/// its content was refused; or its time is over.
pub(crate) const fn is_about_the_call(class: Class) -> bool {
    matches!(class, Class::Invalid | Class::ContextTooLong | Class::ContentFiltered | Class::Ours)
}

/// Whether the provider said that the call is not to be tried again, wherever.
pub(crate) fn is_advised_against(class: Class, advice: Option<bool>) -> bool {
    advice == Some(false) && !is_about_the_target(class)
}

/// Whether the failure is of this credential or this model, so that the provider's word does not bind another target.
const fn is_about_the_target(class: Class) -> bool {
    matches!(
        class,
        Class::Credential
            | Class::ModelDenied
            | Class::QuotaSpent
            | Class::RateLimited
            | Class::Overloaded
            | Class::ContextTooLong
            | Class::ContentFiltered
    )
}

/// Whether a sibling within the step may do better. What the content or its length decides, a sibling decides alike.
const fn is_elsewhere_worth_it(class: Class) -> bool {
    !matches!(class, Class::ContextTooLong | Class::ContentFiltered)
}

/// Whether the same target may be asked once more, and if not, why not.
fn again_here(situation: &Situation<'_>) -> Result<(), Stop> {
    let rules = situation.rules;
    let again = match situation.class {
        Class::Unavailable | Class::Timeout | Class::Overloaded | Class::RateLimited => rules.max_attempts,
        Class::Weak => 2.min(rules.max_attempts),
        _ => return Err(Stop::Final),
    };
    if situation.advice == Some(false) {
        return Err(Stop::Advised);
    }
    if situation.here >= again {
        return Err(Stop::Attempts);
    }
    if !situation.same {
        return Err(Stop::NoTarget);
    }
    match situation.pause_ns {
        Some(pause) if pause > rules.wait_ms.saturating_mul(1_000_000) => Err(Stop::NoTarget),
        Some(pause) if pause >= situation.left_ns => Err(Stop::Deadline),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Retry = Retry {
        max_attempts: 3,
        max_attempts_per_call: 5,
        base_ms: 100,
        throttled_base_ms: 1_000,
        cap_ms: 8_000,
        wait_ms: 10_000,
    };
    const SECOND: u64 = 1_000_000_000;

    /// After the first attempt of a call with time, nothing said by the provider, and the same target in service.
    fn first(class: Class) -> Situation<'static> {
        Situation {
            class,
            advice: None,
            pause_ns: None,
            attempts: 1,
            here: 1,
            left_ns: 60 * SECOND,
            replayable: true,
            untouched: false,
            other: false,
            fallback: false,
            same: true,
            rules: &RULES,
        }
    }

    #[test]
    fn each_class_goes_where_it_may() {
        use Class::*;
        let alone = |class| next(&first(class));
        let other = |class| next(&Situation { other: true, fallback: true, ..first(class) });
        let fallback = |class| next(&Situation { fallback: true, ..first(class) });
        let stop = Next::Stop(Stop::Final);
        for (class, expected) in [
            //                alone        with siblings    with a fallback alone
            (Unavailable, [Next::Same, Next::Other, Next::Same]),
            (Overloaded, [Next::Same, Next::Other, Next::Fallback]),
            (Timeout, [Next::Same, Next::Other, Next::Fallback]),
            (RateLimited, [Next::Same, Next::Other, Next::Fallback]),
            (QuotaSpent, [stop, Next::Other, Next::Fallback]),
            (Credential, [stop, Next::Other, Next::Fallback]),
            (ModelDenied, [stop, Next::Other, Next::Fallback]),
            (ContextTooLong, [stop, Next::Fallback, Next::Fallback]),
            (ContentFiltered, [stop, Next::Fallback, Next::Fallback]),
            (Weak, [Next::Same, Next::Other, Next::Fallback]),
            (Invalid, [stop, stop, stop]),
            (Ours, [stop, stop, stop]),
            (Good, [stop, stop, stop]),
        ] {
            assert_eq!([alone(class), other(class), fallback(class)], expected, "{class:?}");
        }
    }

    #[test]
    fn a_second_failure_at_one_place_goes_to_the_fallback() {
        let again = Situation { attempts: 2, here: 2, fallback: true, ..first(Class::Unavailable) };
        assert_eq!(next(&again), Next::Fallback);
    }

    #[test]
    fn what_ends_a_call_ends_it_whatever_else_is_there() {
        let rich = Situation { other: true, fallback: true, ..first(Class::Unavailable) };
        for (situation, stop) in [
            (Situation { left_ns: 0, ..rich }, Stop::Deadline),
            (Situation { replayable: false, ..rich }, Stop::Sent),
            (Situation { advice: Some(false), ..rich }, Stop::Advised),
            (Situation { attempts: 5, ..rich }, Stop::Attempts),
        ] {
            assert_eq!(next(&situation), Next::Stop(stop), "{situation:?}");
        }
        assert_eq!(next(&Situation { replayable: false, untouched: true, ..rich }), Next::Other);
    }

    #[test]
    fn a_providers_no_binds_that_provider_alone_where_it_speaks_of_itself() {
        let spent = Situation { advice: Some(false), fallback: true, ..first(Class::QuotaSpent) };
        assert_eq!(next(&spent), Next::Fallback);
        let limited = Situation { advice: Some(false), ..first(Class::RateLimited) };
        assert_eq!(next(&limited), Next::Stop(Stop::Advised));
    }

    #[test]
    fn a_pause_is_waited_out_where_it_is_short_and_there_is_time() {
        let paused = |pause: u64| Situation { pause_ns: Some(pause), ..first(Class::RateLimited) };
        assert_eq!(next(&paused(10 * SECOND)), Next::Same);
        assert_eq!(next(&paused(11 * SECOND)), Next::Stop(Stop::NoTarget));
        assert_eq!(next(&Situation { left_ns: 5 * SECOND, ..paused(5 * SECOND) }), Next::Stop(Stop::Deadline));
    }

    #[test]
    fn one_place_is_asked_as_often_as_the_policy_says() {
        let third = Situation { attempts: 3, here: 3, ..first(Class::Timeout) };
        assert_eq!(next(&third), Next::Stop(Stop::Attempts));
        let weak = Situation { attempts: 2, here: 2, ..first(Class::Weak) };
        assert_eq!(next(&weak), Next::Stop(Stop::Attempts));
        assert_eq!(next(&Situation { same: false, ..first(Class::Unavailable) }), Next::Stop(Stop::NoTarget));
    }
}
