//! A plan's targets joined with their live state, as one worker sees them.

use crate::balance::{self, Load, Usable, affine};
use crate::budget::{Bucket, Cost, Ratio};
use crate::estimate::Estimate;
use crate::health::{Health, Refused, Settings, State as HealthState, Why};
use crate::hedge::{Purse, Share, Tail};
use crate::held::{Held, Ticket};
use crate::limit::Limit;
use crate::state::State;
use crate::{Blame, Draw};
use plan::{Breaker, Label, Plan, Provider};
use smallvec::SmallVec;
use std::cell::Cell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;

const MS: u64 = 1_000_000;
/// Of a way's health keys those from here on count attempts; those before are of credentials.
const COUNTED: usize = 2;

/// The targets of a plan. One for each worker; the state behind it is shared by all.
#[derive(Debug)]
pub struct Targets {
    deployments: Vec<Rc<Member>>,
    /// Of each provider, what calls for a model named outright use.
    direct: Vec<Rc<Member>>,
    /// The second attempts that calls have earned: of each alias, then of models named outright at each provider.
    shares: Vec<Arc<Share>>,
    /// Likewise.
    purses: Vec<Arc<Purse>>,
    aliases: usize,
}

impl Targets {
    /// Joins a plan with the state; what is known under the same ids counts on.
    pub fn new(plan: &Plan, state: &State) -> Self {
        let member = |provider: usize, name: &str, ceiling: Option<u32>| {
            let at = &plan.providers[provider];
            Rc::new(Member::new((provider, at), state, name, ceiling.unwrap_or(at.max_concurrency)))
        };
        let deployments =
            plan.deployments.iter().map(|one| member(one.provider, &one.id, one.max_concurrency)).collect();
        let direct = (0..plan.providers.len()).map(|provider| member(provider, "*", None)).collect();
        let aliases = plan.aliases.iter().map(|alias| format!("alias:{}", alias.name));
        let labels = aliases.chain(plan.providers.iter().map(|provider| format!("direct:{}", provider.id)));
        let both = |id: String| (state.shares.get(&id, Share::new), state.purses.get(&id, Purse::new));
        let (shares, purses) = labels.map(both).unzip();
        Self { deployments, direct, shares, purses, aliases: plan.aliases.len() }
    }

    /// The second attempts that calls of this label have earned.
    pub(crate) fn share(&self, label: Label) -> Option<&Share> {
        self.shares.get(self.index(label)).map(|share| &**share)
    }

    /// What second attempts of calls of this label may cost. The engine reads it; who knows what attempts cost fills it.
    pub fn purse(&self, label: Label) -> Option<&Arc<Purse>> {
        self.purses.get(self.index(label))
    }

    const fn index(&self, label: Label) -> usize {
        match label {
            Label::Alias(alias) => alias,
            Label::Direct(provider) => self.aliases + provider,
        }
    }

    /// The healths of an endpoint, with each of its models, and of its provider with them.
    pub(crate) fn of_endpoint(&self, provider: usize, endpoint: usize) -> impl Iterator<Item = &Health> {
        let members = self.deployments.iter().chain(&self.direct).filter(move |member| member.provider == provider);
        members.flat_map(move |member| {
            let site = member.sites.get(endpoint).map(|site| &*site.health);
            site.into_iter().chain([&*member.model])
        })
    }

    /// What is learnt of how many tokens bytes make: at a deployment (an index), or at a provider's models that are named
    /// outright.
    pub fn estimate(&self, provider: usize, deployment: Option<usize>) -> &Estimate {
        let member = deployment.map_or_else(|| &self.direct[provider], |deployment| &self.deployments[deployment]);
        &member.estimate
    }

    /// A credential of a provider that nothing is known against; else the first.
    pub(crate) fn usable_credential(&self, provider: usize) -> usize {
        let passes = self.direct.get(provider).map(|member| &*member.passes).unwrap_or_default();
        passes.iter().position(|pass| pass.credential.is_calm()).unwrap_or(0)
    }

    pub(crate) fn deployment(&self, deployment: usize) -> Option<&Rc<Member>> {
        self.deployments.get(deployment)
    }

    pub(crate) fn direct(&self, provider: usize) -> Option<&Rc<Member>> {
        self.direct.get(provider)
    }
}

