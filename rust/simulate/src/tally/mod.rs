//! What is counted while a world runs.

mod figures;
mod phases;
mod timeline;

pub(crate) use figures::Figures;
pub(crate) use phases::{Phase, phases};
pub(crate) use timeline::{Second, Timeline};

use crate::time::micros;
use crate::visit::{Ending, Visit};
use plan::Plan;
use protocol::openai::usage::Usage;
use std::collections::BTreeMap;

/// So many changes of health keys are told; the rest is counted.
const MOST_CHANGES: usize = 1000;

/// Counts of one world.
pub(crate) struct Tally {
    pub(crate) timeline: Timeline,
    pub(crate) callers: Callers,
    pub(crate) calls: u64,
    /// Attempts that a rule of the scenario changed.
    pub(crate) faults: u64,
    /// Attempts by the gateway's word for what became of them.
    pub(crate) classes: BTreeMap<&'static str, u64>,
    /// Calls without an answer, by the gateway's word for why there was no further attempt.
    pub(crate) stops: BTreeMap<&'static str, u64>,
    /// Second attempts that were due and not sent, by the gateway's word for why.
    pub(crate) not_hedged: BTreeMap<&'static str, u64>,
    pub(crate) providers: Vec<Books>,
    pub(crate) changes: Vec<Change>,
    pub(crate) changes_count: u64,
    /// Times that a health key went out of service.
    pub(crate) openings: u64,
    /// Microseconds from a good caller's arrival to its first content.
    pub(crate) first_tokens: Vec<u32>,
    /// Microseconds from a good caller's arrival to the beginning of the attempt that served it.
    pub(crate) added: Vec<u32>,
}

/// What became of callers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Callers {
    pub(crate) offered: u64,
    pub(crate) good: u64,
    /// They got an error.
    pub(crate) failed: u64,
    /// They got the beginning of an answer, and were told that it is not whole.
    pub(crate) cut: u64,
    pub(crate) left: u64,
}

/// The books of one provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) attempts: u64,
    /// Attempts after a call's first, but for hedges.
    pub(crate) retries: u64,
    /// Attempts that were sent while another was open, and of these those that were first.
    pub(crate) hedges: u64,
    pub(crate) hedges_won: u64,
    pub(crate) good: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    /// What all tokens cost, and those that no caller got as a whole answer; in billionths of a US dollar.
    pub(crate) spend_nanousd: u64,
    pub(crate) wasted_nanousd: u64,
    /// Attempts whose price is not known.
    pub(crate) unpriced: u64,
    pub(crate) causes: BTreeMap<&'static str, u64>,
}

/// A change of a health key.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) at_ns: u64,
    pub(crate) replica: usize,
    pub(crate) key: String,
    /// The reason, or `closed`.
    pub(crate) what: &'static str,
}

/// A caller that is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) arrived_ns: u64,
    pub(crate) end: DoneAs,
}

/// How a caller ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DoneAs {
    /// With a whole answer: when the attempt that gave it began, and when its first content came.
    Good {
        /// Beginning of the attempt.
        began_ns: u64,
        /// Its first content.
        committed_ns: u64,
    },
    /// With an error.
    Failed,
    /// With the beginning of an answer.
    Cut,
    /// It left.
    Left,
}

/// One call's share of the books.
pub(crate) struct Billed<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) visits: &'a [Visit],
    pub(crate) input_tokens: u64,
}

impl Tally {
    pub(crate) fn new(providers: usize, seconds: usize) -> Self {
        Self {
            timeline: Timeline::new(providers, seconds),
            callers: Callers::default(),
            calls: 0,
            faults: 0,
            classes: BTreeMap::new(),
            stops: BTreeMap::new(),
            not_hedged: BTreeMap::new(),
            providers: vec![Books::default(); providers],
            changes: Vec::new(),
            changes_count: 0,
            openings: 0,
            first_tokens: Vec::new(),
            added: Vec::new(),
        }
    }

