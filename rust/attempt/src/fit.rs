//! Whether a place can take a call at all: what it is said to be able to do, and how long a prompt it holds.
//!
//! Known before an attempt, so none is made where it cannot succeed: neither as the first choice nor as another or a
//! fallback. A step none of whose places fits hands the call on to a later one that answers to the reason: a window that
//! is too small is `context_too_long`, and what cannot do what the call needs is `unavailable` to it.

use crate::reason::Reason;
use crate::walk::{Place, Walk};
use crate::world::Call;
use fault::{Fault, Kind};
use plan::{Condition, Needs};

/// Why a place cannot take a call; with nothing here it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// What the call needs and the place cannot do.
    pub lacks: Needs,
    /// The prompt is clearly longer than the window of the place.
    pub too_small: bool,
}

impl Unfit {
    /// Whether the place can take the call.
    pub const fn fits(self) -> bool {
        self.lacks.is_none() && !self.too_small
    }
}

impl Call<'_> {
    /// Why a place of a step cannot take this call, if it cannot.
    ///
    /// An estimate of the prompt errs, so what is not clearly too long is left to the provider to judge.
    pub fn unfit(&self, step: usize, index: usize) -> Unfit {
        let Some((_, deployment)) = self.route.deployment(step, index) else {
            return Unfit { lacks: Needs::NONE, too_small: false };
        };
        let too_small = deployment.context_tokens.is_some_and(|window| self.prompt_tokens > window.saturating_mul(2));
        let lacks =
            if self.needs.is_none() { Needs::NONE } else { self.needs.beyond(deployment.capabilities.as_deref()) };
        Unfit { lacks, too_small }
    }
}

/// For what reasons steps were passed over because none of their places fits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PassedOver {
    lacks: bool,
    too_small: bool,
}

impl PassedOver {
    /// The one that a step with this `when` answers to.
    pub(crate) fn reason(self, when: &[Condition]) -> Option<Reason> {
        let reasons = [(self.lacks, Reason::Capability), (self.too_small, Reason::ContextTooLong)];
        let answered = |reason: &Reason| when.contains(&reason.condition());
        reasons.into_iter().filter(|(is_one, _)| *is_one).map(|(_, reason)| reason).find(answered)
    }

    /// A place that does not fit.
    pub(crate) const fn add(&mut self, unfit: Unfit) {
        self.lacks |= !unfit.lacks.is_none();
        self.too_small |= unfit.lacks.is_none() && unfit.too_small;
    }
}

/// Why a call fits nowhere that it may go, for its caller: what is missing, and where.
pub(crate) fn fault(walk: &Walk<'_>) -> Fault {
    let call = walk.call();
    let tried = |place: &Place| walk.may_begin(place.step);
    let places = || (0..call.route.steps()).flat_map(|step| walk.places(step));
    let unfit = |place: &Place| call.unfit(place.step, place.index);
    let fault = if places().filter(tried).any(|place| unfit(&place).lacks.is_none()) {
        let sentence = "The prompt is longer than the context of every model that this name stands for: shorten it";
        Fault::new(Kind::NoTargetFits, sentence).at("messages")
    } else {
        let mut lacking: Vec<_> = places()
            .filter(tried)
            .filter_map(|place| {
                let (_, deployment) = call.route.deployment(place.step, place.index)?;
                Some(format!("`{}` cannot do {}", deployment.id, unfit(&place).lacks))
            })
            .collect();
        lacking.dedup();
        let sentence = format!("This call needs {}, and {}", call.needs, lacking.join(", "));
        Fault::new(Kind::CapabilityMissing, sentence)
    };
    // For the operator: a step that could have taken it.
    match places().find(|place| !tried(place) && unfit(place).fits()) {
        Some(place) => fault.because(format_args!(
            "step {} of the chain fits, but its `when` does not name what kept the call from those before it",
            place.step + 1
        )),
        None => fault,
    }
}