/// One deployment at its provider, or a provider's models that are named outright.
#[derive(Debug)]
pub(crate) struct Member {
    id: Box<str>,
    provider: usize,
    /// Models named outright share one member: a failure of one model says nothing of another.
    pub(crate) is_shared: bool,
    pub(crate) model: Arc<Health>,
    sites: Box<[Site]>,
    passes: Box<[Pass]>,
    pub(crate) load: Arc<Load>,
    /// The times to the first token of calls that may be hedged.
    pub(crate) tail: Arc<Tail>,
    /// How many tokens bytes make there.
    pub(crate) estimate: Arc<Estimate>,
    /// Of each way, the calls that are kept there; empty where there is one way.
    near: Box<[Arc<Load>]>,
    pub(crate) ratio: Arc<Ratio>,
    /// Which way the next call tries first.
    turn: Cell<usize>,
}

/// A payment for a retry: what it cost of the bucket, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paid {
    pub(crate) cost: Cost,
    pub(crate) at_ns: u64,
}

/// An endpoint, for one model.
#[derive(Debug)]
pub(crate) struct Site {
    id: Box<str>,
    pub(crate) health: Arc<Health>,
    pub(crate) bucket: Arc<Bucket>,
}

/// A credential, for one model.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) credential_id: Box<str>,
    pub(crate) id: Box<str>,
    pub(crate) credential: Arc<Health>,
    pub(crate) health: Arc<Health>,
    pub(crate) limit: Arc<Limit>,
}

impl Member {
    fn new((index, provider): (usize, &Provider), state: &State, name: &str, max: u32) -> Self {
        let settings = settings(&provider.breaker);
        let health = |id: &str| state.healths.get(id, settings);
        let sites: Box<[_]> = provider
            .endpoints
            .iter()
            .map(|endpoint| {
                let id = format!("endpoint:{}/{name}", endpoint.id).into_boxed_str();
                Site { health: health(&id), bucket: state.buckets.get(&endpoint.id, Bucket::new), id }
            })
            .collect();
        // A provider that asks for no credential has one, for counting, that is never shown.
        let passes: Box<[_]> = (0..provider.credentials.len().max(1))
            .map(|index| {
                let credential_id = format!("credential:{}/{index}", provider.id).into_boxed_str();
                let id = format!("{credential_id}/{name}").into_boxed_str();
                let limit = state.limits.get(&id, || Limit::new(max));
                limit.set_max(max);
                Pass { credential: health(&credential_id), health: health(&id), limit, credential_id, id }
            })
            .collect();
        let (permille, floor) = (provider.retry_permille, provider.retry_floor_per_second);
        let ratio = state.ratios.get(&provider.id, || Ratio::new(permille, floor));
        ratio.set(permille, floor);
        let near = sites.iter().flat_map(|site| passes.iter().map(move |pass| format!("{}+{}", site.id, pass.id)));
        let near = near.filter(|_| sites.len() * passes.len() > 1);
        let near = near.map(|id| state.loads.get(&id, || Load::new(&id))).collect();
        let load = format!("{}/{name}", provider.id);
        let id = format!("provider:{load}").into_boxed_str();
        Self {
            is_shared: name == "*",
            model: health(&id),
            sites,
            passes,
            near,
            tail: state.tails.get(&load, Tail::new),
            estimate: state.estimates.get(&load, Estimate::new),
            load: state.loads.get(&load, || Load::new(&load)),
            ratio,
            turn: Cell::new(0),
            provider: index,
            id,
        }
    }

    /// How many ways an attempt has here: endpoints times credentials.
    fn ways(&self) -> usize {
        self.sites.len() * self.passes.len()
    }

    /// The endpoint and the credential of a way, as indices.
    pub(crate) fn indices(&self, way: usize) -> (usize, usize) {
        match self.passes.len() {
            1 => (way, 0), // nearly always, and it spares every attempt some divisions
            passes => (way / passes, way % passes),
        }
    }

    /// The endpoint and the credential of a way.
    pub(crate) fn at(&self, way: usize) -> (&Site, &Pass) {
        let (site, pass) = self.indices(way);
        (&self.sites[site], &self.passes[pass])
    }

    /// The ids of the health keys behind a way: credential, credential with this model, provider with it, endpoint with it.
    pub(crate) fn keys(&self, way: usize) -> [&str; 4] {
        let (site, pass) = self.at(way);
        [&pass.credential_id, &pass.id, &self.id, &site.id]
    }

    /// Their healths.
    pub(crate) fn healths(&self, way: usize) -> [&Health; 4] {
        let (site, pass) = self.at(way);
        [&pass.credential, &pass.health, &self.model, &site.health]
    }

    /// The calls that are kept at a way; none where there is one way.
    pub(crate) fn near(&self, way: usize) -> Option<&Load> {
        self.near.get(way).map(|load| &**load)
    }

    /// Whether attempts may go here now: the best of its endpoints with the best of its credentials.
    pub(crate) fn service(&self, now_ns: u64) -> Service {
        let site = self.sites.iter().map(|site| Service::of(&site.health, now_ns)).max();
        let pass = self.passes.iter().map(|pass| pass.service(now_ns)).max();
        [site, pass].into_iter().flatten().fold(Service::of(&self.model, now_ns), Ord::min)
    }

