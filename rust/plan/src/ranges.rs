//! Numbers of a plan that the data plane counts on: a plan outside of these bounds is refused, not clamped.
//!
//! They are wider than what a policy may say, so that only a plan that no policy gave is refused here.

use crate::document::{Deployment, HttpLimits, Journal, Plan, Provider};
use crate::limits::{Budget, BudgetWindow, Limit, Measure};
use crate::resilience::{Breaker, Hedge, HedgeAfter, Resilience, Retry, Timeouts};
use std::ops::RangeInclusive;

/// Any length of time: 1 ms to about 49 days, whose nanoseconds fit into 64 bits many times over.
const TIME_MS: RangeInclusive<u64> = 1..=0xffff_ffff;
/// A pause, which may be none.
const PAUSE_MS: RangeInclusive<u64> = 0..=0xffff_ffff;
/// A share per mille that means something: none and more than all do not.
const PERMILLE: RangeInclusive<u64> = 1..=1000;
/// A count that something must be able to reach.
const COUNT: RangeInclusive<u64> = 1..=0xffff_ffff;
/// Breakers keep the window in ten pieces.
const WINDOW_MS: RangeInclusive<u64> = 10..=0xffff_ffff;

/// A segment holds hundreds of entries, and its offsets fit into 32 bits.
const SEGMENT_BYTES: RangeInclusive<u64> = 65_536..=1 << 30;
/// An amount of anything that is counted: with it a sum of many stays far below 64 bits.
const AMOUNT: RangeInclusive<u64> = 0..=1_000_000_000_000_000_000;
/// The time that a limit or a budget is for: 1 ms to ten years.
const PERIOD_MS: RangeInclusive<u64> = 1..=315_360_000_000;
/// A window that rolls has sixty parts.
const ROLLING_MS: RangeInclusive<u64> = 60..=315_360_000_000;