    /// A caller is done.
    pub(crate) fn caller(&mut self, done: &Done) {
        self.callers.offered += 1;
        let second = self.timeline.at(done.arrived_ns);
        second.offered += 1;
        match done.end {
            DoneAs::Good { began_ns, committed_ns } => {
                self.callers.good += 1;
                second.good += 1;
                let first_token = micros(committed_ns - done.arrived_ns);
                self.timeline.first_token(done.arrived_ns, first_token);
                self.first_tokens.push(first_token);
                self.added.push(micros(began_ns - done.arrived_ns));
            }
            DoneAs::Left => {
                self.callers.left += 1;
                second.left += 1;
            }
            DoneAs::Failed => {
                self.callers.failed += 1;
                second.failed += 1;
            }
            DoneAs::Cut => {
                self.callers.cut += 1;
                second.failed += 1;
            }
        }
    }

    /// A call was open from here to there.
    pub(crate) fn call(&mut self, opened_ns: u64, ended_ns: u64) {
        self.calls += 1;
        self.timeline.at(opened_ns).calls += 1;
        self.timeline.open(opened_ns, ended_ns);
    }

    /// What a call's attempts came to. Returns what those cost that were answered from, and those that lost, as far as that
    /// is known; in billionths of a US dollar.
    pub(crate) fn bill(&mut self, billed: &Billed<'_>) -> [u64; 2] {
        let mut costs = [0_u64; 2];
        for visit in billed.visits {
            let place = visit.place;
            let is_retry = visit.number > 1 && !visit.is_hedge;
            self.timeline.attempt(visit.began_ns, place.provider, is_retry);
            let class = if visit.class.is_empty() { "left" } else { visit.class };
            *self.classes.entry(class).or_default() += 1;
            let Some(books) = self.providers.get_mut(place.provider) else { continue };
            books.attempts += 1;
            books.retries += u64::from(is_retry);
            books.hedges += u64::from(visit.is_hedge);
            books.hedges_won += u64::from(visit.is_hedge && visit.committed_ns.is_some());
            books.good += u64::from(visit.ending == Ending::Whole);
            if let Ending::Failed(cause) = visit.ending {
                *books.causes.entry(cause.name()).or_default() += 1;
            }
            // One that lost had been sent: its prompt is billed, as far as anybody knows.
            if visit.committed_ns.is_some() || visit.class == "hedge_lost" {
                let cost = &mut costs[usize::from(visit.class == "hedge_lost")];
                *cost = cost.saturating_add(books.pay(billed, visit).unwrap_or(0));
            }
        }
        costs
    }

    /// A health key changed.
    pub(crate) fn change(&mut self, change: Change) {
        self.changes_count += 1;
        let is_out = change.what != "closed";
        self.openings += u64::from(is_out);
        self.timeline.out(change.at_ns, change.replica, &change.key, is_out);
        if self.changes.len() < MOST_CHANGES {
            self.changes.push(change);
        }
    }
}

impl Books {
    /// Counts the tokens of an attempt, and what they cost, which is returned where it is known.
    fn pay(&mut self, billed: &Billed<'_>, visit: &Visit) -> Option<u64> {
        self.input_tokens += billed.input_tokens;
        self.output_tokens += visit.output_tokens;
        let deployment = visit.place.deployment.and_then(|deployment| billed.plan.deployments.get(deployment));
        let price = deployment.and_then(|deployment| billed.plan.prices.get(deployment.price?)?.at(None, || 0));
        let usage = Usage { input: billed.input_tokens, output: visit.output_tokens, ..Usage::NONE };
        let Some(cost) = price.and_then(|price| price.nano_usd(&usage)) else {
            self.unpriced += 1;
            return None;
        };
        self.spend_nanousd = self.spend_nanousd.saturating_add(cost);
        if visit.ending != Ending::Whole {
            self.wasted_nanousd = self.wasted_nanousd.saturating_add(cost);
        }
        Some(cost)
    }
}
