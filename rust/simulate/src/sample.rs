//! A plan for the tests of this crate: two providers, three deployments, three aliases.

use plan::Plan;

/// The plan of `tests/plan.json`.
pub(crate) fn plan() -> Plan {
    serde_json::from_str(include_str!("../tests/plan.json")).expect("a plan")
}
