//! Where a call would go, and why: the same routing that serves, told instead of done.

mod clock;
mod limits;
mod outcome;
mod query;
mod trial;
mod way;

use limits::Explained;
use plan::{Plan, Route, Scope};
use query::Query;
use serde::Deserialize;
use serde_json::{Value, json};
use upstream::Egress;

/// Explains a query (see `query.rs`) against a plan: `{"model": …, "key": name or null, "headers": {…}, "trial": … or
/// null}`.
///
/// The answer has `label`, `kind`, `key`, `identity`, `limits` (the numbers of those that the call meets), `steps`,
/// `resilience` (how the call is guarded), `providers` (how those on its way are) and `ways`, and of a trial `trial`; or `error`, as the caller would get it. `Err` when the query itself is not
/// one, or names a key, a target or an outcome that there is not.
pub fn explain(plan: &Plan, query: &Value) -> Result<Value, String> {
    let Query { model, key, headers, trial } =
        Query::deserialize(query).map_err(|error| format!("the query: {error}"))?;
    let number = key.map(|name| number_of(plan, &name)).transpose()?;
    let key = number.map(|number| &plan.keys[number]);
    let scope = key.map_or(Scope::Everything, Scope::of);
    let found = limits::identity(plan, number, &headers).and_then(|who| Ok((who, plan.route(&model, scope)?)));
    let (who, route) = match found {
        Ok(found) => found,
        Err(fault) => {
            let row = fault.kind().row();
            return Ok(json!({"error": {"status": row.status, "code": row.code, "message": fault.message()}}));
        }
    };
    let limits = Explained::new(plan, &route, (number, who.as_ref()), &model)?;
    let steps: Vec<Value> = if route.chain().is_empty() {
        let candidates = route.candidate(0, 0).iter().map(|candidate| place(plan, candidate, (1, &limits))).collect();
        vec![json!({"when": [], "balance": "weighted", "places": Value::Array(candidates)})]
    } else {
        route
            .chain()
            .iter()
            .enumerate()
            .map(|(number, step)| {
                let places: Vec<_> = step
                    .shares
                    .iter()
                    .enumerate()
                    .filter_map(|(index, share)| {
                        Some(place(plan, &route.candidate(number, index)?, (share.weight, &limits)))
                    })
                    .collect();
                json!({"when": step.when, "balance": step.balance, "places": places})
            })
            .collect()
    };
    let (kind, label) = match route.label() {
        plan::Label::Alias(index) => ("alias", plan.aliases[index].name.clone()),
        plan::Label::Direct(index) => ("direct", plan.providers[index].id.clone()),
    };
    let trial = trial.map(|asked| way::way(plan, route, (&asked, scope))).transpose()?;
    Ok(json!({
        "kind": kind,
        "label": label,
        "key": key.map(|key| &*key.name),
        "steps": steps,
        "resilience": route.resilience(),
        "providers": providers(plan, &route),
        "ways": ways(plan)?,
        "identity": limits::shown(who.as_ref()),
        "limits": limits.met,
        "trial": trial,
    }))
}

/// Finds a key by its name, or says which there are.
fn number_of(plan: &Plan, name: &str) -> Result<usize, String> {
    plan.keys.iter().position(|key| key.name == name).ok_or_else(|| {
        let names: Vec<_> = plan.keys.iter().map(|key| &*key.name).collect();
        format!("there is no key `{name}`; the policy has: {}", names.join(", "))
    })
}

fn place(plan: &Plan, candidate: &plan::Candidate<'_>, of: (u32, &Explained)) -> Value {
    let (weight, limits) = of;
    let provider = &plan.providers[candidate.provider];
    let deployment = candidate.deployment.map(|index| &plan.deployments[index]);
    let endpoints: Vec<_> = provider.endpoints.iter().map(|endpoint| &*endpoint.id).collect();
    json!({
        "provider": provider.id,
        "deployment": deployment.map(|deployment| &*deployment.id),
        "model": candidate.model,
        "weight": weight,
        "context_tokens": deployment.and_then(|deployment| deployment.context_tokens),
        "capabilities": deployment.and_then(|deployment| deployment.capabilities.as_ref()),
        "price": plan.price(candidate.provider, candidate.deployment, &candidate.model),
        "max_concurrency": deployment
            .and_then(|deployment| deployment.max_concurrency)
            .unwrap_or(provider.max_concurrency),
        "prefill": deployment.map(|deployment| deployment.prefill),
        "endpoints": endpoints,
        "limits": limits.met_at(candidate),
    })
}

/// What guards the providers on the way of a call, by their names.
fn providers(plan: &Plan, route: &Route<'_>) -> Value {
    let places = (0..route.steps()).flat_map(|step| (0..route.places(step)).map(move |index| (step, index)));
    let candidates = places.filter_map(|(step, index)| route.candidate(step, index));
    let on_the_way = candidates.map(|candidate| &plan.providers[candidate.provider]);
    let guards = on_the_way.map(|provider| {
        let guard = json!({
            "breaker": provider.breaker,
            "retry_permille": provider.retry_permille,
            "retry_floor_per_second": provider.retry_floor_per_second,
            "credentials": provider.credentials.len(),
        });
        (provider.id.clone(), guard)
    });
    guards.collect()
}

/// How each endpoint is reached: directly, or through which proxy.
fn ways(plan: &Plan) -> Result<Value, String> {
    let egress = Egress::new(&plan.egress)?;
    let ways = plan.providers.iter().flat_map(|provider| &provider.endpoints);
    Ok(ways.map(|endpoint| (endpoint.id.clone(), Value::String(egress.describe(endpoint)))).collect())
}
