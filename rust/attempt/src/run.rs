//! The engine: attempts one after the other until one is good or none is left.

mod hedged;

use crate::budget::Cost;
use crate::decide::{self, Next, Situation, Stop};
use crate::health::{Refused, Why};
use crate::held::{Begun, Held, Ticket, Verdict};
use crate::targets::Paid;
use crate::walk::{Broke, Place, Reserved, Trail, Walk};
use crate::world::{Attempt, Call, Failure, Good, Lost, Tried, What, Won, World};
use crate::{Blame, Class, backoff, fit};
use fault::{Fault, Kind};
use hedged::Turn;

const MS: u64 = 1_000_000;

/// Where the next attempt goes, and after which wait.
struct Step {
    place: Place,
    ticket: Ticket,
    waited_ns: u64,
}

/// Runs attempts until one is good or none is left.
///
/// Cancelling: dropping the future drops the open attempt and gives back all that it holds; nothing is learnt then.
pub async fn run<W: World>(call: &Call<'_>, world: &W) -> Result<Won<W::Answer>, Lost<W::Answer>> {
    let mut walk = Walk::new(call);
    let mut step = begin(&walk, world).await?;
    let mut hedge = call.hedge;
    if let (Some(rule), Some(share)) = (hedge, walk.share()) {
        share.call(rule.max_share_permille);
    }
    loop {
        if hedge.is_some() {
            // Boxed: calls without a second attempt, nearly all, carry no room for one.
            match Box::pin(hedged::turn(&mut walk, step, &mut hedge, world)).await? {
                Turn::Won { answer, held, place } => {
                    let trail = walk.into_trail(place, held.way);
                    return Ok(Won { answer, held, trail });
                }
                Turn::Next(next) => {
                    step = next;
                    continue;
                }
            }
        }
        let Step { place, ticket: Ticket { endpoint, credential, taken_ns: started_ns, held }, waited_ns } = step;
        let Some(candidate) = walk.candidate(place) else { return Err(nowhere()) };
        let number = walk.begins(&held, started_ns);
        let reason = walk.reason();
        let attempt =
            Attempt { number, candidate: &candidate, endpoint, credential, started_ns, is_hedge: false, reason };
        step = match world.exchange(&attempt).await {
            Ok(good) => {
                let (answer, held) = won(good, held, (attempt, waited_ns), world);
                let trail = walk.into_trail(place, held.way);
                return Ok(Won { answer, held, trail });
            }
            Err(failure) => after(&mut walk, (place, held), failure, ((attempt, waited_ns), world)).await?,
        };
    }
}

