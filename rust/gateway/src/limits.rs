//! Whether there is room for a call: what it is expected to use, and what it takes of the limits that it meets.
//!
//! A call takes one reservation when its route is known, of what it would use at the dearest place that it may go to. Where
//! there is no money for the first step of its chain, it begins at a later one that answers to `budget_spent`, and where
//! there is none for that either, the budget says what happens.

use crate::call::{Call, Lost, Named, Spelling};
use crate::spending::{Spending, Told};
use crate::tariff::BYTES_PER_TOKEN;
use crate::wall;
use admission::{Ask, BodyUser, Caller, Cost, Limits, Meets, Now, Refusal, Reservation, Ticket, Who};
use attempt::{Refused, Rooms, Why};
use fault::Fault;
use plan::{Condition, Label, Route, WhenSpent};
use protocol::openai::paths::Streams;
use protocol::openai::usage::Usage;
use protocol::scan::User;
use record::Record;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// How many tokens an answer is taken to have whose caller does not bound it.
const GUESSED_TOKENS: u64 = 1_000;

/// A call that there is room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted<'a> {
    pub(crate) route: Route<'a>,
    /// The step that it begins at.
    pub(crate) first_step: usize,
    /// What it is expected to use.
    pub(crate) expects: Ask,
    /// Whether a budget has sent it along another route than its model's.
    pub(crate) is_rerouted: bool,
    /// Whether a budget that must hold counts on it.
    pub(crate) is_budgeted: bool,
}

impl<'c> Call<'c> {
    /// Reads who is behind the call, where the policy says how.
    pub(crate) fn identify(&self, user: &User, record: &mut Record) -> Result<(), Fault> {
        let user = match user {
            User::None => BodyUser::None,
            User::Text(user) => BodyUser::Text(user),
            User::TooLong => BodyUser::TooLong,
        };
        let plan = &self.snapshot.compiled.plan;
        if let Some(identity) = admission::identify(&plan.identity, self.plan_key(), self.head, user)? {
            record.identified(Rc::new(identity));
        }
        Ok(())
    }

