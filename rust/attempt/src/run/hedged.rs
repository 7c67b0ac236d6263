//! An attempt that gets a second one beside it when it takes too long.

use super::{Step, after, learn, nowhere, won};
use crate::budget::Cost;
use crate::hedge::{Against, Sent, due_ns};
use crate::held::{Held, Ticket};
use crate::walk::{Broke, Place, Walk};
use crate::world::{Attempt, Failure, Good, Lost, Tried, World};
use crate::{Blame, Class, decide};
use plan::{Candidate, Hedge};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

/// The word for what follows a failure while the other attempt is open: that one is waited for.
const OTHER_IS_OPEN: &str = "hedge";

/// What a turn of attempts came to.
pub(super) enum Turn<A> {
    /// One was good.
    Won { answer: A, held: Held, place: Place },
    /// None was; this is next.
    Next(Step),
}

/// What comes of an attempt.
type Came<W> = Result<Good<<W as World>::Answer>, Failure<<W as World>::Answer>>;

/// An exchange that can be cancelled.
type Exchange<'f, F> = Pin<&'f mut Option<F>>;

/// An attempt that is open.
struct Open<'c> {
    place: Place,
    held: Held,
    attempt: Attempt<'c>,
    waited_ns: u64,
}

/// Makes an attempt, and a second one beside it when the first has taken too long and nothing speaks against it. A call
/// has one such attempt at most: `hedge` is none once it was sent.
pub(super) async fn turn<W: World>(
    walk: &mut Walk<'_>,
    step: Step,
    hedge: &mut Option<&Hedge>,
    world: &W,
) -> Result<Turn<W::Answer>, Lost<W::Answer>> {
    // What exchanges borrow stands before them.
    let (other_candidate, other_attempt);
    let Some(candidate) = walk.candidate(step.place) else { return Err(nowhere()) };
    let first = open(walk, step, (&candidate, false));
    let attempt = first.attempt;
    let mut exchange = pin!(Some(world.exchange(&attempt)));
    let sent = Sent {
        at_ns: attempt.started_ns,
        left_ns: walk.call().total_by_ns.saturating_sub(attempt.started_ns),
        streamed: walk.call().streamed,
    };
    let due = hedge.map_or(Err(Against::Unknown), |hedge| due_ns(hedge, walk.tail(first.place), &sent));
    let second = match due {
        Ok(after_ns) => {
            let due = world.sleep_until(attempt.started_ns.saturating_add(after_ns));
            if let Some(came) = before(exchange.as_mut(), due).await {
                return alone(walk, first, came, world).await;
            }
            second(walk, &first, world)
        }
        Err(against) => Err(against),
    };
    let second = match second {
        Ok(second) => second,
        Err(against) => {
            world.not_hedged(against);
            let came = first_of([&mut exchange]).await.1;
            return alone(walk, first, came, world).await;
        }
    };
    *hedge = None;
    let Some(candidate) = walk.candidate(second.place) else { return Err(nowhere()) };
    other_candidate = candidate;
    let second = open(walk, second, (&other_candidate, true));
    other_attempt = second.attempt;
    let mut beside = pin!(Some(world.exchange(&other_attempt)));
    let (index, came) = first_of([&mut exchange, &mut beside]).await;
    let (ended, other, mut rest) = if index == 0 { (first, second, beside) } else { (second, first, exchange) };
    match came {
        Ok(good) => {
            rest.set(None);
            outrun(walk, other, world);
            Ok(answered(walk, ended, good, world))
        }
        // The other one would be told the same.
        Err(failure) if decide::is_about_the_call(failure.class) => {
            rest.set(None);
            outrun(walk, other, world);
            failed(walk, ended, failure, world).await
        }
        Err(failure) => {
            let advice = failure.advice.filter(|_| decide::is_advised_against(failure.class, failure.advice));
            give_up(walk, ended, &failure, world);
            let (_, came) = first_of([&mut rest]).await;
            let came = came.map_err(|last| Failure { advice: advice.or(last.advice), ..last });
            alone(walk, other, came, world).await
        }
    }
}

/// Begins an attempt.
fn open<'c>(walk: &mut Walk<'_>, step: Step, of: (&'c Candidate<'c>, bool)) -> Open<'c> {
    let Step { place, ticket: Ticket { endpoint, credential, taken_ns: started_ns, held }, waited_ns } = step;
    let number = walk.begins(&held, started_ns);
    let (candidate, is_hedge) = of;
    let reason = walk.reason();
    let attempt = Attempt { number, candidate, endpoint, credential, started_ns, is_hedge, reason };
    Open { place, held, attempt, waited_ns }
}

/// Takes a target for a second attempt, and pays for it.
fn second<W: World>(walk: &Walk<'_>, first: &Open<'_>, world: &W) -> Result<Step, Against> {
    let now_ns = world.now();
    if walk.attempts() >= walk.rules().max_attempts_per_call {
        return Err(Against::Attempts);
    }
    if !walk.is_sound(first.place, first.held.way, now_ns) {
        return Err(Against::Breaker);
    }
    if !walk.may_spend() {
        return Err(Against::Spend);
    }
    let share = walk.share().filter(|share| share.try_pay()).ok_or(Against::Share)?;
    let taken = take(walk, first, now_ns, world);
    if taken.is_err() {
        share.give_back();
    }
    taken
}

