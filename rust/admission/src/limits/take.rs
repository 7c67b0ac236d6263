//! One rule and one call: whether there is room, and what is taken.

use super::ask::Ask;
use super::gather::{Limits, Met};
use super::refusal::{Why, approval};
use super::rule::{Measured, Money, Rule};
use crate::account::{Account, Allowance, Bucket, Now, Pace, Places, SetAside, Spend, State, Taken, Window};

/// What was taken of one account.
#[derive(Debug, Clone, Copy)]
pub(super) enum Took {
    /// Nothing: the call was looked at by itself.
    Nothing,
    /// Of a bucket.
    Rate(Taken),
    /// A place.
    Place,
    /// An amount.
    Aside(SetAside),
}

/// A rule with the account that it goes by.
enum Of<'a> {
    Rate(&'a Bucket, Pace, u64),
    Places(&'a Places, u64),
    Spend(&'a Spend, &'a Account, Sum<'a>),
    Call(Result<(), Why>),
}

/// An amount of tokens or money.
struct Sum<'a> {
    amount: u64,
    /// What the call has stated, and with what is guessed; none where that is not known.
    wants: Option<(u64, u64)>,
    money: Option<&'a Money>,
}

impl Sum<'_> {
    fn window(&self) -> &Window {
        self.money.map_or(&Window::Lifetime, |money| &money.window)
    }

    /// What is set aside: a guess is never more than all that there is.
    fn aside(&self) -> u64 {
        self.wants.map_or(0, |(least, most)| most.min(self.amount.max(least)))
    }

    /// What must be there: of an unknown amount, anything.
    fn needs(&self) -> u64 {
        if self.wants.is_none() { 1 } else { self.aside() }
    }
}

impl Limits {
    /// Whether there is room for a call, or why not.
    pub(super) fn check(&self, met: &Met, ask: &Ask, now: Now) -> Result<(), Why> {
        match self.of(met, ask) {
            Of::Call(result) => result,
            Of::Rate(bucket, pace, weight) => {
                bucket.check(pace, weight, now.steady_ns).map_err(|short| Why::Rate { wait_ns: short.wait_ns })
            }
            Of::Places(places, most) if places.taken() < most => Ok(()),
            Of::Places(places, _) => Err(Why::Places { taken: places.taken() }),
            Of::Spend(spend, account, sum) => {
                let check = |amount| {
                    let of = Allowance { amount, window: sum.window() };
                    spend.check(of, sum.needs(), now.unix_ns)
                };
                match check(sum.amount) {
                    Ok(()) => Ok(()),
                    Err(standing) => match self.granted(account, &sum, standing.start_ns) {
                        0 => Err(Why::Spent { standing, amount: sum.amount, asked: sum.wants.map(|_| sum.aside()) }),
                        more => check(sum.amount.saturating_add(more)).map_err(|standing| Why::Spent {
                            standing,
                            amount: sum.amount.saturating_add(more),
                            asked: sum.wants.map(|_| sum.aside()),
                        }),
                    },
                }
            }
        }
    }

    /// Takes what a call needs. `anyway`: whether or not there is room.
    pub(super) fn take(&self, met: &Met, ask: &Ask, now: Now, anyway: bool) -> Result<Took, Why> {
        match self.of(met, ask) {
            Of::Call(result) if anyway => Ok(result.map_or(Took::Nothing, |()| Took::Nothing)),
            Of::Call(result) => result.map(|()| Took::Nothing),
            Of::Rate(bucket, pace, weight) if anyway => Ok(Took::Rate(bucket.take_anyway(pace, weight, now.steady_ns))),
            Of::Rate(bucket, pace, weight) => bucket
                .take(pace, weight, now.steady_ns)
                .map(Took::Rate)
                .map_err(|short| Why::Rate { wait_ns: short.wait_ns }),
            Of::Places(places, _) if anyway => {
                places.take_anyway();
                Ok(Took::Place)
            }
            Of::Places(places, most) if places.take(most) => Ok(Took::Place),
            Of::Places(places, _) => Err(Why::Places { taken: places.taken() }),
            Of::Spend(spend, account, sum) => {
                let aside = sum.aside();
                if anyway || sum.wants.is_none() {
                    return Ok(Took::Aside(spend.set_aside_anyway(sum.window(), aside, now.unix_ns)));
                }
                let set = |amount| spend.set_aside(Allowance { amount, window: sum.window() }, aside, now.unix_ns);
                set(sum.amount).map(Took::Aside).or_else(|standing| {
                    let amount = sum.amount.saturating_add(self.granted(account, &sum, standing.start_ns));
                    let refused = |standing| Why::Spent { standing, amount, asked: Some(aside) };
                    set(amount).map(Took::Aside).map_err(refused)
                })
            }
        }
    }

    /// What was granted of a budget for the window that began then.
    fn granted(&self, account: &Account, sum: &Sum<'_>, start_ns: u64) -> u64 {
        if self.grants.is_empty() || sum.money.is_none() {
            return 0;
        }
        self.grants.get(&*approval(account, start_ns)).copied().unwrap_or(0)
    }

    fn of<'a>(&'a self, met: &'a Met, ask: &Ask) -> Of<'a> {
        let Some(rule) = self.rules.get(met.rule) else { return Of::Call(Ok(())) };
        let Some(account) = &met.account else { return Of::Call(rule.judges(ask)) };
        match (&rule.measured, &account.state) {
            (Measured::Requests(pace), State::Rate(bucket)) => Of::Rate(bucket, *pace, 1),
            (Measured::Tokens(pace), State::Rate(bucket)) => Of::Rate(bucket, *pace, ask.tokens()),
            (Measured::Concurrency(most), State::Places(places)) => Of::Places(places, *most),
            (Measured::TotalTokens(amount), State::Spend(spend)) => {
                let wants = Some((ask.least_tokens(), ask.tokens()));
                Of::Spend(spend, account, Sum { amount: *amount, wants, money: None })
            }
            (Measured::Money(money), State::Spend(spend)) => {
                let wants = ask.cost.map(|cost| (cost.least_nano_usd, cost.most_nano_usd));
                Of::Spend(spend, account, Sum { amount: money.nano_usd, wants, money: Some(money) })
            }
            // An account of another kind under this id: there is none, since the id names what is counted.
            _ => Of::Call(Ok(())),
        }
    }
}

impl Rule {
    /// What a rule that counts nothing says of a call.
    fn judges(&self, ask: &Ask) -> Result<(), Why> {
        let (asked, most) = match self.measured {
            Measured::InputTokens(most) => (ask.input_tokens, most),
            Measured::OutputTokens(most) if ask.is_bounded => (ask.output_tokens, most),
            _ => return Ok(()),
        };
        if asked <= most { Ok(()) } else { Err(Why::TooLarge { asked }) }
    }
}
