//! Where a call has been, and where it may go next.

use crate::balance::{self, affine};
use crate::budget::Cost;
use crate::fit::PassedOver;
use crate::health::Refused;
use crate::hedge::{Share, Tail};
use crate::held::{Held, Ticket};
use crate::reason::Reason;
use crate::targets::{Asked, Member, Paid, bit};
use crate::world::{Call, Failure};
use crate::{Blame, Class, Draw};
use plan::{Balance, Candidate, Condition, Retry, Step};
use smallvec::SmallVec;
use std::cell::Cell;
use std::rc::Rc;

/// A member of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) step: usize,
    /// An index into the step's shares; 0 for a model named outright.
    pub(crate) index: usize,
}

/// What is known of a place that was tried.
#[derive(Debug)]
struct Visit {
    place: Place,
    provider: usize,
    attempts: u32,
    /// The ways (endpoints times credentials) that are of no use any more: those that were tried, and those that share
    /// what was blamed.
    spent: u64,
}

/// Where a call has been that was answered, for one more attempt should the answer be cut.
#[derive(Debug)]
pub struct Trail {
    pub(crate) place: Place,
    pub(crate) way: usize,
    attempts: u32,
    visits: Vec<Visit>,
    reason: Option<Reason>,
}

impl Trail {
    /// The place that answered: its step, and its index there.
    pub const fn place(&self) -> (usize, usize) {
        (self.place.step, self.place.index)
    }
}

/// The places of one step that an attempt may go to; none where it may go anywhere.
#[derive(Debug, Clone, Copy)]
struct Only {
    step: usize,
    places: u64,
}

/// A retry budget is spent.
#[derive(Debug)]
pub(crate) struct Broke;

/// The payment for a retry that waits for its time. Dropped, it is taken back: the retry is not made.
#[derive(Debug)]
pub(crate) struct Reserved(Option<(Rc<Member>, usize, Paid)>);

impl Reserved {
    /// The retry is sent: the payment counts from now on. `Err`: the budget does not allow it by now.
    pub(crate) fn send(mut self, now_ns: u64) -> Result<Option<Cost>, Broke> {
        let Some((member, way, paid)) = self.0.take() else { return Ok(None) };
        member.renew(way, paid, now_ns).then_some(Some(paid.cost)).ok_or(Broke)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some((member, way, paid)) = self.0.take() {
            member.give_back(way, paid);
        }
    }
}