/// What comes after a failed attempt: the next one, or the end of the call.
async fn after<W: World>(
    walk: &mut Walk<'_>,
    from: (Place, Held),
    failure: Failure<W::Answer>,
    of: ((Attempt<'_>, u64), &W),
) -> Result<Step, Lost<W::Answer>> {
    let ((place, held), (attempt, world)) = (from, of);
    let way = held.way;
    let tried = learn(held, &failure, attempt, world);
    walk.failed(place, way, &failure);
    let chosen = follow(walk, (place, way), &failure, world);
    let next = chosen.as_ref().map_or_else(|why| Next::Stop(*why), |(next, _)| *next);
    world.tried(&Tried { then: next.name(), ..tried });
    let following = match chosen {
        Ok((_, Chosen::Now(step))) => Ok(*step),
        Ok((_, Chosen::Again(reserved))) => again(walk, (place, way), reserved, (&failure, world)).await,
        Err(why) => Err(why),
    };
    following.map_err(|why| lost(failure, why, walk.attempts()))
}

/// Makes one attempt more of a call whose answer was cut, which is its failure: at another place in `places` (a set of
/// places of its step), or the same once more, as after any failure. It counts among the call's attempts and pays as a
/// retry does. Nothing follows it.
///
/// Cancelling: as for [`run`].
pub async fn go_on<W: World>(
    call: &Call<'_>,
    from: (Trail, u64),
    failure: Failure<W::Answer>,
    world: &W,
) -> Result<Won<W::Answer>, Lost<W::Answer>> {
    let (trail, places) = from;
    let (place, way) = (trail.place, trail.way);
    let mut walk = Walk::again(call, trail, places);
    walk.failed(place, way, &failure);
    let step = match follow(&walk, (place, way), &failure, world) {
        Ok((_, Chosen::Now(step))) => Ok(*step),
        Ok((_, Chosen::Again(reserved))) => again(&walk, (place, way), reserved, (&failure, world)).await,
        Err(why) => Err(why),
    };
    let Step { place, ticket: Ticket { endpoint, credential, taken_ns: started_ns, held }, waited_ns } = match step {
        Ok(step) => step,
        Err(why) => return Err(lost(failure, why, walk.attempts())),
    };
    let Some(candidate) = walk.candidate(place) else { return Err(nowhere()) };
    let number = walk.begins(&held, started_ns);
    let reason = walk.reason();
    let attempt = Attempt { number, candidate: &candidate, endpoint, credential, started_ns, is_hedge: false, reason };
    match world.exchange(&attempt).await {
        Ok(good) => {
            let (answer, held) = won(good, held, (attempt, waited_ns), world);
            let trail = walk.into_trail(place, held.way);
            Ok(Won { answer, held, trail })
        }
        Err(failure) => {
            let tried = learn(held, &failure, (attempt, waited_ns), world);
            world.tried(&Tried { then: Stop::Final.name(), ..tried });
            Err(lost(failure, Stop::Final, walk.attempts()))
        }
    }
}

/// Takes the first target of a call. Where all rest for a short while, that is waited out, once; where all are out of
/// service, the least bad is asked, by one call at a time.
async fn begin<W: World>(walk: &Walk<'_>, world: &W) -> Result<Step, Lost<W::Answer>> {
    let mut waited_ns = 0;
    loop {
        let now_ns = world.now();
        if now_ns >= walk.call().total_by_ns {
            return Err(too_late());
        }
        let refused = match walk.first(now_ns, &mut |n| world.draw(n)) {
            Ok((place, ticket)) => return Ok(Step { place, ticket, waited_ns }),
            Err(None) => return Err(unfit(walk)),
            Err(Some(refused)) => refused,
        };
        let rest_ns = refused.until_ns.saturating_sub(now_ns);
        let is_short = rest_ns <= walk.rules().wait_ms.saturating_mul(MS) && refused.until_ns < walk.call().total_by_ns;
        if refused.why == Why::Cooldown && is_short && waited_ns == 0 {
            // Spread over a tenth more, so that those who wait do not come all at once.
            let left_ns = walk.call().total_by_ns.saturating_sub(now_ns);
            waited_ns = rest_ns.saturating_add(world.draw(rest_ns / 10 + 1)).min(left_ns);
            world.sleep_until(now_ns.saturating_add(waited_ns)).await;
            continue;
        }
        // What the provider said itself holds; what was only concluded may have passed.
        let is_told = matches!(refused.why, Why::Cooldown | Why::Limit | Why::Rate | Why::Budget);
        let least_bad = if is_told { None } else { walk.least_bad(now_ns) };
        let step = least_bad.map(|(place, ticket)| Step { place, ticket, waited_ns });
        return step.ok_or_else(|| out_of_service(refused, now_ns));
    }
}

/// A good answer: its target learns that it has begun.
fn won<W: World>(good: Good<W::Answer>, mut held: Held, of: (Attempt<'_>, u64), world: &W) -> (W::Answer, Held) {
    let (attempt, waited_ns) = of;
    let now_ns = world.now();
    let Good { answer, status, first_token_ns, quota_permille } = good;
    let took_ns = now_ns.saturating_sub(attempt.started_ns);
    let begun = Begun { waited_ns: took_ns, first_token_ns, quota_permille };
    held.commit(now_ns, begun, &mut |n| world.draw(n), &mut |key, transition| world.changed(key, transition));
    // What is left of a budget is of interest where it was asked.
    let budget_permille = if attempt.number > 1 { held.budget_permille(now_ns) } else { 1000 };
    let (class, blame, result) = (Class::Good, Blame::Nobody, Some(Ok(status)));
    world.tried(&Tried { attempt, class, blame, waited_ns, took_ns, budget_permille, result, then: "" });
    (answer, held)
}

/// A failure: its target learns of it.
fn learn<'a, W: World>(held: Held, failure: &Failure<W::Answer>, of: (Attempt<'a>, u64), world: &W) -> Tried<'a> {
    let (attempt, waited_ns) = of;
    let Failure { class, blame, pause_ns, result, .. } = *failure;
    let now_ns = world.now();
    let budget_permille = held.budget_permille(now_ns);
    let verdict = Verdict { class, blame, pause_ns };
    held.end(verdict, now_ns, &mut |n| world.draw(n), &mut |key, transition| world.changed(key, transition));
    let took_ns = now_ns.saturating_sub(attempt.started_ns);
    Tried { attempt, class, blame, waited_ns, took_ns, budget_permille, result: Some(result), then: "" }
}