fn take<W: World>(walk: &Walk<'_>, first: &Open<'_>, now_ns: u64, world: &W) -> Result<Step, Against> {
    if world.acts_at_provider() {
        return Err(Against::Tools);
    }
    let from = (first.place, first.held.way);
    let (place, mut ticket) = walk.beside(from, now_ns, &mut |n| world.draw(n)).ok_or(Against::Target)?;
    let cost = Cost::Transient;
    walk.pay_beside(place, ticket.held.way, cost, now_ns).map_err(|Broke| Against::Budget)?;
    ticket.held.was_paid(Some(cost));
    Ok(Step { place, ticket, waited_ns: 0 })
}

/// What became of the only attempt that is open.
async fn alone<W: World>(
    walk: &mut Walk<'_>,
    open: Open<'_>,
    came: Came<W>,
    world: &W,
) -> Result<Turn<W::Answer>, Lost<W::Answer>> {
    match came {
        Ok(good) => Ok(answered(walk, open, good, world)),
        Err(failure) => failed(walk, open, failure, world).await,
    }
}

fn answered<W: World>(walk: &Walk<'_>, open: Open<'_>, good: Good<W::Answer>, world: &W) -> Turn<W::Answer> {
    if let Some(ns) = good.first_token_ns {
        note(walk, &open, ns, world);
    }
    let Open { place, held, attempt, waited_ns } = open;
    let (answer, held) = won(good, held, (attempt, waited_ns), world);
    Turn::Won { answer, held, place }
}

async fn failed<W: World>(
    walk: &mut Walk<'_>,
    open: Open<'_>,
    failure: Failure<W::Answer>,
    world: &W,
) -> Result<Turn<W::Answer>, Lost<W::Answer>> {
    note_timeout(walk, &open, &failure, world);
    let Open { place, held, attempt, waited_ns } = open;
    after(walk, (place, held), failure, ((attempt, waited_ns), world)).await.map(Turn::Next)
}

/// One failed, and the other is waited for.
fn give_up<W: World>(walk: &mut Walk<'_>, open: Open<'_>, failure: &Failure<W::Answer>, world: &W) {
    note_timeout(walk, &open, failure, world);
    let Open { place, held, attempt, waited_ns } = open;
    let way = held.way;
    let tried = learn(held, failure, (attempt, waited_ns), world);
    walk.failed(place, way, failure);
    world.tried(&Tried { then: OTHER_IS_OPEN, ..tried });
}

/// One was cancelled because the other was first. Its health keys learn nothing: it has not failed.
fn outrun<W: World>(walk: &Walk<'_>, open: Open<'_>, world: &W) {
    let now_ns = world.now();
    let took_ns = now_ns.saturating_sub(open.attempt.started_ns);
    if walk.call().streamed {
        note(walk, &open, took_ns, world);
    }
    let Open { held, attempt, waited_ns, .. } = open;
    let budget_permille = held.budget_permille(now_ns);
    held.outrun(now_ns, took_ns);
    let (class, blame) = (Class::HedgeLost, Blame::Nobody);
    world.tried(&Tried { attempt, class, blame, waited_ns, took_ns, budget_permille, result: None, then: "" });
}

/// Notes how long the first token of a first attempt took, or was waited for: without the longest times second attempts
/// would come sooner and sooner. Those of second attempts say nothing of how long a first one takes.
fn note<W: World>(walk: &Walk<'_>, open: &Open<'_>, ns: u64, world: &W) {
    if let Some(tail) = walk.tail(open.place).filter(|_| !open.attempt.is_hedge) {
        tail.record(world.now(), ns);
    }
}

fn note_timeout<W: World>(walk: &Walk<'_>, open: &Open<'_>, failure: &Failure<W::Answer>, world: &W) {
    if walk.call().streamed && failure.class == Class::Timeout {
        note(walk, open, world.now().saturating_sub(open.attempt.started_ns), world);
    }
}

/// What comes of an exchange before `until`; none where that is over first, and the exchange is still open.
async fn before<F: Future>(mut exchange: Exchange<'_, F>, until: impl Future<Output = ()>) -> Option<F::Output> {
    let mut until = pin!(until);
    poll_fn(|cx| match poll(&mut exchange, cx) {
        Poll::Ready(came) => Poll::Ready(Some(came)),
        Poll::Pending => until.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Which of several exchanges ends first, and with what.
async fn first_of<F: Future, const N: usize>(mut exchanges: [&mut Exchange<'_, F>; N]) -> (usize, F::Output) {
    poll_fn(|cx| {
        for (index, exchange) in exchanges.iter_mut().enumerate() {
            if let Poll::Ready(came) = poll(exchange, cx) {
                return Poll::Ready((index, came));
            }
        }
        Poll::Pending
    })
    .await
}

fn poll<F: Future>(exchange: &mut Exchange<'_, F>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
    exchange.as_mut().as_pin_mut().map_or(Poll::Pending, |exchange| exchange.poll(cx))
}
