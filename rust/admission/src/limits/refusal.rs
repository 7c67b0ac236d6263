//! Why a call is refused, for its caller: which limit, how much of it is used, and when it frees.

use super::gather::Met;
use super::rule::{Measured, Money, Rule, length};
use crate::account::{Account, Now, Pace, Standing};
use fault::{Fault, Kind};
use jiff::Timestamp;
use plan::WhenSpent;

const SECOND_NS: u64 = 1_000_000_000;
/// The longest wait after which it is of use that a caller's library tries again by itself.
const WORTH_A_WAIT_NS: u64 = 60 * SECOND_NS;
/// What a caller is told to wait for a place: when one frees is not known.
const PLACE_NS: u64 = SECOND_NS;

/// What keeps a call from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The bucket has not enough.
    Rate {
        /// In how long it has, in nanoseconds.
        wait_ns: u64,
    },
    /// All places are taken.
    Places {
        /// So many.
        taken: u64,
    },
    /// There is not enough left.
    Spent {
        /// How things stand.
        standing: Standing,
        /// How much there is in all, with what was granted.
        amount: u64,
        /// What the call may need; none where that is not known.
        asked: Option<u64>,
    },
    /// The call by itself is too large.
    TooLarge {
        /// It asks for so much.
        asked: u64,
    },
}

impl Why {
    /// In how long there may be room, in nanoseconds; none: never, or not for this call.
    pub fn frees_ns(&self, now: Now) -> Option<u64> {
        match *self {
            Self::Rate { wait_ns } => Some(wait_ns),
            Self::Places { .. } => Some(PLACE_NS),
            Self::Spent { standing, amount, asked } => {
                let frees_at_ns = standing.frees_at_ns.filter(|_| asked.is_none_or(|asked| asked <= amount))?;
                Some(frees_at_ns.saturating_sub(now.unix_ns))
            }
            Self::TooLarge { .. } => None,
        }
    }

    /// The graver of two: what holds longer.
    pub(super) fn is_graver_than(&self, other: &Self, now: Now) -> bool {
        match (self.frees_ns(now), other.frees_ns(now)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(this), Some(that)) => this > that,
        }
    }
}

/// A call that is refused by a limit or a budget.
#[derive(Debug)]
pub struct Refusal {
    /// Which, as an index into the rules.
    pub rule: usize,
    /// Its id.
    pub limit: Box<str>,
    /// For the caller.
    pub fault: Fault,
    /// Whether it is of use that the caller's library tries again by itself.
    pub again: bool,
    /// After how long, in nanoseconds; none where waiting does not help.
    pub pause_ns: Option<u64>,
    /// What else happens to a call that a budget has no money for.
    pub when_spent: Option<WhenSpent>,
}

impl Refusal {
    pub(super) fn new(rule: (usize, &Rule), met: &Met, why: Why, now: Now) -> Self {
        let (number, rule) = rule;
        let of = whose(rule, met.account.as_deref());
        let pause_ns = why.frees_ns(now);
        let again = pause_ns.is_some_and(|pause_ns| pause_ns <= WORTH_A_WAIT_NS);
        let when_spent = match (&rule.measured, why) {
            (Measured::Money(money), Why::Spent { .. }) => Some(money.when_spent),
            _ => None,
        };
        let fault = match why {
            Why::Rate { .. } | Why::Places { .. } => Fault::new(Kind::RateLimited, slow_down(rule, &of, why, again)),
            Why::TooLarge { asked } => Fault::new(Kind::CallTooLarge, too_large(rule, &of, asked)),
            Why::Spent { standing, .. } => {
                let sentence = format!("{of}: {}", spent(rule, why));
                match (when_spent, &met.account) {
                    (Some(WhenSpent::Ask), Some(account)) => {
                        let id = approval(account, standing.start_ns);
                        let ask = format!("{sentence}; an operator can grant more under the id {id}");
                        Fault::new(Kind::ApprovalNeeded, ask)
                    }
                    _ => Fault::new(Kind::QuotaSpent, sentence),
                }
            }
        };
        Self { rule: number, limit: rule.id.clone(), fault, again, pause_ns, when_spent }
    }
}

