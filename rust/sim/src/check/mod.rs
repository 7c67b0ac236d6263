//! Whether a request is one that the provider would take.
//!
//! What each endpoint takes is a table of [`Field`]s in a file of its own; this file reads tables. A request is refused
//! at the first thing that is wrong, with the provider's own words for the kind of mistake (`unknown_parameter`,
//! `invalid_type`, ...) and the path of the field in `param`.
//!
//! Source of the tables: OpenAI, `OpenAPI` description 2.3.0 (2026-08-21). Ranges that depend on the model are not checked.

pub mod chat;
pub mod media;
pub mod responses;
pub mod small;

use crate::faults::errors;
use crate::reply::Reply;
use serde_json::Value;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400..=599.
    pub status: u16,
    /// The member `type`.
    pub kind: &'static str,
    /// The member `code`.
    pub code: Option<String>,
    /// The member `param`: the path of the field.
    pub param: Option<String>,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl Refusal {
    /// A request that is wrong: status 400.
    pub fn invalid(code: &str, param: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: Some(code.to_owned()),
            param: Some(param.to_owned()),
            message: message.into(),
        }
    }

    /// The same with another status and no field.
    pub fn with_status(status: u16, code: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: "invalid_request_error",
            code: code.map(str::to_owned),
            param: None,
            message: message.into(),
        }
    }

    /// As an answer.
    pub fn reply(&self) -> Reply {
        let mut reply = Reply::json(self.status, &errors::body(self));
        if self.status == 429 {
            for (name, value) in errors::LIMITS {
                reply.set(name, *value);
            }
        }
        reply
    }
}