/// A number, its name and its bounds.
type Row = (&'static str, u64, RangeInclusive<u64>);

/// Says which number of a plan is out of bounds, if one is.
pub(crate) fn check(plan: &Plan) -> Result<(), String> {
    within("http", &http(&plan.http))?;
    guarded("resilience", &plan.resilience)?;
    within("journal", &plan.journal.as_ref().map_or_else(Vec::new, of_journal))?;
    for provider in &plan.providers {
        within(&format!("provider {}", provider.id), &of_provider(provider))?;
    }
    for deployment in &plan.deployments {
        within(&format!("deployment {}", deployment.id), &of_deployment(deployment))?;
    }
    for alias in &plan.aliases {
        guarded(&format!("alias {}", alias.name), &alias.resilience)?;
    }
    let identity =
        [("most_values", plan.identity.most_values, COUNT), ("forget_ms", plan.identity.forget_ms, PERIOD_MS)];
    within("identity", &identity)?;
    for limit in &plan.limits {
        within(&format!("limit {}", limit.id), &of_limit(limit))?;
    }
    for budget in &plan.budgets {
        within(&format!("budget {}", budget.id), &of_budget(budget))?;
        rising(budget)?;
    }
    Ok(())
}

fn within(whose: &str, rows: &[Row]) -> Result<(), String> {
    let Some((name, value, bounds)) = rows.iter().find(|(_, value, bounds)| !bounds.contains(value)) else {
        return Ok(());
    };
    Err(format!("{whose}: {name} is {value}, which is not from {} to {}", bounds.start(), bounds.end()))
}

fn guarded(whose: &str, resilience: &Resilience) -> Result<(), String> {
    within(whose, &timeouts(&resilience.timeouts))?;
    within(whose, &retry(&resilience.retry))?;
    within(whose, &resilience.hedge.map_or_else(Vec::new, |hedge| of_hedge(&hedge)))?;
    let more = [
        ("resume_bytes", resilience.resume_bytes.unwrap_or(1), 1..=u64::MAX),
        ("keep_alive_ms", resilience.keep_alive_ms.unwrap_or(1), TIME_MS),
    ];
    within(whose, &more)
}

fn of_journal(journal: &Journal) -> Vec<Row> {
    vec![
        ("sync_ms", journal.sync_ms, TIME_MS),
        ("segment_bytes", journal.segment_bytes, SEGMENT_BYTES),
        // What is written and what comes next have to stay.
        ("keep_bytes", journal.keep_bytes, journal.segment_bytes.saturating_mul(2)..=u64::MAX),
    ]
}

fn http(http: &HttpLimits) -> [Row; 3] {
    let held = http.max_buffered_bytes.unwrap_or(u64::MAX);
    [
        ("max_calls", http.max_calls.into(), COUNT),
        ("max_streams", http.max_streams.into(), COUNT),
        // With less, the largest body that is allowed could never be held.
        ("max_buffered_bytes", held, http.max_body_bytes..=u64::MAX),
    ]
}

fn of_provider(provider: &Provider) -> [Row; 11] {
    let Breaker {
        consecutive,
        ratio_permille,
        slow_first_token_ms,
        slow_permille,
        window_ms,
        min_calls,
        open_ms,
        open_cap_ms,
        probe_ms,
    } = provider.breaker;
    [
        ("breaker.consecutive", consecutive.into(), COUNT),
        ("breaker.ratio_permille", ratio_permille.into(), PERMILLE),
        ("breaker.slow_first_token_ms", slow_first_token_ms, TIME_MS),
        ("breaker.slow_permille", slow_permille.into(), PERMILLE),
        ("breaker.window_ms", window_ms, WINDOW_MS),
        ("breaker.min_calls", min_calls.into(), COUNT),
        ("breaker.open_ms", open_ms, TIME_MS),
        ("breaker.open_cap_ms", open_cap_ms, open_ms..=*TIME_MS.end()),
        ("breaker.probe_ms", probe_ms.unwrap_or(1), TIME_MS),
        ("retry_permille", provider.retry_permille.into(), 0..=1000),
        ("max_concurrency", provider.max_concurrency.into(), COUNT),
    ]
}

fn of_deployment(deployment: &Deployment) -> [Row; 1] {
    [("max_concurrency", deployment.max_concurrency.unwrap_or(1).into(), COUNT)]
}

fn of_limit(limit: &Limit) -> Vec<Row> {
    match limit.measure {
        Measure::Requests(rate) | Measure::Tokens(rate) => vec![
            ("amount", rate.amount, 1..=*AMOUNT.end()),
            ("per_ms", rate.per_ms, PERIOD_MS),
            ("burst_ms", rate.burst_ms, 1..=rate.per_ms),
        ],
        Measure::Concurrency(amount)
        | Measure::TotalTokens(amount)
        | Measure::TotalNanoUsd(amount)
        | Measure::InputTokens(amount)
        | Measure::OutputTokens(amount) => vec![("amount", amount, AMOUNT)],
    }
}

fn of_budget(budget: &Budget) -> Vec<Row> {
    let mut rows =
        vec![("nano_usd", budget.nano_usd, AMOUNT), ("warn_permille", budget.warn_permille.len() as u64, 0..=32)];
    if let BudgetWindow::RollingMs(length_ms) = budget.window {
        rows.push(("rolling_ms", length_ms, ROLLING_MS));
    }
    rows
}

/// Refuses shares to warn at that are none, or stand in another order.
fn rising(budget: &Budget) -> Result<(), String> {
    let shares = &budget.warn_permille;
    if shares.iter().all(|share| PERMILLE.contains(&u64::from(*share))) && shares.is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    Err(format!("budget {}: warn_permille is not rising from 1 to 1000", budget.id))
}

fn timeouts(timeouts: &Timeouts) -> [Row; 6] {
    let Timeouts { connect_ms, first_token_ms, idle_ms, attempt_ms, total_ms, stream_total_ms } = *timeouts;
    [
        ("connect_ms", connect_ms, TIME_MS),
        ("first_token_ms", first_token_ms, TIME_MS),
        ("idle_ms", idle_ms, TIME_MS),
        ("attempt_ms", attempt_ms, TIME_MS),
        ("total_ms", total_ms, TIME_MS),
        ("stream_total_ms", stream_total_ms, TIME_MS),
    ]
}

fn retry(retry: &Retry) -> [Row; 6] {
    let Retry { max_attempts, max_attempts_per_call, base_ms, throttled_base_ms, cap_ms, wait_ms } = *retry;
    [
        ("retry.max_attempts", max_attempts.into(), COUNT),
        ("retry.max_attempts_per_call", max_attempts_per_call.into(), COUNT),
        ("retry.base_ms", base_ms, TIME_MS),
        ("retry.throttled_base_ms", throttled_base_ms, TIME_MS),
        ("retry.cap_ms", cap_ms, TIME_MS),
        ("retry.wait_ms", wait_ms, PAUSE_MS),
    ]
}

fn of_hedge(hedge: &Hedge) -> Vec<Row> {
    let after = match hedge.after {
        HedgeAfter::P95 => 1,
        HedgeAfter::Ms(ms) => ms,
    };
    let Hedge { max_share_permille, max_spend_permille, .. } = *hedge;
    vec![
        ("hedge.after", after, TIME_MS),
        ("hedge.max_share_permille", max_share_permille.into(), PERMILLE),
        ("hedge.max_spend_permille", max_spend_permille.into(), PERMILLE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{plan, sealed};

    #[test]
    fn a_number_that_nothing_could_meet_is_refused_by_name() {
        type Change = fn(&mut Plan);
        let cases: [(Change, &str); 9] = [
            (|plan| plan.resilience.retry.max_attempts = 0, "resilience: retry.max_attempts is 0"),
            (|plan| plan.aliases[1].resilience.timeouts.idle_ms = 0, "alias fast-*: idle_ms is 0"),
            (|plan| plan.aliases[0].resilience.keep_alive_ms = Some(0), "alias smart: keep_alive_ms is 0"),
            (|plan| plan.providers[1].breaker.ratio_permille = 1001, "provider house: breaker.ratio_permille is 1001"),
            (|plan| plan.providers[0].breaker.open_cap_ms = 4_999, "which is not from 5000 to"),
            (|plan| plan.providers[0].breaker.probe_ms = Some(0), "breaker.probe_ms is 0"),
            (|plan| plan.deployments[2].max_concurrency = Some(0), "deployment any: max_concurrency is 0"),
            (|plan| plan.http.max_buffered_bytes = Some(0), "http: max_buffered_bytes is 0"),
            (|plan| plan.http.max_calls = 0, "http: max_calls is 0"),
        ];
        for (change, told) in cases {
            let mut plan = plan();
            change(&mut plan);
            let refused = Plan::read(&sealed(&plan)).expect_err("refused").to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
