//! Attempts that were begun, and of which nobody has said yet what came of them.

use crate::tariff::Tariff;
use attempt::{Blame, Class, Tried};
use fault::Kind;
use record::{AttemptSeries, Charge, Hold};
use std::cell::RefCell;
use std::sync::Arc;
use stream::Metered;

/// The open attempts of a call: one, and at times a second beside it.
#[derive(Debug, Default)]
pub(crate) struct Opens {
    first: RefCell<Option<Open>>,
    /// In a box: few calls have one.
    beside: RefCell<Option<Box<Open>>>,
}

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
    pub(crate) seen: Seen,
    /// What it took of its target's own limits.
    pub(crate) hold: Option<Box<dyn Hold>>,
}

/// What came of an answer.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing.
    Nothing,
    /// The provider has said that it takes the call.
    Head,
    /// And so much of its answer, which came to nothing.
    Part(Box<Metered>),
}

impl Opens {
    pub(crate) fn begin(&self, open: Open) {
        let mut first = self.first.borrow_mut();
        if first.is_none() {
            *first = Some(open);
        } else {
            self.beside.replace(Some(Box::new(open)));
        }
    }

    pub(crate) fn saw(&self, number: u32, seen: Seen) {
        if let Some(open) = self.first.borrow_mut().as_mut().filter(|open| open.number == number) {
            open.seen = seen;
        } else if let Some(open) = self.beside.borrow_mut().as_mut().filter(|open| open.number == number) {
            open.seen = seen;
        }
    }

    /// The attempt of this number, which is over.
    pub(crate) fn end(&self, number: u32) -> Option<Open> {
        let is_it = |open: &mut Open| open.number == number;
        let first = self.first.borrow_mut().take_if(is_it);
        first.or_else(|| self.beside.borrow_mut().take_if(|open| is_it(open)).map(|open| *open))
    }

    /// One of which nobody will say what came of it.
    pub(crate) fn rest(&self) -> Option<Open> {
        let mut first = self.first.borrow_mut();
        if first.is_some() { first.take() } else { self.beside.borrow_mut().take().map(|open| *open) }
    }
}

impl Open {
    /// The attempt as it is told.
    pub(crate) fn tried(self, tried: &Tried<'_>) -> record::Attempt {
        // What is answered from is charged when the answer is over.
        let charge = if tried.class == Class::Good { Charge::UNSETTLED } else { self.charge(tried.result) };
        if tried.class == Class::HedgeLost || self.is_hedge && tried.class != Class::Good {
            self.tariff.lost(&charge);
        }
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
            hold: self.hold,
        }
    }

    /// The attempt as one whose caller left.
    pub(crate) fn left(self, now_ns: u64) -> record::Attempt {
        let charge = self.charge(None);
        if self.is_hedge {
            self.tariff.lost(&charge);
        }
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
            hold: self.hold,
        }
    }

    /// What it is charged with that came to nothing. A provider that has begun to answer well has taken the prompt; so may
    /// one have that was not waited for, or that began to answer in a way that cannot be read.
    fn charge(&self, result: Option<Result<u16, Kind>>) -> Charge {
        let may_bill = |kind| {
            use Kind::{AttemptTimeout, DrainCut, FirstTokenTimeout, TotalTimeout, UpstreamGarbled};
            matches!(kind, AttemptTimeout | TotalTimeout | FirstTokenTimeout | DrainCut | UpstreamGarbled)
        };
        match (&self.seen, result) {
            (Seen::Part(metered), _) => self.tariff.so_far(metered),
            (Seen::Head, _) | (Seen::Nothing, None) => self.tariff.so_far(&Metered::default()),
            (Seen::Nothing, Some(Err(kind))) if may_bill(kind) => self.tariff.so_far(&Metered::default()),
            (Seen::Nothing, Some(_)) => Charge::VOID,
        }
    }
}

fn place(class: Class) -> usize {
    Class::ALL.iter().position(|known| *known == class).unwrap_or_default()
}
