//! What an attempt holds of its target while it lasts, and what the target learns from it.

use crate::balance::{Open, REFUSAL_NS};
use crate::budget::Cost;
use crate::health::{Permit, Settled, Transition};
use crate::limit::Slot;
use crate::targets::{Member, Pass, Site};
use crate::{Blame, Class, Draw};
use std::rc::Rc;

const SECOND: u64 = 1_000_000_000;
/// How long a credential that is refused or not paid for rests, where the provider does not say.
const QUARANTINE_NS: u64 = 30 * 60 * SECOND;
/// The longest rest of a credential whose quota is used up.
const QUOTA_CAP_NS: u64 = 24 * 3600 * SECOND;
/// How long a rate limit lasts, where the provider does not say, and at most.
const COOLDOWN_NS: u64 = SECOND;
const COOLDOWN_CAP_NS: u64 = 300 * SECOND;

/// What each permit stands for, in the order of [`Member::keys`].
const KEYS: [Blame; 4] = [Blame::Credential, Blame::CredentialModel, Blame::ProviderModel, Blame::EndpointModel];

/// Hears of breakers that opened or closed, by the id of their health key.
pub(crate) type Told<'t> = &'t mut dyn FnMut(&str, Transition);

/// A target that was taken for one attempt.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// An index into the provider's endpoints.
    pub(crate) endpoint: usize,
    /// An index into the provider's credentials.
    pub(crate) credential: usize,
    pub(crate) held: Held,
}

impl Ticket {
    pub(crate) fn new(member: &Member, way: usize, held: Held) -> Self {
        let (endpoint, credential) = member.indices(way);
        Self { endpoint, credential, held }
    }
}

/// What an attempt holds until it is over. Dropped before that, nothing is learnt of the target: the caller left.
#[derive(Debug)]
#[must_use = "what is dropped teaches nothing"]
pub struct Held {
    member: Rc<Member>,
    pub(crate) way: usize,
    /// In the order of [`Member::keys`]; none where the key is used although it is out.
    permits: [Option<Permit>; 4],
    open: Open,
    paid: Option<Cost>,
    _slot: Slot,
}

/// How an answer has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    /// From the attempt to its commit, in nanoseconds.
    pub(crate) waited_ns: u64,
    /// The same, of a stream.
    pub(crate) first_token_ns: Option<u64>,
    /// What the provider says is left of its quota, per mille.
    pub(crate) quota_permille: Option<u32>,
}

/// What an attempt came to, as far as its target is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// What became of it.
    pub class: Class,
    /// Whose health it counts against.
    pub blame: Blame,
    /// How long the provider asked to wait, in nanoseconds.
    pub pause_ns: Option<u64>,
}

impl Verdict {
    /// A good answer.
    pub const GOOD: Self = Self { class: Class::Good, blame: Blame::Nobody, pause_ns: None };
}

impl Held {
    pub(crate) fn new(member: &Rc<Member>, way: usize, permits: [Option<Permit>; 4], slot: Slot) -> Self {
        let open = member.load.begin();
        Self { member: Rc::clone(member), way, permits, open, paid: None, _slot: slot }
    }

    /// The attempt was paid for as a retry; a good answer gives it back.
    pub(crate) fn was_paid(&mut self, cost: Option<Cost>) {
        self.paid = cost;
    }

    /// Counts the attempt, which begins now.
    pub(crate) fn begins(&self, now_ns: u64) {
        if self.paid.is_none() {
            self.member.ratio.first(now_ns);
        }
    }

    /// What is left of the provider's retry budget, per mille.
    pub(crate) fn budget_permille(&self, now_ns: u64) -> u32 {
        self.member.ratio.level_permille(now_ns)
    }