/// The way of one call along its chain.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    call: &'a Call<'a>,
    attempts: u32,
    /// Empty until an attempt has failed: most calls allocate nothing here.
    visits: Vec<Visit>,
    /// The context that was too small for the prompt; 0 where none was.
    too_small: u64,
    /// Why the call is at a later step.
    reason: Cell<Option<Reason>>,
    only: Option<Only>,
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(call: &'a Call<'a>) -> Self {
        Self { call, attempts: 0, visits: Vec::new(), too_small: 0, reason: Cell::new(None), only: None }
    }

    /// The same call once more, after it was answered: with what it has done already, within its step, and there to the
    /// `places` in this set.
    pub(crate) fn again(call: &'a Call<'a>, trail: Trail, places: u64) -> Self {
        let Trail { place, attempts, visits, reason, .. } = trail;
        Self {
            call,
            attempts,
            visits,
            too_small: 0,
            reason: Cell::new(reason),
            only: Some(Only { step: place.step, places }),
        }
    }

    /// Where the call has been, at its end.
    pub(crate) fn into_trail(self, place: Place, way: usize) -> Trail {
        Trail { place, way, attempts: self.attempts, visits: self.visits, reason: self.reason.get() }
    }

    pub(crate) const fn call(&self) -> &'a Call<'a> {
        self.call
    }

    pub(crate) fn rules(&self) -> &'a Retry {
        &self.call.route.resilience().retry
    }

    /// Why the call is at a later step, if it is.
    pub(crate) const fn reason(&self) -> Option<Reason> {
        self.reason.get()
    }

    /// The call goes on to a later step after a failure of this class.
    pub(crate) fn falls_back(&self, class: Class) {
        self.reason.set(Reason::of(class));
    }

    /// Attempts until now.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Attempts at a place until now.
    pub(crate) fn attempts_at(&self, place: Place) -> u32 {
        self.visit(place).map_or(0, |visit| visit.attempts)
    }

    /// What a place stands for.
    pub(crate) fn candidate(&self, place: Place) -> Option<Candidate<'a>> {
        self.call.route.candidate(place.step, place.index)
    }

    /// Counts an attempt that begins; returns its number, from 1.
    pub(crate) fn begins(&mut self, held: &Held, now_ns: u64) -> u32 {
        self.attempts += 1;
        held.begins(now_ns);
        self.attempts
    }

    /// Notes a failure and what it makes useless.
    pub(crate) fn failed<A>(&mut self, place: Place, way: usize, failure: &Failure<A>) {
        let (Some(member), Some(provider)) = (self.member(place), self.provider(place)) else { return };
        let spent = bit(way) | member.ways_like(way, failure.blame);
        if failure.class == Class::ContextTooLong {
            self.too_small = self.too_small.max(self.context(place).unwrap_or(0));
        }
        match self.visits.iter_mut().find(|visit| visit.place == place) {
            Some(visit) => {
                visit.attempts += 1;
                visit.spent |= spent;
            }
            None => self.visits.push(Visit { place, provider, attempts: 1, spent }),
        }
    }

    /// Whether an attempt at this place asks a provider again that the call has asked already.
    fn asks_again(&self, place: Place) -> bool {
        let provider = self.provider(place);
        self.visits.iter().any(|visit| Some(visit.provider) == provider)
    }

    /// The first target of the call. A later step comes first where those before it are out of service, or cannot take
    /// the call, for a reason that it answers to. `Err(None)` when the call fits nowhere that it may go.
    pub(crate) fn first(&self, now_ns: u64, draw: Draw<'_>) -> Result<(Place, Ticket), Option<Refused>> {
        let mut refused: Option<Refused> = None;
        let mut passed_over = PassedOver::default();
        for step in self.call.first_step..self.call.route.steps() {
            let rests = refused.map(|before| Reason::of_rest(before.why));
            let rests = rests.filter(|reason| self.answers(step, reason.condition()));
            let reason = rests.or_else(|| passed_over.reason(self.when(step)));
            if step > self.call.first_step && reason.is_none() {
                continue;
            }
            let reason = reason.or_else(|| (step > 0).then_some(Reason::BudgetSpent));
            match self.choose(step, now_ns, &mut *draw) {
                Ok(found) => {
                    self.reason.set(reason);
                    return Ok(found);
                }
                Err(None) => self.pass_over(step, &mut passed_over),
                Err(other) => refused = Refused::sooner(refused, other),
            }
        }
        Err(refused)
    }

    /// Whether a call may begin at a step when nothing rests: all before it are passed over for what it answers to.
    pub(crate) fn may_begin(&self, step: usize) -> bool {
        let mut passed_over = PassedOver::default();
        for before in 0..step {
            if before > 0 && passed_over.reason(self.when(before)).is_none() {
                continue;
            }
            if self.places(before).any(|place| self.fits(place)) {
                return false;
            }
            self.pass_over(before, &mut passed_over);
        }
        step == 0 || passed_over.reason(self.when(step)).is_some()
    }

    /// Notes why no place of a step fits.
    fn pass_over(&self, step: usize, passed_over: &mut PassedOver) {
        self.places(step).for_each(|place| passed_over.add(self.call.unfit(place.step, place.index)));
    }

    /// The target that is soonest to be in service again, if nobody else asks it now.
    pub(crate) fn least_bad(&self, now_ns: u64) -> Option<(Place, Ticket)> {
        let places = (0..self.call.route.steps()).flat_map(|step| self.places(step));
        let service = |place: &Place| self.member(*place).map(|member| member.service(now_ns));
        let soonest = places.filter(|place| self.fits(*place) && self.has_room(*place)).max_by_key(service)?;
        let ticket = self.member(soonest)?.enter_anyway(now_ns)?;
        self.reason.set((soonest.step > 0).then_some(Reason::Unavailable));
        Some((soonest, ticket))
    }

    /// Another target of a step, in service and untried.
    pub(crate) fn other(&self, step: usize, now_ns: u64, draw: Draw<'_>) -> Option<(Place, Ticket)> {
        self.choose(step, now_ns, draw).ok()
    }

    /// Whether there is one.
    pub(crate) fn has_other(&self, step: usize, now_ns: u64) -> bool {
        self.places(step).any(|place| self.is_open(place, now_ns))
    }

    /// The next step that answers to a class of failure and has a target in service.
    pub(crate) fn fallback(&self, from: Place, class: Class, now_ns: u64) -> Option<usize> {
        let condition = Reason::of(class)?.condition();
        (from.step + 1..self.call.route.steps())
            .find(|step| self.answers(*step, condition) && self.has_other(*step, now_ns))
    }

    /// Whether the same target may be asked after a pause.
    pub(crate) fn has_same(&self, place: Place, way: usize, now_ns: u64) -> bool {
        self.fits(place) && self.member(place).is_some_and(|member| member.is_worth_a_pause(way, now_ns))
    }

    /// Pays for an attempt at a way, where it has to be paid for: what is budgeted is asking one provider more than once
    /// for one call. The first attempt at another provider is no more load on it than a first attempt.
    pub(crate) fn pay(&self, place: Place, way: usize, cost: Cost, now_ns: u64) -> Result<Option<Cost>, Broke> {
        match self.member(place) {
            Some(member) if self.asks_again(place) => member.pay(way, cost, now_ns).then_some(Some(cost)).ok_or(Broke),
            _ => Ok(None),
        }
    }

    /// A payment that is held while its retry waits, and taken back where that is not made.
    pub(crate) fn reserve(&self, place: Place, way: usize, paid: Option<Paid>) -> Reserved {
        Reserved(self.member(place).zip(paid).map(|(member, paid)| (Rc::clone(member), way, paid)))
    }

    /// Takes another target of the step for a second attempt while one at `from` is open: another place, as the balance
    /// likes, else another endpoint or credential of this one. None where a breaker is not closed.
    pub(crate) fn beside(&self, from: (Place, usize), now_ns: u64, draw: Draw<'_>) -> Option<(Place, Ticket)> {
        let (Place { step, index }, way) = from;
        let enter = |place: Place, spent: u64, draw: Draw<'_>| {
            let member = self.member(place).filter(|_| self.has_room(place))?;
            let spent = spent | self.spent(place) | member.ways_unsound(now_ns);
            let asked = Asked { now_ns, spent, soft: false, affinity: self.call.affinity };
            member.enter(&asked, draw).ok().map(|ticket| (place, ticket))
        };
        let is_free = |place: &Place| place.index != index && self.fits(*place) && self.visit(*place).is_none();
        let mut asked = self.places(step).filter(|place| !is_free(place)).fold(0, |set, place| set | bit(place.index));
        let pool = self.pool(step, now_ns, false);
        while let Some(index) = self.pick((step, asked), &pool, now_ns, &mut *draw) {
            asked |= bit(index);
            if let Some(taken) = enter(Place { step, index }, 0, &mut *draw) {
                return Some(taken);
            }
        }
        let alike = self.member(from.0)?.ways_like(way, Blame::EndpointModel);
        [alike, bit(way)].into_iter().find_map(|spent| enter(from.0, spent, &mut *draw))
    }

    /// Whether every breaker behind a way is closed.
    pub(crate) fn is_sound(&self, place: Place, way: usize, now_ns: u64) -> bool {
        self.member(place).is_some_and(|member| member.ways_unsound(now_ns) & bit(way) == 0)
    }

    /// Pays for an attempt that is sent while another is open, wherever it goes: it is more load than the call.
    pub(crate) fn pay_beside(&self, place: Place, way: usize, cost: Cost, now_ns: u64) -> Result<(), Broke> {
        let paid = self.member(place).is_some_and(|member| member.pay(way, cost, now_ns));
        if paid { Ok(()) } else { Err(Broke) }
    }

    /// The second attempts that calls like this one have earned.
    pub(crate) fn share(&self) -> Option<&'a Share> {
        self.call.targets.share(self.call.route.label())
    }

    /// Whether attempts that lost have cost less than their share of the spend.
    pub(crate) fn may_spend(&self) -> bool {
        self.call.targets.purse(self.call.route.label()).is_some_and(|purse| purse.may_pay())
    }

    /// How long first tokens take at a place; none of models named outright, of which one says nothing of another.
    pub(crate) fn tail(&self, place: Place) -> Option<&'a Tail> {
        self.member(place).filter(|member| !member.is_shared).map(|member| &*member.tail)
    }

    /// The same target once more.
    pub(crate) fn same(&self, place: Place, way: usize, now_ns: u64) -> Result<Ticket, Option<Refused>> {
        let member = self.member(place).ok_or(None)?;
        if let Some(refused) = self.no_room(place) {
            return Err(Some(refused));
        }
        member.enter_way(way, now_ns, true, &mut |_| 0).map_err(Some)
    }

    /// Takes a target of a step: the balance's choice among those in service, and its next choice where that one was
    /// just taken. `Err(None)` when none of them fits or is untried.
    fn choose(&self, step: usize, now_ns: u64, draw: Draw<'_>) -> Result<(Place, Ticket), Option<Refused>> {
        let count = self.call.route.places(step);
        if count == 1 {
            let place = Place { step, index: 0 };
            return self.enter_alone(place, now_ns, draw).map(|ticket| (place, ticket));
        }
        let mut asked: u64 = self.places(step).filter(|place| !self.fits(*place)).map(|place| bit(place.index)).sum();
        let mut refused = None;
        let soft = !self.is_covered(step, now_ns);
        let pool = self.pool(step, now_ns, soft);
        // First those in service, as the balance likes; then the rest, which say for themselves why they are not.
        let mut next = |asked: u64| {
            let rest = || (0..count).find(|index| asked & bit(*index) == 0).map(|index| (index, false));
            let picked = self.pick((step, asked), &pool, now_ns, &mut *draw);
            picked.map(|index| (index, soft)).or_else(rest)
        };
        while let Some((index, soft)) = next(asked) {
            let place = Place { step, index };
            asked |= bit(index);
            // Whom the balance chose has had its share weighed.
            match self.enter(place, now_ns, soft, &mut |_| 0) {
                Ok(ticket) => return Ok((place, ticket)),
                Err(other) => refused = Refused::sooner(refused, other),
            }
        }
        Err(refused)
    }

    /// Which of a step's places that were not asked comes next: that of the call's affinity, else the balance's choice.
    fn pick(&self, of: (usize, u64), pool: &[balance::Place<'_>], now_ns: u64, draw: Draw<'_>) -> Option<usize> {
        let (step, asked) = of;
        let near = self.call.affinity.and_then(|hash| affine(pool, hash, asked));
        near.or_else(|| balance::pick(self.balance(step), pool, asked, now_ns, draw))
    }

    /// Takes the only place of its step. One that some calls survive, or that is to have a share of them, is passed over
    /// for a fallback alone.
    fn enter_alone(&self, place: Place, now_ns: u64, draw: Draw<'_>) -> Result<Ticket, Option<Refused>> {
        match self.enter(place, now_ns, false, &mut *draw) {
            Err(Some(_)) if !self.is_covered(place.step, now_ns) => self.enter(place, now_ns, true, &mut |_| 0),
            result => result,
        }
    }

    /// Whether a fallback can take the calls of a step.
    fn is_covered(&self, step: usize, now_ns: u64) -> bool {
        self.fallback(Place { step, index: 0 }, Class::Unavailable, now_ns).is_some()
    }

    fn enter(&self, place: Place, now_ns: u64, soft: bool, draw: Draw<'_>) -> Result<Ticket, Option<Refused>> {
        if !self.fits(place) {
            return Err(None);
        }
        let Some(member) = self.member(place) else { return Err(None) };
        if let Some(refused) = self.no_room(place) {
            return Err(Some(refused));
        }
        member.enter(&Asked { now_ns, spent: self.spent(place), soft, affinity: self.call.affinity }, draw)
    }

    /// The step as its balance sees it.
    fn pool(&self, step: usize, now_ns: u64, soft: bool) -> SmallVec<[balance::Place<'_>; 8]> {
        let place = |place: Place| {
            let member = self.member(place)?;
            let share = self.step(place.step)?.shares.get(place.index)?;
            let (usable, share_permille) = member.service(now_ns).shown(soft);
            let price = self.call.route.price(place.step, place.index);
            let price_nano = price.map_or(u64::MAX, plan::Price::nano_usd_per_million);
            Some(balance::Place { weight: share.weight, price_nano, load: &member.load, usable, share_permille })
        };
        self.places(step).filter_map(place).collect()
    }

    pub(crate) fn places(&self, step: usize) -> impl Iterator<Item = Place> + use<> {
        (0..self.call.route.places(step)).map(move |index| Place { step, index })
    }

    fn is_open(&self, place: Place, now_ns: u64) -> bool {
        let has_way = |member: &Rc<Member>| member.has_way(now_ns, self.spent(place));
        self.fits(place) && self.member(place).is_some_and(has_way) && self.has_room(place)
    }

    /// Why the policy lets a place not be asked now, if it does not.
    fn no_room(&self, place: Place) -> Option<Refused> {
        let rooms = self.call.rooms?; // nearly every call
        let deployment = self.call.route.deployment(place.step, place.index).map(|(number, _)| number);
        rooms.refusal(deployment, self.provider(place)?)
    }

    fn has_room(&self, place: Place) -> bool {
        self.no_room(place).is_none()
    }

    /// Whether a place can take the call: what it can do, its window, and what was learnt of windows since.
    fn fits(&self, place: Place) -> bool {
        let is_longer = self.too_small == 0 || self.context(place).is_none_or(|context| context > self.too_small);
        let is_open = |only: Only| only.step == place.step && only.places & bit(place.index) != 0;
        let is_paid_for = place.step >= self.call.first_step;
        is_longer && is_paid_for && self.only.is_none_or(is_open) && self.call.unfit(place.step, place.index).fits()
    }

    fn provider(&self, place: Place) -> Option<usize> {
        let route = &self.call.route;
        route.direct().or_else(|| Some(route.deployment(place.step, place.index)?.1.provider))
    }

    fn context(&self, place: Place) -> Option<u64> {
        self.call.route.deployment(place.step, place.index)?.1.context_tokens
    }

    fn step(&self, step: usize) -> Option<&'a Step> {
        self.call.route.chain().get(step)
    }

    fn balance(&self, step: usize) -> Balance {
        self.step(step).map_or(Balance::Weighted, |step| step.balance)
    }

    /// Whether a step is a fallback for this.
    fn answers(&self, step: usize, condition: Condition) -> bool {
        self.when(step).contains(&condition)
    }

    fn when(&self, step: usize) -> &'a [Condition] {
        self.step(step).map_or(&[], |step| &step.when)
    }

    fn member(&self, place: Place) -> Option<&'a Rc<Member>> {
        match self.call.route.direct() {
            Some(provider) => self.call.targets.direct(provider),
            None => self.call.targets.deployment(self.call.route.deployment(place.step, place.index)?.0),
        }
    }

    /// The ways of a place that are of no use to this call any more.
    fn spent(&self, place: Place) -> u64 {
        self.visit(place).map_or(0, |visit| visit.spent)
    }

    fn visit(&self, place: Place) -> Option<&Visit> {
        self.visits.iter().find(|visit| visit.place == place)
    }
}