    /// Takes a reservation for a call, or says why there is no room for it. `named`: none of a call that names no model.
    pub(crate) fn reserve(
        &self,
        route: Route<'c>,
        named: Option<&Named>,
        record: &mut Record,
    ) -> Result<Admitted<'c>, Lost> {
        let limits = &self.snapshot.compiled.limits;
        let plain = Admitted { route, first_step: 0, expects: Ask::default(), is_rerouted: false, is_budgeted: false };
        if limits.is_empty() {
            return Ok(plain); // nearly every policy that has none pays no more
        }
        let mut admitted = plain;
        let mut exempt = Vec::new();
        loop {
            let refused = match self.reserve_along(&mut admitted, named, &exempt, record) {
                Ok(()) => return Ok(admitted),
                Err(refused) => refused,
            };
            let elsewhere = match refused.when_spent {
                Some(WhenSpent::Use(alias)) if !exempt.contains(&refused.rule) => self.through(alias),
                _ => None,
            };
            let Some(route) = elsewhere else { return Err(self.refuse(&refused, record)) };
            exempt.push(refused.rule);
            admitted = Admitted { route, is_rerouted: true, ..plain };
            let streamed = named.is_some_and(|named| named.peek.stream);
            record.routed(self.snapshot.call_series(route.label(), self.endpoint.name, streamed));
        }
    }

    /// Takes a reservation for the first step that there is money for.
    fn reserve_along(
        &self,
        admitted: &mut Admitted<'c>,
        named: Option<&Named>,
        exempt: &[usize],
        record: &mut Record,
    ) -> Result<(), Box<Refusal>> {
        let (limits, now) = (&self.snapshot.compiled.limits, self.server.local.moment());
        let route = admitted.route;
        let meets = self.meets(route, named, record, now);
        if meets.is_empty() {
            admitted.expects = self.expects(route, 0, named);
            return Ok(());
        }
        admitted.is_budgeted = meets.iter().any(|met| limits.rules()[met.rule].must_hold());
        let is_open_to_the_poor = |step: &usize| route.chain()[*step].when.contains(&Condition::BudgetSpent);
        let mut first_refusal = None;
        for step in std::iter::once(0).chain((1..route.chain().len()).filter(is_open_to_the_poor)) {
            let expects = self.expects(route, step, named);
            match self.take(limits, (&meets, exempt), expects, record, now) {
                Ok(()) => {
                    (admitted.first_step, admitted.expects) = (step, expects);
                    return Ok(());
                }
                // Something cheaper may do.
                Err(refused) if refused.when_spent.is_some() => {
                    first_refusal.get_or_insert(refused);
                }
                Err(refused) => {
                    first_refusal.get_or_insert(refused);
                    break;
                }
            }
        }
        record.holds(Box::new(Told::new(limits, &meets, now)));
        // The first step is always tried, so there is one.
        first_refusal.map_or(Ok(()), Err)
    }

    fn take(
        &self,
        limits: &Arc<Limits>,
        of: (&Meets, &[usize]),
        expects: Ask,
        record: &mut Record,
        now: Now,
    ) -> Result<(), Box<Refusal>> {
        let (meets, exempt) = of;
        let reservation = limits.reserve(meets.clone(), (expects, exempt), self.ticket(record), now)?;
        for rule in reservation.observed() {
            self.snapshot.limits[*rule].observed.add(1);
            record.limited_by(&limits.rules()[*rule].id, false);
        }
        record.holds(Box::new(self.spending(reservation, now)));
        Ok(())
    }

    fn spending(&self, reservation: Reservation, now: Now) -> Spending {
        let server = self.server;
        Spending::new(reservation, (Rc::clone(&server.local), Arc::clone(&server.meters)), now)
    }

    /// Takes what an attempt needs of its target's own limits; nothing where it has none. `Err`: there is no room.
    pub(crate) fn take_at(
        &self,
        at: (Option<usize>, usize),
        expects: Ask,
        record: &Record,
    ) -> Result<Option<Spending>, Box<Refusal>> {
        let (limits, now) = (&self.snapshot.compiled.limits, self.server.local.moment());
        let meets: Meets = limits.met_at(at.0, at.1).cloned().collect();
        if meets.is_empty() {
            return Ok(None);
        }
        let reservation = limits.reserve(meets, (expects, &[]), self.ticket(record), now)?;
        for rule in reservation.observed() {
            self.snapshot.limits[*rule].observed.add(1);
        }
        Ok(Some(self.spending(reservation, now)))
    }

    fn ticket(&self, record: &Record) -> Ticket {
        let total_ms = self.snapshot.compiled.plan.resilience.timeouts.stream_total_ms;
        let deadline_ns = record.opened_ns().saturating_add(total_ms.saturating_mul(1_000_000));
        Ticket { id: self.server.local.next_ticket(), deadline_ns }
    }

    fn meets(&self, route: Route<'_>, named: Option<&Named>, record: &Record, now: Now) -> Meets {
        let alias = match route.label() {
            Label::Alias(index) => Some(index),
            Label::Direct(_) => None,
        };
        let model = named.map_or("", |named| &*named.peek.model.name);
        let who = Who { key: self.key(), alias, model, identity: record.identity().map(|identity| &**identity) };
        self.snapshot.compiled.limits.met_by(&who, now)
    }

    fn key(&self) -> Option<usize> {
        match self.caller {
            Caller::Anyone => None,
            Caller::Key(index) => Some(index),
        }
    }

    /// The caller's key in the plan.
    pub(crate) fn plan_key(&self) -> Option<&'c plan::Key> {
        self.snapshot.compiled.plan.keys.get(self.key()?)
    }

    /// The route through an alias that a budget names.
    fn through(&self, alias: usize) -> Option<Route<'c>> {
        let plan = &self.snapshot.compiled.plan;
        plan.through(alias, &plan.aliases.get(alias)?.name)
    }

    /// What a call is expected to use from a step on.
    pub(crate) fn expects(&self, route: Route<'_>, first_step: usize, named: Option<&Named>) -> Ask {
        let Some(named) = named else { return Ask::default() };
        let bytes = named.prompt_bytes();
        // What was learnt is an average: a prompt that is longer than it seems is to find room in what is taken for it.
        let input_tokens = self.tokens(&route, bytes).max(bytes / BYTES_PER_TOKEN);
        let bounds = named.peek.bounds;
        // Text, pictures, sound that became text: whatever a model makes that is billed by its length.
        let is_made = matches!(self.endpoint.streams, Streams::Chat | Streams::Responses | Streams::Typed { .. });
        let answers = bounds.answers.unwrap_or(1).max(1);
        let guess = if is_made { GUESSED_TOKENS } else { 0 };
        let (is_bounded, each) = match (named.spelling, bounds.tokens) {
            (Spelling::Json, Some(stated)) => (true, stated),
            _ => (!is_made, guess),
        };
        let output_tokens = each.saturating_mul(answers).min(longest(route).unwrap_or(u64::MAX));
        let ask = Ask { input_tokens, output_tokens, is_bounded, cost: None };
        Ask { cost: cost(route, first_step, &ask, named.peek.asks.service_tier()), ..ask }
    }

    fn refuse(&self, refused: &Refusal, record: &mut Record) -> Lost {
        self.snapshot.limits[refused.rule].refused.add(1);
        record.limited_by(&refused.limit, true);
        Lost { fault: refused.fault.clone(), again: Some(refused.again), pause_ns: refused.pause_ns }
    }
}