/// Where the next attempt goes, paid for.
enum Chosen {
    /// Elsewhere, at once.
    Now(Box<Step>),
    /// The same way of the same place, after a pause; it is not held meanwhile, its payment is.
    Again(Reserved),
}

/// What follows a failed attempt.
fn follow<W: World>(
    walk: &Walk<'_>,
    from: (Place, usize),
    failure: &Failure<W::Answer>,
    world: &W,
) -> Result<(Next, Chosen), Stop> {
    follow_from(walk, situation(walk, from, failure, world.now()), from, world)
}

/// The same, from a situation. What turns out not to be there (taken by another call a moment ago, or its budget spent) is
/// taken out of the situation, and what is left is decided by.
fn follow_from<W: World>(
    walk: &Walk<'_>,
    mut situation: Situation<'_>,
    from: (Place, usize),
    world: &W,
) -> Result<(Next, Chosen), Stop> {
    let (place, way) = from;
    let (now_ns, class) = (world.now(), situation.class);
    let cost = if is_throttling(class) { Cost::Throttling } else { Cost::Transient };
    let draw = &mut |n| world.draw(n);
    let mut is_broke = false;
    loop {
        let next = decide::next(&situation);
        let taken = match next {
            Next::Stop(Stop::NoTarget) if is_broke => return Err(Stop::Budget),
            Next::Stop(stop) => return Err(stop),
            Next::Same => match walk.pay(place, way, cost, now_ns) {
                Ok(paid) => {
                    let paid = paid.map(|cost| Paid { cost, at_ns: now_ns });
                    return Ok((next, Chosen::Again(walk.reserve(place, way, paid))));
                }
                Err(Broke) => None,
            },
            Next::Other => walk.other(place.step, now_ns, draw),
            Next::Fallback => walk.fallback(place, class, now_ns).and_then(|step| walk.other(step, now_ns, draw)),
        };
        is_broke |= next == Next::Same;
        if let Some((at, mut ticket)) = taken {
            if let Ok(paid) = walk.pay(at, ticket.held.way, cost, now_ns) {
                ticket.held.was_paid(paid);
                if next == Next::Fallback {
                    walk.falls_back(class);
                }
                return Ok((next, Chosen::Now(Box::new(Step { place: at, ticket, waited_ns: 0 }))));
            }
            is_broke = true;
        }
        match next {
            Next::Other => situation.other = false,
            Next::Fallback => situation.fallback = false,
            Next::Same | Next::Stop(_) => situation.same = false,
        }
    }
}

/// Takes the same target after a pause; or goes on without it, where it went out of service meanwhile, or the budget has
/// shrunk.
async fn again<W: World>(
    walk: &Walk<'_>,
    from: (Place, usize),
    reserved: Reserved,
    of: (&Failure<W::Answer>, &W),
) -> Result<Step, Stop> {
    let ((place, way), (failure, world)) = (from, of);
    let began_ns = world.now();
    let mut until_ns = began_ns.saturating_add(pause(walk, failure, world));
    let latest_ns = walk.call().total_by_ns.min(began_ns.saturating_add(walk.rules().wait_ms.saturating_mul(MS)));
    loop {
        if until_ns >= walk.call().total_by_ns {
            return Err(Stop::Deadline);
        }
        world.sleep_until(until_ns).await;
        let waited_ns = world.now().saturating_sub(began_ns);
        match walk.same(place, way, world.now()) {
            Ok(mut ticket) => {
                if let Ok(paid) = reserved.send(world.now()) {
                    ticket.held.was_paid(paid);
                    return Ok(Step { place, ticket, waited_ns });
                }
                drop(ticket);
                let step = elsewhere(walk, from, (failure, world));
                let broke = |why| if why == Stop::NoTarget { Stop::Budget } else { why };
                return step.map(|step| Step { waited_ns, ..step }).map_err(broke);
            }
            // It rests longer: other calls were refused as well.
            Err(Some(refused))
                if refused.why == Why::Cooldown && until_ns < refused.until_ns && refused.until_ns < latest_ns =>
            {
                let rest_ns = refused.until_ns - began_ns;
                until_ns = refused.until_ns.saturating_add(world.draw(rest_ns / 10 + 1));
            }
            Err(_) => {
                drop(reserved);
                return elsewhere(walk, from, (failure, world)).map(|step| Step { waited_ns, ..step });
            }
        }
    }
}

