//! A value that fits a JSON Schema, for structured outputs and tool arguments.
//!
//! Knows types, `enum`, `const`, `anyOf`/`oneOf`/`allOf` (the first that is not null), `$ref` within the document, bounds
//! of numbers, strings and arrays, and the usual formats. Not here: `pattern`, `not`, `if`.

use crate::rng::Rng;
use serde_json::{Map, Value, json};

const DEEP: usize = 12;

/// A value that fits `schema`; the same for the same draws.
pub(crate) fn value(schema: &Value, rng: &mut Rng) -> Value {
    fit(schema, schema, rng, 0)
}

fn fit(schema: &Value, root: &Value, rng: &mut Rng, depth: usize) -> Value {
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(choices) = schema["enum"].as_array() {
        return rng.pick(choices).cloned().unwrap_or(Value::Null);
    }
    if let Some(place) = schema["$ref"].as_str() {
        let target = place.strip_prefix('#').and_then(|place| root.pointer(place)).unwrap_or(&Value::Null);
        return if depth < DEEP { fit(target, root, rng, depth + 1) } else { Value::Null };
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        if let Some(shapes) = schema[several].as_array() {
            return alternative(shapes, root, rng, depth);
        }
    }
    match kind(schema) {
        "object" => object(schema, root, rng, depth),
        "array" => array(schema, root, rng, depth),
        "string" => json!(string(schema, rng)),
        "integer" => integer(schema, rng),
        "number" => number(schema, rng),
        "boolean" => json!(rng.bits().is_multiple_of(2)),
        _ => Value::Null,
    }
}

/// A recursive schema ends where it may: deep down, null is taken when it is offered.
fn alternative(shapes: &[Value], root: &Value, rng: &mut Rng, depth: usize) -> Value {
    let is_null = |shape: &&Value| shape["type"] == "null";
    let wanted =
        if depth < DEEP / 2 { shapes.iter().find(|shape| !is_null(shape)) } else { shapes.iter().find(is_null) };
    wanted.or(shapes.first()).map_or(Value::Null, |shape| fit(shape, root, rng, depth + 1))
}

fn kind(schema: &Value) -> &str {
    let named = match &schema["type"] {
        Value::String(kind) => Some(kind.as_str()),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    let guessed = if schema["properties"].is_object() {
        "object"
    } else if schema["items"].is_object() {
        "array"
    } else {
        "string"
    };
    named.unwrap_or(guessed)
}

fn object(schema: &Value, root: &Value, rng: &mut Rng, depth: usize) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut map = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if depth < DEEP / 2 || required.contains(&name.as_str()) {
            map.insert(name.clone(), fit(property, root, rng, depth + 1));
        }
    }
    Value::Object(map)
}

fn array(schema: &Value, root: &Value, rng: &mut Rng, depth: usize) -> Value {
    let least = schema["minItems"].as_u64().unwrap_or(0);
    let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
    let wanted = if depth < DEEP / 2 { 2 } else { 0 };
    let count = least.max(wanted).min(most).min(64);
    Value::Array((0..count).map(|_| fit(&schema["items"], root, rng, depth + 1)).collect())
}

fn string(schema: &Value, rng: &mut Rng) -> String {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-11-20T12:00:00Z".to_owned(),
        Some("date") => return "2026-11-20".to_owned(),
        Some("time") => return "12:00:00Z".to_owned(),
        Some("email") => return "ada@example.com".to_owned(),
        Some("uri") => return "https://example.com/".to_owned(),
        Some("uuid") => {
            let hex = rng.hex(32);
            return format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
        }
        _ => {}
    }
    let size = |key: &str| schema[key].as_u64().and_then(|size| usize::try_from(size).ok());
    let mut text = super::author::words(rng, 2);
    while text.len() < size("minLength").unwrap_or(0) {
        text.push('a');
    }
    text.truncate(size("maxLength").unwrap_or(usize::MAX));
    text
}

fn integer(schema: &Value, rng: &mut Rng) -> Value {
    let bound = |key: &str| schema[key].as_i64();
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low.saturating_add(1)));
    let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high.saturating_sub(1)));
    let low = low.unwrap_or_else(|| high.map_or(0, |high| high.saturating_sub(99)));
    let high = high.unwrap_or(low.saturating_add(99)).max(low);
    let span = high.abs_diff(low).saturating_add(1).max(1);
    let drawn = low.saturating_add_unsigned(rng.bits() % span);
    let step = bound("multipleOf").filter(|step| *step > 0).unwrap_or(1);
    let rounded = drawn - drawn.rem_euclid(step);
    json!(if rounded < low { rounded.saturating_add(step) } else { rounded })
}

fn number(schema: &Value, rng: &mut Rng) -> Value {
    let bound = |key: &str| schema[key].as_f64();
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low + 0.5));
    let high = bound("maximum").or(bound("exclusiveMaximum"));
    let low = low.unwrap_or_else(|| high.map_or(0.0, |high| high - 100.0));
    let high = high.unwrap_or(low + 100.0).max(low);
    json!(((low + (high - low) * rng.unit()) * 100.0).round() / 100.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_every_property_with_its_type() {
        let schema = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 30}, "age": {"type": "integer", "minimum": 3, "maximum": 5},
            "unit": {"enum": ["c", "f"]}, "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            "ok": {"type": ["boolean", "null"]}, "score": {"type": "number", "minimum": 0, "maximum": 1},
            "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}}, "$defs": {"n": {"const": 7}}});
        for seed in 0..50 {
            let value = value(&schema, &mut Rng::of(seed, 0));
            assert!(value["name"].as_str().unwrap().len() >= 30);
            assert!((3..=5).contains(&value["age"].as_i64().unwrap()));
            assert!(["c", "f"].contains(&value["unit"].as_str().unwrap()));
            assert_eq!(value["tags"].as_array().unwrap().len(), 1);
            assert!(value["ok"].is_boolean());
            assert!((0.0..=1.0).contains(&value["score"].as_f64().unwrap()));
            assert_eq!(value["next"], 7);
        }
    }

    #[test]
    fn a_schema_that_contains_itself_comes_to_an_end() {
        let tree = json!({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}},
            "left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}});
        assert!(value(&tree, &mut Rng::of(0, 0)).is_object());
    }
}
