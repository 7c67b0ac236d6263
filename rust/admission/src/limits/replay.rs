//! What was used before this process began, counted again.
//!
//! A call of the past is known by names: of the plan that it went by, which may not be in force any more. What has no rule
//! now is passed over. It is counted when it has ended, in the window that it was let in, as it was when it happened; a
//! rate gives for it from when it was let in. So tokens and money come out to the last one; of a rate that several calls
//! took from at once there may be less than there was, and never more than what was used would have left.

use super::ask::Used;
use super::gather::{Limits, Meets, Met};
use super::rule::Measured;
use crate::account::{Allowance, Now, State, Window};
use crate::saved::Saved;
use plan::Dimension;
use std::collections::HashMap;

/// Who made a call, by the names that stood then; empty ones are not known.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The caller's key.
    pub key: &'a str,
    /// Its team.
    pub team: &'a str,
    /// What was called, as metrics name it: of a model that is named outright, no alias of the plan.
    pub alias: &'a str,
    /// The name that was asked for.
    pub model: &'a str,
    /// Who is behind it.
    pub user: &'a str,
    /// The same.
    pub agent: &'a str,
    /// The same.
    pub session: &'a str,
    /// The same.
    pub task: &'a str,
    /// What it is tagged with.
    pub tags: &'a [Box<str>],
}

/// A call or an attempt of the past, which is over. Times are nanoseconds since 1970: before the process began the steady
/// clock is the system's, so it goes on from there.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// When it was let in.
    pub taken_ns: u64,
    /// When it was over.
    pub ended_ns: u64,
    /// What it has used.
    pub used: Used,
}

impl Limits {
    /// The rules that a call of the past meets, whatever target it went to.
    pub fn met_by_names(&self, names: &Names<'_>, now: Now) -> Meets {
        let mut meets: Meets = self.everyone.iter().chain(self.met_of_alias(names.alias)).cloned().collect();
        let one = [
            (Dimension::Key, names.key),
            (Dimension::Team, names.team),
            (Dimension::Model, names.model),
            (Dimension::User, names.user),
            (Dimension::Agent, names.agent),
            (Dimension::Session, names.session),
            (Dimension::Task, names.task),
        ];
        for (dimension, value) in one.into_iter().filter(|(_, value)| !value.is_empty()) {
            meets.extend(self.met_of(dimension, value, now));
        }
        names.tags.iter().for_each(|tag| meets.extend(self.met_of(Dimension::Tag, tag, now)));
        meets
    }

    /// The rules that an attempt of the past meets: those of a deployment, if it had one, and of its provider.
    pub fn met_at_names(&self, deployment: Option<&str>, provider: &str, now: Now) -> Meets {
        let own = deployment.into_iter().flat_map(|name| self.met_of(Dimension::Deployment, name, now));
        own.chain(self.met_of(Dimension::Provider, provider, now)).collect()
    }

    /// Counts what has left for a provider, or has got what others paid for; whether or not there is room.
    pub fn replay(&self, met: &Met, past: &Past) {
        let (Some(rule), Some(account)) = (self.rules.get(met.rule), &met.account) else { return };
        let Past { taken_ns, ended_ns, used } = *past;
        match (&rule.measured, &account.state) {
            (Measured::Requests(pace), State::Rate(bucket)) => {
                let _owed = bucket.take_anyway(*pace, 1, taken_ns);
            }
            (Measured::Tokens(pace), State::Rate(bucket)) => {
                let _owed = bucket.take_anyway(*pace, used.tokens, taken_ns);
            }
            (Measured::TotalTokens(amount), State::Spend(spend)) => {
                let of = Allowance { amount: *amount, window: &Window::Lifetime };
                spend.replay(of, taken_ns, used.tokens, (ended_ns, &[]));
            }
            (Measured::Money(money), State::Spend(spend)) => {
                let of = Allowance { amount: money.nano_usd, window: &money.window };
                spend.replay(of, taken_ns, used.nano_usd.unwrap_or(0), (ended_ns, &money.warn_permille));
            }
            _ => {}
        }
    }

    /// Accounts that were kept count on. Returns those whose limit there is not.
    pub fn restore(&self, saved: Vec<Saved>, now: Now) -> Vec<Saved> {
        let known: HashMap<_, _> = self.of_rule.iter().flatten().map(|of_limit| (&*of_limit.limit, of_limit)).collect();
        let restore = |saved: &Saved| {
            let Some(of_limit) = known.get(&*saved.limit) else { return false };
            let account = if saved.is_other {
                of_limit.other()
            } else {
                self.accounts.of(of_limit, &saved.value, self.bounds, now)
            };
            account.restore(&saved.state);
            true
        };
        saved.into_iter().filter(|saved| !restore(saved)).collect()
    }
}
