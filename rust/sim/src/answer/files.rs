//! Files: kept in memory until they are deleted, within a bound.

use super::{Call, no_such};
use crate::check::Refusal;
use crate::reply::Reply;
use serde_json::{Value, json};

/// The most files, however small.
const MOST: usize = 10_000;

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let Some(file) = call.files.first().cloned() else {
        return Err(Refusal::invalid("missing_required_parameter", "file", "Missing required parameter: 'file'."));
    };
    let id = call.new_id("file-");
    let described = json!({
        "id": id, "object": "file", "bytes": file.bytes.len(), "created_at": call.created, "expires_at": null,
        "filename": file.name, "purpose": call.body["purpose"], "status": "processed", "status_details": null,
    });
    let mut stores = call.stores();
    let size = u64::try_from(file.bytes.len()).unwrap_or(u64::MAX);
    let full = stores.file_bytes().saturating_add(size) > call.provider.options.max_stored_bytes;
    if full || stores.files.len() >= MOST {
        let message = "The simulated provider keeps no more files; delete some, or raise 'max_stored_bytes'.";
        return Err(Refusal::with_status(413, None, message));
    }
    stores.files.insert(id, (described.clone(), file.bytes));
    Ok(Reply::json(200, &described))
}

pub(super) fn list(call: &mut Call) -> Result<Reply, Refusal> {
    let data: Vec<Value> = call.stores().files.values().map(|(described, _)| described.clone()).collect();
    let id = |file: Option<&Value>| file.map(|file| file["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    let body = json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": false});
    Ok(Reply::json(200, &body))
}

pub(super) fn find(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().files.get(&call.id).map(|(described, _)| described.clone());
    found.map(|described| Reply::json(200, &described)).ok_or_else(|| no_such("File object", &call.id))
}

pub(super) fn content(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().files.get(&call.id).map(|(_, content)| content.clone());
    let content = found.ok_or_else(|| no_such("File object", &call.id))?;
    Ok(Reply::whole(200, "application/octet-stream", content))
}

pub(super) fn remove(call: &mut Call) -> Result<Reply, Refusal> {
    let removed = call.stores().files.remove(&call.id);
    removed.ok_or_else(|| no_such("File object", &call.id))?;
    Ok(Reply::json(200, &json!({"id": call.id, "object": "file", "deleted": true})))
}
