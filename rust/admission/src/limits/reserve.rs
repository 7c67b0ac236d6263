//! What one call holds of the limits that it meets.

use super::ask::{Ask, Used};
use super::gather::{Limits, Meets, Met};
use super::refusal::{Refusal, Why};
use super::rule::Measured;
use super::take::Took;
use super::tightest::Tightest;
use crate::account::{Allowance, Now, Standing, State, Window};
use smallvec::SmallVec;
use std::sync::Arc;

/// What names a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Unlike every other one of its worker.
    pub id: u64,
    /// When its call is over at the latest, on the steady clock.
    pub deadline_ns: u64,
}

/// A share of a budget is spent, for the first time in its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Which budget, as an index into the rules.
    pub rule: usize,
    /// Of which value.
    pub value: Box<str>,
    /// The share, per mille.
    pub permille: u32,
    /// How things stand.
    pub standing: Standing,
}

/// See [`Warning`]; nearly always none.
pub type Warnings = SmallVec<[Warning; 1]>;

#[derive(Debug)]
struct Hold {
    met: Met,
    took: Took,
}

/// What a call holds until it is over.
///
/// Ended by name ([`Reservation::end`]). Dropped before that it gives back its places and what it had set aside, and what
/// it took of buckets counts: a bucket needs the time to know what it can take back.
#[derive(Debug)]
#[must_use = "dropped, it gives back"]
pub struct Reservation {
    ticket: Ticket,
    limits: Arc<Limits>,
    holds: SmallVec<[Hold; 6]>,
    ask: Ask,
    observed: SmallVec<[usize; 2]>,
    is_sent: bool,
    charged: Option<Used>,
}

impl Limits {
    /// Takes what a call needs of all that it meets, or of nothing. With what it asks stand the budgets that count it and
    /// do not refuse it. Of several refusals it is the one that holds longest.
    pub fn reserve(
        self: &Arc<Self>,
        meets: Meets,
        asked: (Ask, &[usize]),
        ticket: Ticket,
        now: Now,
    ) -> Result<Reservation, Box<Refusal>> {
        let (ask, exempt) = asked;
        let observed = self.look(&meets, &ask, exempt, now)?;
        let mut reservation = self.nothing(ask, ticket);
        reservation.observed = observed;
        for met in meets {
            match self.take(&met, &ask, now, !self.refuses(met.rule, exempt)) {
                Ok(took) => reservation.holds.push(Hold { met, took }),
                Err(why) => {
                    reservation.end(now);
                    return Err(self.refusal(&met, why, now));
                }
            }
        }
        Ok(reservation)
    }

    fn nothing(self: &Arc<Self>, ask: Ask, ticket: Ticket) -> Reservation {
        let (holds, observed) = (SmallVec::new(), SmallVec::new());
        Reservation { ticket, limits: Arc::clone(self), holds, ask, observed, is_sent: false, charged: None }
    }

    /// Looks whether there is room for a call, and touches nothing. The rules that would have refused it and only observe.
    pub fn look<'m>(
        &self,
        meets: impl IntoIterator<Item = &'m Met>,
        ask: &Ask,
        exempt: &[usize],
        now: Now,
    ) -> Result<SmallVec<[usize; 2]>, Box<Refusal>> {
        let mut observed = SmallVec::new();
        let mut gravest: Option<(&'m Met, Why)> = None;
        for met in meets {
            let Err(why) = self.check(met, ask, now) else { continue };
            if !self.refuses(met.rule, exempt) {
                observed.push(met.rule);
            } else if gravest.is_none_or(|(_, other)| why.is_graver_than(&other, now)) {
                gravest = Some((met, why));
            }
        }
        match gravest {
            Some((met, why)) => Err(self.refusal(met, why, now)),
            None => Ok(observed),
        }
    }

    fn refuses(&self, rule: usize, exempt: &[usize]) -> bool {
        !exempt.contains(&rule) && self.rules.get(rule).is_some_and(|rule| rule.enforce)
    }

    fn refusal(&self, met: &Met, why: Why, now: Now) -> Box<Refusal> {
        Box::new(Refusal::new((met.rule, &self.rules[met.rule]), met, why, now))
    }
}

impl Reservation {
    /// What names it.
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// The limits that it is of.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The rules that would have refused the call and only observe, as indices.
    pub fn observed(&self) -> &[usize] {
        &self.observed
    }

    /// Something of the call leaves for a provider: from now on it counts, whatever becomes of it.
    pub const fn sends(&mut self) {
        self.is_sent = true;
    }

    /// Whether something has.
    pub const fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// An attempt has used this. Comes once for each; all count.
    pub fn charge(&mut self, used: Used, now: Now) -> Warnings {
        self.charged = Some(self.charged.unwrap_or_default().and(used));
        let mut warnings = Warnings::new();
        for Hold { met, took } in &self.holds {
            let (Took::Aside(aside), Some(account)) = (took, &met.account) else { continue };
            let (Some(rule), State::Spend(spend)) = (self.limits.rules.get(met.rule), &account.state) else { continue };
            let (amount, window, used, warn): (_, _, _, &[u32]) = match &rule.measured {
                Measured::Money(money) => {
                    (money.nano_usd, &money.window, used.nano_usd.unwrap_or(0), &money.warn_permille)
                }
                Measured::TotalTokens(amount) => (*amount, &Window::Lifetime, used.tokens, &[]),
                _ => continue,
            };
            let said = spend.spend(Allowance { amount, window }, *aside, used, (now.unix_ns, warn));
            warnings.extend(said.map(|(permille, standing)| Warning {
                rule: met.rule,
                value: account.value.clone(),
                permille,
                standing,
            }));
        }
        warnings
    }

    /// The call is over. What it has used replaces what it took; where nothing has left for a provider it gives back
    /// everything, and where nothing is known of what left, the estimate counts.
    pub fn end(&mut self, now: Now) -> Warnings {
        let unknown = self.is_sent && self.charged.is_none();
        let warnings = if unknown { self.charge(self.ask.used(), now) } else { Warnings::new() };
        let (requests, used) = (u64::from(self.is_sent), self.charged.unwrap_or_default());
        for Hold { met, took } in self.holds.drain(..) {
            let (Took::Rate(taken), Some(account)) = (took, &met.account) else {
                give_back(&met, took);
                continue;
            };
            let (Some(rule), State::Rate(bucket)) = (self.limits.rules.get(met.rule), &account.state) else { continue };
            match rule.measured {
                Measured::Requests(pace) => bucket.settle(pace, taken, requests, now.steady_ns),
                Measured::Tokens(pace) => bucket.settle(pace, taken, used.tokens, now.steady_ns),
                _ => {}
            }
        }
        warnings
    }

    /// What is left of the tightest limits in a while.
    pub fn shown(&self, now: Now) -> Tightest {
        Tightest::of(&self.limits, self.holds.iter().map(|hold| &hold.met), now)
    }
}

/// Gives back what needs no time for it.
fn give_back(met: &Met, took: Took) {
    let Some(account) = &met.account else { return };
    match (took, &account.state) {
        (Took::Place, State::Places(places)) => places.leave(),
        (Took::Aside(aside), State::Spend(spend)) => spend.give_back(aside),
        _ => {}
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.holds.drain(..).for_each(|Hold { met, took }| give_back(&met, took));
    }
}
