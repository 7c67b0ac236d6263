//! What an attempt holds of its target while it lasts, and what the target learns from it.

use crate::balance::REFUSAL_NS;
use crate::budget::Cost;
use crate::health::{Permit, Settled, Transition};
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
    /// When it was taken, in nanoseconds.
    pub(crate) taken_ns: u64,
    pub(crate) held: Held,
}

impl Ticket {
    pub(crate) fn new(held: Held, taken_ns: u64) -> Self {
        let (endpoint, credential) = held.member.indices(held.way);
        Self { endpoint, credential, taken_ns, held }
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
    /// No first token has come.
    waits: bool,
    /// It counts at its way, where calls are kept at one.
    is_near: bool,
    paid: Option<Cost>,
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
    /// Takes room at a way of a member, without any permit yet; none where its limit is reached.
    pub(crate) fn enter(member: &Rc<Member>, way: usize) -> Option<Self> {
        let (_, pass) = member.at(way);
        if !pass.limit.try_enter() {
            return None;
        }
        member.load.begin();
        let permits = [const { None }; 4];
        Some(Self { member: Rc::clone(member), way, permits, waits: true, is_near: false, paid: None })
    }

    /// The attempt has a permit of a health key, by its place among [`Member::keys`].
    pub(crate) fn permitted(&mut self, key: usize, permit: Permit) {
        self.permits[key] = Some(permit);
    }

    /// The attempt was paid for as a retry; a good answer gives it back.
    pub(crate) fn was_paid(&mut self, cost: Option<Cost>) {
        self.paid = cost;
    }

    /// The attempt counts at its way, too.
    pub(crate) fn is_near(&mut self) {
        if let Some(near) = self.member.near(self.way) {
            near.begin();
            self.is_near = true;
        }
    }

    /// The attempt was cancelled after so long, since another one was first. That is no failure, but its target is at
    /// least that slow.
    pub(crate) fn outrun(self, now_ns: u64, waited_ns: u64) {
        self.member.load.penalise(now_ns, waited_ns);
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
        if std::mem::take(&mut self.waits) {
            self.member.load.first_token(now_ns, begun.waited_ns);
        }
        for ((permit, health), key) in self.permits.iter_mut().zip(self.member.healths(self.way)).zip(0..) {
            let Some(permit) = permit else { continue };
            // A slow first token is the endpoint's doing, like every other failure to keep time.
            let first_token_ns = begun.first_token_ns.filter(|_| KEYS[key] == Blame::EndpointModel);
            if let Some(transition) = health.commit(permit, now_ns, first_token_ns, &mut *draw) {
                told(self.member.keys(self.way)[key], transition);
            }
        }
    }

    /// Ends the attempt: the blamed health key learns of a failure, all learn of a good answer.
    pub fn end(mut self, verdict: Verdict, now_ns: u64, draw: Draw<'_>, told: Told<'_>) {
        let Self { member, way, permits, paid, .. } = &mut self;
        let (site, pass) = member.at(*way);
        if verdict.class == Class::Good {
            reward(site, pass, *paid);
        }
        if let Some((key, transition)) = rest(member, pass, verdict, now_ns) {
            told(key, transition);
        }
        if let Some(penalty) = penalty(verdict) {
            member.load.penalise(now_ns, penalty);
        }
        for ((permit, health), key) in permits.iter_mut().zip(member.healths(*way)).zip(0..) {
            let Some(permit) = permit.take() else { continue };
            if let Some(transition) = health.settle(permit, now_ns, settled(verdict, KEYS[key]), &mut *draw) {
                told(member.keys(*way)[key], transition);
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Self { member, way, permits, waits, is_near, .. } = self;
        for (permit, health) in permits.iter_mut().zip(member.healths(*way)) {
            if let Some(permit) = permit.take() {
                health.give_back(permit);
            }
        }
        member.load.end(*waits);
        if *is_near && let Some(near) = member.near(*way) {
            near.end(true);
        }
        member.at(*way).1.limit.leave();
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
