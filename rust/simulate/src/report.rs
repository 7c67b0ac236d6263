//! What is told of a world, as JSON.

use crate::fleet::Remains;
use crate::scenario::Scenario;
use crate::tally::{Figures, Phase, Tally, phases};
use crate::time::seconds;
use plan::Plan;
use serde_json::{Map, Value, json};

/// One world: `{"plan", "seed", "figures", "violations", "violations_count"}`, and where it was asked for `"phases"`,
/// `"classes"`, `"stops"`, `"not_hedged"`, `"providers"`, `"changes"`, `"changes_count"`, `"timeline"`. Times are seconds, columns of
/// the timeline have one value for each.
pub(crate) fn world(plan: (usize, &Plan), scenario: &Scenario, seed: u64, mut remains: Remains, whole: bool) -> Value {
    let tally = &mut remains.tally;
    let phases = phases(scenario, &tally.timeline);
    let violations = remains
        .violations
        .kept
        .iter()
        .map(|violation| json!({"rule": violation.rule, "at_s": seconds(violation.at_ns), "text": violation.text}));
    let mut told = json!({
        "plan": plan.0,
        "seed": seed,
        "violations": violations.collect::<Vec<_>>(),
        "violations_count": remains.violations.count,
        "figures": Figures::of(tally, &phases, scenario.seconds()),
    });
    if whole && let Some(told) = told.as_object_mut() {
        details(told, plan.1, tally, &phases);
    }
    told
}

fn details(told: &mut Map<String, Value>, plan: &Plan, tally: &Tally, phases: &[Phase]) {
    let providers = tally.providers.iter().zip(&plan.providers).map(|(books, provider)| {
        json!({
            "name": provider.id,
            "attempts": books.attempts,
            "retries": books.retries,
            "hedges": books.hedges,
            "good": books.good,
            "input_tokens": books.input_tokens,
            "output_tokens": books.output_tokens,
            "spend_nanousd": books.spend_nanousd,
            "wasted_nanousd": books.wasted_nanousd,
            "unpriced": books.unpriced,
            "causes": books.causes,
        })
    });
    let changes = tally.changes.iter().map(|change| {
        json!({"at_s": seconds(change.at_ns), "replica": change.replica, "key": change.key, "what": change.what})
    });
    told.extend([
        ("phases".to_owned(), json!(phases)),
        ("classes".to_owned(), json!(tally.classes)),
        ("stops".to_owned(), json!(tally.stops)),
        ("not_hedged".to_owned(), json!(tally.not_hedged)),
        ("providers".to_owned(), providers.collect()),
        ("changes".to_owned(), changes.collect()),
        ("changes_count".to_owned(), json!(tally.changes_count)),
        ("timeline".to_owned(), timeline(plan, tally)),
    ]);
}

fn timeline(plan: &Plan, tally: &Tally) -> Value {
    let timeline = &tally.timeline;
    let column = |of: fn(&crate::tally::Second) -> u32| timeline.seconds().iter().map(of).collect::<Vec<_>>();
    let attempts = plan
        .providers
        .iter()
        .enumerate()
        .map(|(index, provider)| (provider.id.clone(), timeline.attempts_at(index).map(Value::from).collect()));
    let [p50, p99] = timeline.first_token_quantiles([0.5, 0.99]);
    json!({
        "offered": column(|second| second.offered),
        "good": column(|second| second.good),
        "failed": column(|second| second.failed),
        "left": column(|second| second.left),
        "calls": column(|second| second.calls),
        "retries": column(|second| second.retries),
        "attempts": attempts.collect::<Map<_, _>>(),
        "open": timeline.open_calls(),
        "out": timeline.out_of_service(),
        "first_token_p50_us": p50,
        "first_token_p99_us": p99,
    })
}