/// A field of an object.
pub struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// A field that may be absent or null.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// A field that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// What a value may be.
pub enum Shape {
    /// Anything.
    Any,
    /// Null.
    Null,
    /// A boolean.
    Bool,
    /// A string of at most so many characters.
    Text(usize),
    /// A name: letters, digits, `_`, `-`; 1..=64 of them.
    Name,
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A whole number within these bounds.
    Int(i64, i64),
    /// A number within these bounds.
    Number(f64, f64),
    /// Any object.
    Map,
    /// At most 16 strings of at most 512 characters.
    Metadata,
    /// An object with these fields and no others.
    Object(&'static [Field]),
    /// An object whose field of this name says which fields it has. A case without fields takes any.
    Tagged(&'static str, &'static [(&'static str, &'static [Field])]),
    /// An array, with its least and its greatest length.
    List(&'static Shape, usize, usize),
    /// One of several.
    Either(&'static [Shape]),
}

/// No limit of characters.
pub(crate) const TEXT: Shape = Shape::Text(usize::MAX);
/// A number from 0 up.
pub(crate) const COUNT: Shape = Shape::Int(0, i64::MAX);

/// Checks the fields of a whole request.
pub fn fields(value: &Value, fields: &[Field]) -> Result<(), Refusal> {
    object(value, fields, "")
}

fn object(value: &Value, fields: &[Field], path: &str) -> Result<(), Refusal> {
    let Some(map) = value.as_object() else { return Err(wrong_type(path, "an object", value)) };
    for name in map.keys() {
        if !fields.iter().any(|field| field.name == name) {
            let at = join(path, name);
            return Err(Refusal::invalid("unknown_parameter", &at, format!("Unknown parameter: '{at}'.")));
        }
    }
    for field in fields {
        let at = join(path, field.name);
        match map.get(field.name) {
            None | Some(Value::Null) if !field.required => {}
            None => {
                let message = format!("Missing required parameter: '{at}'.");
                return Err(Refusal::invalid("missing_required_parameter", &at, message));
            }
            Some(value) => shape(value, &field.shape, &at)?,
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shape(value: &Value, expected: &Shape, path: &str) -> Result<(), Refusal> {
    match expected {
        Shape::Any => Ok(()),
        Shape::Null => value.is_null().then_some(()).ok_or_else(|| wrong_type(path, "null", value)),
        Shape::Bool => value.is_boolean().then_some(()).ok_or_else(|| wrong_type(path, "a boolean", value)),
        Shape::Text(most) => text(value, *most, path).map(drop),
        Shape::Name => name(value, path),
        Shape::Word(words) => word(value, words, path),
        Shape::Int(low, high) => int(value, *low, *high, path),
        Shape::Number(low, high) => number(value, *low, *high, path),
        Shape::Map => value.is_object().then_some(()).ok_or_else(|| wrong_type(path, "an object", value)),
        Shape::Metadata => metadata(value, path),
        Shape::Object(fields) => object(value, fields, path),
        Shape::Tagged(tag, cases) => tagged(value, tag, cases, path),
        Shape::List(each, least, most) => list(value, each, (*least, *most), path),
        Shape::Either(shapes) => either(value, shapes, path),
    }
}

fn text<'a>(value: &'a Value, most: usize, path: &str) -> Result<&'a str, Refusal> {
    let text = value.as_str().ok_or_else(|| wrong_type(path, "a string", value))?;
    let length = if text.len() <= most { 0 } else { text.chars().count() };
    if length > most {
        let message = format!("Invalid '{path}': the string is too long. At most {most} characters, got {length}.");
        return Err(Refusal::invalid("string_above_max_length", path, message));
    }
    Ok(text)
}

fn name(value: &Value, path: &str) -> Result<(), Refusal> {
    let name = text(value, 64, path)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fine) {
        let message = format!("Invalid '{path}': letters, digits, '_' and '-' only, and at least one of them.");
        return Err(Refusal::invalid("invalid_value", path, message));
    }
    Ok(())
}

fn word(value: &Value, words: &[&str], path: &str) -> Result<(), Refusal> {
    let word = text(value, usize::MAX, path)?;
    if words.contains(&word) {
        return Ok(());
    }
    let supported = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let message = format!("Invalid value: '{word}'. '{path}' takes {supported}.");
    Err(Refusal::invalid("invalid_value", path, message))
}

fn int(value: &Value, low: i64, high: i64, path: &str) -> Result<(), Refusal> {
    let whole = value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX));
    let whole = whole.ok_or_else(|| wrong_type(path, "an integer", value))?;
    let (code, bound) = match whole {
        whole if whole < low => ("integer_below_min_value", format!("at least {low}")),
        whole if whole > high => ("integer_above_max_value", format!("at most {high}")),
        _ => return Ok(()),
    };
    Err(Refusal::invalid(code, path, format!("Invalid '{path}': {bound} is expected, got {value}.")))
}

fn number(value: &Value, low: f64, high: f64, path: &str) -> Result<(), Refusal> {
    let number = value.as_f64().ok_or_else(|| wrong_type(path, "a number", value))?;
    let (code, bound) = match number {
        number if number < low => ("decimal_below_min_value", format!("at least {low}")),
        number if number > high => ("decimal_above_max_value", format!("at most {high}")),
        _ => return Ok(()),
    };
    Err(Refusal::invalid(code, path, format!("Invalid '{path}': {bound} is expected, got {value}.")))
}

fn metadata(value: &Value, path: &str) -> Result<(), Refusal> {
    let map = value.as_object().ok_or_else(|| wrong_type(path, "an object", value))?;
    if map.len() > 16 {
        let message = format!("Invalid '{path}': at most 16 properties, got {}.", map.len());
        return Err(Refusal::invalid("object_above_max_properties", path, message));
    }
    map.iter().try_for_each(|(key, value)| {
        let at = join(path, key);
        text(&Value::from(key.as_str()), 64, &at)?;
        text(value, 512, &at).map(drop)
    })
}

fn tagged(value: &Value, tag: &str, cases: &[(&str, &[Field])], path: &str) -> Result<(), Refusal> {
    let map = value.as_object().ok_or_else(|| wrong_type(path, "an object", value))?;
    let at = join(path, tag);
    let found = map.get(tag).ok_or_else(|| {
        Refusal::invalid("missing_required_parameter", &at, format!("Missing required parameter: '{at}'."))
    })?;
    let words: Vec<&str> = cases.iter().map(|(word, _)| *word).collect();
    word(found, &words, &at)?;
    let case = cases.iter().find(|(word, _)| Some(*word) == found.as_str());
    match case {
        Some((_, fields)) if !fields.is_empty() => object(value, fields, path),
        _ => Ok(()),
    }
}

fn list(value: &Value, each: &Shape, (least, most): (usize, usize), path: &str) -> Result<(), Refusal> {
    let values = value.as_array().ok_or_else(|| wrong_type(path, "an array", value))?;
    let length = values.len();
    if length < least {
        let code = if least == 1 { "empty_array" } else { "array_below_min_length" };
        let message = format!("Invalid '{path}': at least {least} elements are expected, got {length}.");
        return Err(Refusal::invalid(code, path, message));
    }
    if length > most {
        let message = format!("Invalid '{path}': at most {most} elements are expected, got {length}.");
        return Err(Refusal::invalid("array_above_max_length", path, message));
    }
    values.iter().enumerate().try_for_each(|(index, value)| shape(value, each, &format!("{path}[{index}]")))
}

/// The first shape that fits; otherwise the complaint of the one whose JSON type is right, which says most.
fn either(value: &Value, shapes: &[Shape], path: &str) -> Result<(), Refusal> {
    let mut nearest = None;
    for candidate in shapes {
        match shape(value, candidate, path) {
            Ok(()) => return Ok(()),
            Err(refusal)
                if refusal.param.as_deref() != Some(path) || refusal.code.as_deref() != Some("invalid_type") =>
            {
                nearest = nearest.or(Some(refusal));
            }
            Err(_) => {}
        }
    }
    Err(nearest.unwrap_or_else(|| wrong_type(path, "another type", value)))
}

fn wrong_type(path: &str, expected: &str, got: &Value) -> Refusal {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::invalid("invalid_type", path, format!("Invalid type for '{path}': {expected} is expected, got {got}."))
}