    /// Whether one of the ways that are not in `spent` is in service.
    pub(crate) fn has_way(&self, now_ns: u64, spent: u64) -> bool {
        let is_in = |way: usize| spent & bit(way) == 0 && self.way_service(way, now_ns).is_in();
        Service::of(&self.model, now_ns).is_in() && (0..self.ways()).any(is_in)
    }

    /// The ways that share with this one what was blamed.
    pub(crate) fn ways_like(&self, way: usize, blame: Blame) -> u64 {
        let (site, pass) = self.indices(way);
        let is_alike = |other: usize| match blame {
            Blame::Nobody => false,
            Blame::Credential | Blame::CredentialModel => self.indices(other).1 == pass,
            Blame::EndpointModel => self.indices(other).0 == site,
            Blame::ProviderModel => true,
        };
        (0..self.ways()).filter(|other| is_alike(*other)).fold(0, |set, other| set | bit(other))
    }

    /// Takes a way that is not in `spent`, each call beginning with the next in turn, or with that of its affinity.
    /// `Err(None)` when every way is in `spent`.
    pub(crate) fn enter(self: &Rc<Self>, asked: &Asked, draw: Draw<'_>) -> Result<Ticket, Option<Refused>> {
        let Asked { now_ns, spent, soft, affinity } = *asked;
        let ways = self.ways();
        if let Some(hash) = affinity
            && ways > 1
        {
            return self.enter_near(hash, asked, draw);
        }
        let first = self.turn.get();
        self.turn.set((first + 1) % ways);
        let mut refused = None;
        for way in (first..first + ways).map(|way| way % ways).filter(|way| spent & bit(*way) == 0) {
            match self.enter_way(way, now_ns, soft, &mut *draw) {
                Ok(ticket) => return Ok(ticket),
                Err(other) => refused = Refused::sooner(refused, Some(other)),
            }
        }
        Err(refused)
    }