/// What targets have left of their own limits.
pub(crate) struct AtTargets<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) expects: Ask,
}

impl fmt::Debug for AtTargets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtTargets").field("expects", &self.expects).finish_non_exhaustive()
    }
}

impl Rooms for AtTargets<'_> {
    fn refusal(&self, deployment: Option<usize>, provider: usize) -> Option<Refused> {
        let Self { call, expects } = self;
        let local = &call.server.local;
        let limits = &call.snapshot.compiled.limits;
        let refused = limits.look(limits.met_at(deployment, provider), expects, &[], local.moment()).err()?;
        call.snapshot.limits[refused.rule].refused.add(1);
        let until_ns = local.now().saturating_add(refused.pause_ns.unwrap_or(u64::MAX >> 1));
        let why = if refused.when_spent.is_some() { Why::Budget } else { Why::Rate };
        Some(Refused { until_ns, why })
    }
}

/// The places where a call may go from a step on; steps that only the poor go to are not among them.
fn places(route: Route<'_>, first_step: usize) -> impl Iterator<Item = (usize, usize)> {
    let of_poor = move |step: usize| route.chain().get(step).is_some_and(|step| step.when == [Condition::BudgetSpent]);
    let steps = (first_step..route.steps()).filter(move |step| *step == first_step || !of_poor(*step));
    steps.flat_map(move |step| (0..route.places(step)).map(move |index| (step, index)))
}

/// The longest answer that any of its models could give, where that is known of all.
fn longest(route: Route<'_>) -> Option<u64> {
    let windows = places(route, 0).map(|(step, index)| route.deployment(step, index)?.1.context_tokens);
    windows.reduce(|one, other| Some(one?.max(other?))).flatten()
}

/// What a call costs at the dearest place that it may go to; none where no price is known. `names_tier`: it says how it is
/// to be served, and may cost what that costs.
fn cost(route: Route<'_>, first_step: usize, ask: &Ask, names_tier: bool) -> Option<Cost> {
    let usage = |output| Usage { input: ask.input_tokens, output, ..Usage::NONE };
    let (most, least) = (usage(ask.output_tokens), usage(if ask.is_bounded { ask.output_tokens } else { 0 }));
    let costs = places(route, first_step).filter_map(|(step, index)| {
        let price = route.price(step, index)?;
        let nano_usd = |usage| price.most_at(names_tier, usage, || wall::since_1970().as_secs());
        Some(Cost { least_nano_usd: nano_usd(&least)?, most_nano_usd: nano_usd(&most)? })
    });
    costs.max_by_key(|cost| cost.most_nano_usd)
}
