//! Limits and budgets: what they did, what is used, and how many accounts are held.

use crate::compiled::Compiled;
use admission::account::{Account, Standing, State};
use admission::{Measured, Now};
use record::{Family, FamilyKind, Meters, Sample, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many accounts `/stats` shows.
const MOST_SHOWN: usize = 100;
/// How many budgets have a series of their own.
const MOST_SERIES: usize = 1_000;

/// The families of limits. Values are told of budgets alone, and of those alone whose values the policy names.
pub(crate) fn families(compiled: &Compiled, workers: &[Arc<Meters>], now: Now) -> Vec<Family> {
    let mut accounts = Vec::new();
    let mut beyond = Vec::new();
    compiled.limits.accounts().each_limit(|limit, held, found_no_room| {
        let labels = vec![("limit", limit.to_owned())];
        accounts.push(Sample { labels: labels.clone(), value: level(held) });
        beyond.push(Sample { labels, value: Value::Count(found_no_room) });
    });
    let open: i64 = workers.iter().map(|meters| meters.reservations.read()).sum();
    let open = Sample { labels: vec![], value: level(u64::try_from(open).unwrap_or(0)) };
    vec![
        family("headgate_budget_used", "What is spent of a budget, 0 to 1.", budgets(compiled, now)),
        family("headgate_limit_accounts", "Values of a limit that are counted apart.", accounts),
        Family {
            name: "headgate_limit_others",
            help: "How often a value of a limit found no room to be counted apart.",
            kind: FamilyKind::Counter,
            samples: beyond,
        },
        family("headgate_reservations_open", "Reservations of limits and budgets that are open.", vec![open]),
    ]
}

/// The share of each budget that is spent, where the policy names its values.
fn budgets(compiled: &Compiled, now: Now) -> Vec<Sample> {
    let mut shares = BTreeMap::new();
    compiled.limits.each_named(|rule, account| {
        let (Measured::Money(money), State::Spend(spend)) = (&rule.measured, &account.state) else { return };
        if money.nano_usd > 0 && shares.len() < MOST_SERIES {
            let used = spend.standing(&money.window, now.unix_ns).used;
            shares.insert((account.limit.to_string(), account.value.to_string()), share(used, money.nano_usd));
        }
    });
    let sample =
        |((budget, of), share)| Sample { labels: vec![("budget", budget), ("of", of)], value: Value::Level(share) };
    shares.into_iter().map(sample).collect()
}

/// The accounts that have used most, as `/stats` shows them.
pub(crate) fn accounts(compiled: &Compiled, now: Now) -> Json {
    let mut all = Vec::new();
    compiled.limits.each_standing(now, |account, standing| {
        all.push((standing.used.saturating_add(standing.reserved), told(account, &standing)));
    });
    let held = all.len();
    all.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
    all.truncate(MOST_SHOWN);
    json!({"held": held, "most_used": all.into_iter().map(|(_, told)| told).collect::<Vec<_>>()})
}

fn told(account: &Account, standing: &Standing) -> Json {
    json!({
        "limit": &*account.limit, "value": &*account.value, "used": standing.used, "reserved": standing.reserved,
        "frees_at_unix_ms": standing.frees_at_ns.map(|ns| ns / 1_000_000),
    })
}

fn family(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Family {
    Family { name, help, kind: FamilyKind::Gauge, samples }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge counts things that exist")]
fn level(count: u64) -> Value {
    Value::Level(count as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a share is told to be looked at")]
fn share(used: u64, amount: u64) -> f64 {
    used as f64 / amount as f64
}