    /// Takes the way of a hash, or the next best that has room and lets the attempt in; where none does, any that does.
    fn enter_near(self: &Rc<Self>, hash: u64, asked: &Asked, draw: Draw<'_>) -> Result<Ticket, Option<Refused>> {
        let Asked { now_ns, mut spent, soft, .. } = *asked;
        let places: SmallVec<[balance::Place<'_>; 8]> = self
            .near
            .iter()
            .enumerate()
            .map(|(way, load)| {
                let (usable, share_permille) = self.way_service(way, now_ns).shown(soft);
                balance::Place { weight: 1, price_nano: 0, load, usable, share_permille }
            })
            .collect();
        let mut refused = None;
        // First those in service, the nearest first; then the rest, which say for themselves why they are not.
        let next =
            |spent: u64| affine(&places, hash, spent).or_else(|| (0..self.ways()).find(|way| spent & bit(*way) == 0));
        while let Some(way) = next(spent) {
            spent |= bit(way);
            match self.enter_way(way, now_ns, soft, &mut *draw) {
                Ok(mut ticket) => {
                    ticket.held.is_near();
                    return Ok(ticket);
                }
                Err(other) => refused = Refused::sooner(refused, Some(other)),
            }
        }
        Err(refused)
    }

    /// Takes one way, if all that stands behind it lets the attempt in.
    pub(crate) fn enter_way(
        self: &Rc<Self>,
        way: usize,
        now_ns: u64,
        soft: bool,
        draw: Draw<'_>,
    ) -> Result<Ticket, Refused> {
        let mut held = Held::enter(self, way).ok_or(Refused { until_ns: now_ns, why: Why::Limit })?;
        for (key, health) in self.healths(way).into_iter().enumerate() {
            // Of a credential nothing is counted: what it has against it is said at once. So it is asked only when it rests.
            if key < COUNTED && health.is_calm() {
                continue;
            }
            match health.enter(now_ns, &mut *draw) {
                Ok(permit) => held.permitted(key, permit),
                Err(Refused { why: Why::Ratio | Why::Slow, .. }) if soft => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(Ticket::new(held, now_ns))
    }

    /// Takes the way that is soonest in service, although it is out: a probe, one at a time.
    pub(crate) fn enter_anyway(self: &Rc<Self>, now_ns: u64) -> Option<Ticket> {
        let way = (0..self.ways()).max_by_key(|way| self.way_service(*way, now_ns))?;
        let mut held = Held::enter(self, way)?;
        for (key, health) in self.healths(way).into_iter().enumerate() {
            held.permitted(key, health.enter_anyway(now_ns)?);
        }
        Some(Ticket::new(held, now_ns))
    }

    /// Pays for asking this provider again out of both budgets, or says that one of them is spent.
    pub(crate) fn pay(&self, way: usize, cost: Cost, now_ns: u64) -> bool {
        let (site, _) = self.at(way);
        if !site.bucket.try_pay(cost) {
            return false;
        }
        if !self.ratio.try_pay(now_ns) {
            site.bucket.refund(cost);
            return false;
        }
        true
    }

    /// Makes a payment for a way one of now, or takes it back where the budget has shrunk meanwhile.
    pub(crate) fn renew(&self, way: usize, paid: Paid, now_ns: u64) -> bool {
        let renewed = self.ratio.renew(paid.at_ns, now_ns);
        if !renewed {
            self.at(way).0.bucket.refund(paid.cost);
        }
        renewed
    }

    /// Takes a payment for a way back: that retry was not made.
    pub(crate) fn give_back(&self, way: usize, paid: Paid) {
        self.ratio.give_back(paid.at_ns);
        self.at(way).0.bucket.refund(paid.cost);
    }

    /// Whether a way will be there after a pause: a rest that the provider asked for is over then.
    pub(crate) fn is_worth_a_pause(&self, way: usize, now_ns: u64) -> bool {
        self.healths(way).iter().all(|health| {
            !matches!(
                health.state(now_ns),
                HealthState::Open { why: Why::Consecutive | Why::Probe | Why::Quarantine, .. }
            )
        })
    }

    /// The ways behind which a breaker is not closed.
    pub(crate) fn ways_unsound(&self, now_ns: u64) -> u64 {
        let is_sound =
            |way: usize| self.healths(way).into_iter().all(|health| health.state(now_ns) == HealthState::Closed);
        (0..self.ways()).filter(|way| !is_sound(*way)).fold(0, |set, way| set | bit(way))
    }

    pub(crate) fn way_service(&self, way: usize, now_ns: u64) -> Service {
        let (site, pass) = self.at(way);
        Service::of(&site.health, now_ns).min(pass.service(now_ns))
    }
}

impl Pass {
    fn service(&self, now_ns: u64) -> Service {
        Service::of(&self.credential, now_ns).min(Service::of(&self.health, now_ns))
    }
}

/// What an attempt asks of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) now_ns: u64,
    /// The ways that are of no use to it.
    pub(crate) spent: u64,
    /// Whether it takes one that is out by a signal that some calls survive.
    pub(crate) soft: bool,
    /// What keeps its call at one way.
    pub(crate) affinity: Option<u64>,
}

/// Whether attempts may go somewhere. The better is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Out until then.
    Out(Reverse<u64>),
    /// Out until then by a signal that some calls survive.
    Soft(Reverse<u64>),
    /// In, for a share of the calls, per mille.
    In(u32),
}

impl Service {
    fn of(health: &Health, now_ns: u64) -> Self {
        match health.state(now_ns) {
            HealthState::Closed | HealthState::HalfOpen => Self::In(1000),
            HealthState::Ramping { permille } => Self::In(permille),
            HealthState::Open { until_ns, why: Why::Ratio | Why::Slow } => Self::Soft(Reverse(until_ns)),
            HealthState::Open { until_ns, .. } => Self::Out(Reverse(until_ns)),
        }
    }

    pub(crate) const fn is_in(self) -> bool {
        matches!(self, Self::In(_))
    }

    /// How the balance sees it: usable or not, and for which share. `soft`: whether there is nowhere better to go.
    pub(crate) const fn shown(self, soft: bool) -> (Usable, u32) {
        match self {
            Self::In(permille) => (Usable::In, permille),
            Self::Soft(Reverse(until_ns)) if soft => (Usable::Soft(until_ns), 1000),
            Self::Soft(Reverse(until_ns)) | Self::Out(Reverse(until_ns)) => (Usable::Out(until_ns), 1000),
        }
    }
}

/// The bit of a way or a place in a set; those beyond the last share it.
pub(crate) fn bit(index: usize) -> u64 {
    1 << index.min(63)
}

fn settings(breaker: &Breaker) -> Settings {
    Settings {
        consecutive: breaker.consecutive,
        ratio_permille: breaker.ratio_permille,
        slow_first_token_ns: breaker.slow_first_token_ms.saturating_mul(MS),
        slow_permille: breaker.slow_permille,
        window_ns: breaker.window_ms.saturating_mul(MS),
        min_calls: breaker.min_calls,
        open_ns: breaker.open_ms.saturating_mul(MS),
        open_cap_ns: breaker.open_cap_ms.saturating_mul(MS),
    }
}
