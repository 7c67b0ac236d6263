//! Batches: taken, shown and cancelled, never worked on.

use super::{Call, no_such};
use crate::check::Refusal;
use crate::reply::Reply;
use serde_json::{Value, json};

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let input = call.text("input_file_id").to_owned();
    if call.provider.options.strict && !call.stores().files.contains_key(&input) {
        return Err(Refusal { param: Some("input_file_id".to_owned()), ..no_such("File object", &input) });
    }
    let id = call.new_id("batch_");
    let batch = json!({
        "id": id, "object": "batch", "endpoint": call.body["endpoint"], "errors": null, "input_file_id": input,
        "completion_window": call.body["completion_window"], "status": "validating", "output_file_id": null,
        "error_file_id": null, "created_at": call.created, "in_progress_at": null, "expires_at": call.created + 86400,
        "finalizing_at": null, "completed_at": null, "failed_at": null, "expired_at": null, "cancelling_at": null,
        "cancelled_at": null, "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": call.body["metadata"],
    });
    call.stores().batches.put(&id, batch.clone());
    Ok(Reply::json(200, &batch))
}

pub(super) fn list(call: &mut Call) -> Result<Reply, Refusal> {
    let data: Vec<Value> = call.stores().batches.values().cloned().collect();
    let id = |batch: Option<&Value>| batch.map(|batch| batch["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    let body = json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": false});
    Ok(Reply::json(200, &body))
}

pub(super) fn find(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().batches.find(&call.id).cloned();
    found.map(|batch| Reply::json(200, &batch)).ok_or_else(|| no_such("batch", &call.id))
}

pub(super) fn cancel(call: &mut Call) -> Result<Reply, Refusal> {
    let mut stores = call.stores();
    let batch = stores.batches.find(&call.id).ok_or_else(|| no_such("batch", &call.id))?;
    batch["status"] = json!("cancelling");
    batch["cancelling_at"] = json!(call.created);
    Ok(Reply::json(200, batch))
}
