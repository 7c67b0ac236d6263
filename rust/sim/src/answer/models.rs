//! Models: those that behave in a way of their own, and those that the options name.

use super::{Call, no_such};
use crate::check::Refusal;
use crate::reply::Reply;
use serde_json::{Value, json};

/// The models with a behaviour. Every other name is taken too, and behaves like `chat`.
const BUILT_IN: [&str; 10] = ["audio", "chat", "echo", "embed", "flaky", "image", "refuse", "slow", "think", "tools"];

pub(super) fn list(call: &mut Call) -> Result<Reply, Refusal> {
    let data: Vec<Value> = names(call).iter().map(|name| model(name)).collect();
    Ok(Reply::json(200, &json!({"object": "list", "data": data})))
}

pub(super) fn find(call: &mut Call) -> Result<Reply, Refusal> {
    let listed = call.provider.options.models.is_empty() || call.provider.options.models.contains(&call.id);
    if !listed || call.id.starts_with("missing") {
        let code = Some("model_not_found".to_owned());
        return Err(Refusal { code, ..no_such("model", &call.id) });
    }
    Ok(Reply::json(200, &model(&call.id)))
}

fn names(call: &Call) -> Vec<String> {
    let named = &call.provider.options.models;
    if named.is_empty() { BUILT_IN.iter().map(|name| (*name).to_owned()).collect() } else { named.clone() }
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 1_795_132_800, "owned_by": "sim"})
}