    /// The answer has begun. What waits for news of the target does not wait for the answer's end, which may be minutes
    /// away.
    pub(crate) fn commit(&mut self, now_ns: u64, begun: Begun, draw: Draw<'_>, told: Told<'_>) {
        if let Some(permille) = begun.quota_permille {
            self.member.load.quota(now_ns, permille);
        }
        self.open.first_token(now_ns, begun.waited_ns);
        let member = Rc::clone(&self.member);
        for ((permit, key), blame) in self.permits.iter_mut().zip(member.keys(self.way)).zip(KEYS) {
            // A slow first token is the endpoint's doing, like every other failure to keep time.
            let first_token_ns = begun.first_token_ns.filter(|_| blame == Blame::EndpointModel);
            let commit = |permit: &mut Permit| permit.commit(now_ns, first_token_ns, &mut *draw);
            if let Some(transition) = permit.as_mut().and_then(commit) {
                told(key, transition);
            }
        }
    }

    /// Ends the attempt: the blamed health key learns of a failure, all learn of a good answer.
    pub fn end(self, verdict: Verdict, now_ns: u64, draw: Draw<'_>, told: Told<'_>) {
        let Self { member, way, permits, open, paid, _slot } = self;
        let (site, pass) = member.at(way);
        if verdict.class == Class::Good {
            reward(site, pass, paid);
        }
        if let Some((key, transition)) = rest(&member, pass, verdict, now_ns) {
            told(key, transition);
        }
        if let Some(penalty) = penalty(verdict) {
            open.load().penalise(now_ns, penalty);
        }
        for ((permit, key), blame) in permits.into_iter().zip(member.keys(way)).zip(KEYS) {
            let settled = settled(verdict, blame);
            if let Some(transition) = permit.and_then(|permit| permit.settle(now_ns, settled, &mut *draw)) {
                told(key, transition);
            }
        }
    }
}

/// A good answer gives the budgets back what a retry cost, and the adaptive limit room.
fn reward(site: &Site, pass: &Pass, paid: Option<Cost>) {
    match paid {
        Some(cost) => site.bucket.refund(cost),
        None => site.bucket.reward(),
    }
    pass.limit.succeeded();
}

/// Rests what should rest: a dead credential, a missing model, a limit that was met.
fn rest<'k>(member: &Member, pass: &'k Pass, verdict: Verdict, now_ns: u64) -> Option<(&'k str, Transition)> {
    let until = |usual: u64, cap: u64| now_ns.saturating_add(verdict.pause_ns.unwrap_or(usual).min(cap));
    if matches!(verdict.class, Class::RateLimited | Class::Overloaded) {
        pass.limit.throttled(now_ns);
    }
    match verdict.class {
        Class::RateLimited if !member.is_shared && verdict.blame == Blame::CredentialModel => {
            pass.health.cool_until(until(COOLDOWN_NS, COOLDOWN_CAP_NS));
            None
        }
        Class::QuotaSpent => quarantine(member, pass, verdict.blame, until(QUARANTINE_NS, QUOTA_CAP_NS)),
        Class::Credential | Class::ModelDenied => {
            quarantine(member, pass, verdict.blame, until(QUARANTINE_NS, QUARANTINE_NS))
        }
        _ => None,
    }
}

/// Rests the key that is to blame. A call that is too large for a quota blames nobody: a smaller one fits.
fn quarantine<'k>(member: &Member, pass: &'k Pass, blame: Blame, until_ns: u64) -> Option<(&'k str, Transition)> {
    let (key, health) = match blame {
        Blame::Credential => (&pass.credential_id, &pass.credential),
        Blame::CredentialModel if !member.is_shared => (&pass.id, &pass.health),
        _ => return None,
    };
    Some((key, health.quarantine_until(until_ns)?))
}

fn penalty(verdict: Verdict) -> Option<u64> {
    match verdict.class {
        Class::RateLimited | Class::Overloaded => Some(verdict.pause_ns.unwrap_or(REFUSAL_NS)),
        Class::Unavailable | Class::Timeout => Some(REFUSAL_NS),
        _ => None,
    }
}

/// What one health key learns of an attempt.
fn settled(verdict: Verdict, key: Blame) -> Settled {
    match verdict.class {
        Class::Good => Settled::Success { first_token_ns: None },
        _ if verdict.blame != key => Settled::Nothing,
        Class::RateLimited => Settled::RateLimited,
        // Of these the quarantine has been told; a breaker counts what comes and goes.
        Class::QuotaSpent | Class::Credential | Class::ModelDenied => Settled::Nothing,
        _ => Settled::Failure,
    }
}