/// The id under which more can be granted to one value in one window: it says nothing of either.
pub(super) fn approval(account: &Account, start_ns: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [account.limit.as_bytes(), account.value.as_bytes(), &start_ns.to_le_bytes()] {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part);
    }
    format!("apr_{}", &hasher.finalize().to_hex()[..20])
}

/// ``The limit `user.requests_per_minute` of the user `ann` ``.
fn whose(rule: &Rule, account: Option<&Account>) -> String {
    let kind = if matches!(&rule.measured, Measured::Money(_)) { "budget" } else { "limit" };
    let of = match (rule.per, account) {
        (None, _) => "all calls".to_owned(),
        (Some(per), Some(account)) if account.is_other => format!("each {} that is not counted apart", per.name()),
        (Some(per), Some(account)) => format!("the {} `{}`", per.name(), account.value),
        (Some(per), None) => format!("this {}", per.name()),
    };
    format!("The {kind} `{}` of {of}", rule.id)
}

fn slow_down(rule: &Rule, of: &str, why: Why, again: bool) -> String {
    let what = match (&rule.measured, why) {
        (Measured::Requests(pace), _) => in_a_while(*pace, "requests"),
        (Measured::Tokens(pace), _) => in_a_while(*pace, "tokens"),
        (Measured::Concurrency(most), Why::Places { taken }) => format!("{most} calls at once, {taken} are open"),
        _ => "no more".to_owned(),
    };
    let wait_ns = if let Why::Rate { wait_ns } = why { wait_ns } else { PLACE_NS };
    let advice = if again { "send the call again in" } else { "it has room for this call in" };
    format!("{of} is reached: {what}; {advice} {}", seconds(wait_ns))
}

fn in_a_while(pace: Pace, unit: &str) -> String {
    format!("{} {unit} per {}", pace.amount(), length(pace.per_ns() / 1_000_000))
}

fn too_large(rule: &Rule, of: &str, asked: u64) -> String {
    match rule.measured {
        Measured::InputTokens(most) => format!("{of}: a prompt may have {most} tokens, this one has about {asked}"),
        Measured::OutputTokens(most) => format!(
            "{of}: a call may ask for {most} tokens, this one asks for {asked}: lower `max_tokens` (or what stands for it)"
        ),
        _ => format!("{of}: this call is too large"),
    }
}

fn spent(rule: &Rule, why: Why) -> String {
    let Why::Spent { standing, amount, asked } = why else { return String::new() };
    let (money, show): (Option<&Money>, fn(u64) -> String) = match &rule.measured {
        Measured::Money(money) => (Some(money), dollars),
        _ => (None, |tokens| format!("{tokens} tokens")),
    };
    let words = money.map_or("in all", |money| &money.words);
    let asks = match asked {
        Some(asked) => format!("this call may use {}", show(asked)),
        None => "what this call costs is not known".to_owned(),
    };
    let frees = match standing.frees_at_ns {
        _ if asked.is_some_and(|asked| asked > amount) => {
            "which is more than all of it: ask for a shorter answer".to_owned()
        }
        None => "nothing frees it".to_owned(),
        Some(at_ns) => format!("more is free from {}", time(at_ns)),
    };
    format!(
        "{} {words}, {} used and {} set aside for open calls; {asks}; {frees}",
        show(amount),
        show(standing.used),
        show(standing.reserved)
    )
}

fn seconds(ns: u64) -> String {
    format!("{} s", ns.div_ceil(SECOND_NS).max(1))
}

/// A moment as RFC 3339 writes it, to the second.
fn time(unix_ns: u64) -> String {
    let seconds = i64::try_from(unix_ns.div_ceil(SECOND_NS)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}

/// `$0.15`.
pub(super) fn dollars(nano_usd: u64) -> String {
    let (whole, rest) = (nano_usd / SECOND_NS, nano_usd % SECOND_NS);
    let digits = format!("{rest:09}");
    match digits.trim_end_matches('0') {
        "" => format!("${whole}"),
        digits => format!("${whole}.{digits}"),
    }
}