/// What else there is, where the same target turned out not to be.
fn elsewhere<W: World>(walk: &Walk<'_>, from: (Place, usize), of: (&Failure<W::Answer>, &W)) -> Result<Step, Stop> {
    let (failure, world) = of;
    let situation = Situation { same: false, ..situation(walk, from, failure, world.now()) };
    match follow_from(walk, situation, from, world)? {
        (_, Chosen::Now(step)) => Ok(*step),
        (_, Chosen::Again(_)) => Err(Stop::NoTarget),
    }
}

fn situation<'a, A>(walk: &Walk<'a>, from: (Place, usize), failure: &Failure<A>, now_ns: u64) -> Situation<'a> {
    let (place, way) = from;
    Situation {
        class: failure.class,
        advice: failure.advice,
        pause_ns: failure.pause_ns,
        attempts: walk.attempts(),
        here: walk.attempts_at(place),
        left_ns: walk.call().total_by_ns.saturating_sub(now_ns),
        replayable: walk.call().replayable,
        untouched: failure.untouched,
        other: walk.has_other(place.step, now_ns),
        fallback: walk.fallback(place, failure.class, now_ns).is_some(),
        same: walk.has_same(place, way, now_ns),
        rules: walk.rules(),
    }
}

/// How long to wait before the same target is asked again, in nanoseconds.
fn pause<W: World>(walk: &Walk<'_>, failure: &Failure<W::Answer>, world: &W) -> u64 {
    let rules = walk.rules();
    let first_ms = if is_throttling(failure.class) { rules.throttled_base_ms } else { rules.base_ms };
    let ns = |ms: u64| ms.saturating_mul(MS);
    let retry = walk.attempts().saturating_sub(1);
    backoff::delay_ns(retry, ns(first_ms), ns(rules.cap_ms), failure.pause_ns.unwrap_or(0), |n| world.draw(n))
}

const fn is_throttling(class: Class) -> bool {
    matches!(class, Class::RateLimited | Class::Overloaded)
}

/// The last failure, with advice for the caller: what was tried here more than once is not to be multiplied by its
/// library, and a spent budget means that there is too much trying already.
fn lost<A>(failure: Failure<A>, why: Stop, attempts: u32) -> Lost<A> {
    let can_help = matches!(
        failure.class,
        Class::Unavailable | Class::Overloaded | Class::Timeout | Class::RateLimited | Class::Weak
    );
    // Of this gateway's own, what is full now may have room later.
    let is_full = matches!(&failure.what, What::Fault(fault) if fault.kind() == Kind::Overloaded);
    let again = (can_help || is_full) && attempts == 1 && failure.advice != Some(false) && why != Stop::Budget;
    Lost { what: failure.what, why, again, pause_ns: failure.pause_ns }
}

fn out_of_service<A>(refused: Refused, now_ns: u64) -> Lost<A> {
    let pause_ns = refused.until_ns.saturating_sub(now_ns);
    let seconds = pause_ns.div_ceil(1_000 * MS).max(1);
    let (kind, sentence) = match refused.why {
        Why::Cooldown | Why::Limit => (
            Kind::ProviderBusy,
            format!("The provider limits how much it is asked: send the call again in {seconds} s"),
        ),
        Why::Rate => (
            Kind::ProviderBusy,
            format!("This model is asked as much as this gateway's policy allows: send the call again in {seconds} s"),
        ),
        Why::Budget => {
            (Kind::QuotaSpent, "The money that this gateway's policy has for this model is spent".to_owned())
        }
        Why::Quarantine => (
            Kind::CredentialRejected,
            "No credential for this model is accepted at the moment: tell the gateway's operator".to_owned(),
        ),
        _ => (
            Kind::BreakerOpen,
            format!("Every provider of this model failed of late and is rested: send the call again in {seconds} s"),
        ),
    };
    let again = !matches!(refused.why, Why::Quarantine | Why::Budget);
    Lost { what: What::Fault(Fault::new(kind, sentence)), why: Stop::NoTarget, again, pause_ns: Some(pause_ns) }
}

fn unfit<A>(walk: &Walk<'_>) -> Lost<A> {
    Lost { what: What::Fault(fit::fault(walk)), why: Stop::NoTarget, again: false, pause_ns: None }
}

fn too_late<A>() -> Lost<A> {
    let fault = Fault::new(Kind::TotalTimeout, "The time of the call was over before it could be sent");
    Lost { what: What::Fault(fault), why: Stop::Deadline, again: true, pause_ns: None }
}

fn nowhere<A>() -> Lost<A> {
    let fault = Fault::new(Kind::Internal, "The call had nowhere to go").because("a place without a candidate");
    Lost { what: What::Fault(fault), why: Stop::NoTarget, again: false, pause_ns: None }
}
