//! Attempts that were begun, and of which nobody has said yet what came of them.

use crate::tariff::Tariff;
use attempt::{Blame, Class, Tried};
use fault::Kind;
use record::{AttemptSeries, Charge};
use std::cell::RefCell;
use std::sync::Arc;
use stream::Metered;

/// The open attempts of a call: one, and at times a second beside it.
#[derive(Debug, Default)]
pub(crate) struct Opens(RefCell<[Option<Open>; 2]>);

/// An attempt that has begun.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) number: u32,
    pub(crate) series: Arc<AttemptSeries>,
    pub(crate) tariff: Tariff,
    pub(crate) step: usize,
    pub(crate) reason: Option<(usize, &'static str)>,
    pub(crate) target: (usize, usize),
    pub(crate) started_ns: u64,
    pub(crate) is_hedge: bool,
    /// What came of its answer, from when the provider has said that it takes the call.
    pub(crate) seen: Option<Metered>,
}

impl Opens {
    pub(crate) fn begin(&self, open: Open) {
        let slot = slot(open.number);
        self.0.borrow_mut()[slot] = Some(open);
    }

    /// The provider takes the call, and so much of its answer has come.
    pub(crate) fn saw(&self, number: u32, metered: Metered) {
        if let Some(open) = &mut self.0.borrow_mut()[slot(number)] {
            open.seen = Some(metered);
        }
    }

    pub(crate) fn end(&self, number: u32) -> Option<Open> {
        self.0.borrow_mut()[slot(number)].take()
    }

    /// Those of which nobody will say what came of them.
    pub(crate) fn rest(&self) -> impl Iterator<Item = Open> {
        self.0.take().into_iter().flatten()
    }
}

/// Two that are open at the same time follow each other.
const fn slot(number: u32) -> usize {
    (number & 1) as usize
}

impl Open {
    /// The attempt as it is told.
    pub(crate) fn tried(self, tried: &Tried<'_>) -> record::Attempt {
        let charge = self.charge(tried.result);
        record::Attempt {
            number: u16::try_from(self.number).unwrap_or(u16::MAX),
            series: self.series,
            step: self.step,
            reason: self.reason,
            target: self.target,
            started_ns: self.started_ns,
            result: tried.result,
            is_hedge: self.is_hedge,
            class: place(tried.class),
            words: [tried.class.name(), tried.blame.name(), tried.then],
            waited_ns: tried.waited_ns,
            took_ns: tried.took_ns,
            budget_permille: tried.budget_permille,
            charge,
        }
    }

    /// The attempt as one whose caller left.
    pub(crate) fn left(self, now_ns: u64) -> record::Attempt {
        let charge = self.charge(None);
        record::Attempt {
            number: u16::try_from(self.number).unwrap_or(u16::MAX),
            series: self.series,
            step: self.step,
            reason: self.reason,
            target: self.target,
            started_ns: self.started_ns,
            result: None,
            is_hedge: self.is_hedge,
            class: place(Class::Ours),
            words: [Class::Ours.name(), Blame::Nobody.name(), ""],
            waited_ns: 0,
            took_ns: now_ns.saturating_sub(self.started_ns),
            budget_permille: 1000,
            charge,
        }
    }

    /// What it is charged with until its answer is over, or for good if it has none. A provider that has begun to answer
    /// well has taken the prompt; so may one have that was not waited for.
    fn charge(&self, result: Option<Result<u16, Kind>>) -> Charge {
        let is_taken = match (self.seen, result) {
            (Some(_), _) | (None, None) => true,
            (None, Some(Ok(status))) => status < 400,
            (None, Some(Err(kind))) => {
                matches!(kind, Kind::AttemptTimeout | Kind::TotalTimeout | Kind::FirstTokenTimeout | Kind::DrainCut)
            }
        };
        if is_taken { self.tariff.so_far(&self.seen.unwrap_or_default()) } else { Charge::VOID }
    }
}

fn place(class: Class) -> usize {
    Class::ALL.iter().position(|known| *known == class).unwrap_or_default()
}
