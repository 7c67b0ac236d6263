//! Faults: how they are asked for, and what they do to an answer.
//!
//! A fault is a transformation of a [`Reply`](crate::reply::Reply) and knows no socket; the few that happen before
//! there is an answer are carried out by the connection. Several may be asked for together and apply in their order,
//! except that those which choose the answer (`status`, `error`, `html`, ...) should stand first.

mod apply;
pub mod errors;
pub(crate) mod events;
pub(crate) mod head;
mod table;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use table::{Kind, Row, Stage};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A fault with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub kind: Kind,
    given: Vec<(&'static str, String)>,
}

impl Fault {
    /// A fault with its default parameters.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, given: Vec::new() }
    }

    /// What there is to know about it.
    pub const fn row(&self) -> Row {
        self.kind.row()
    }

    /// Reads `name;key=value;key=value`. The error says what is not known, and where the list stands.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let found = Kind::ALL.iter().find(|kind| kind.row().name == name);
        let kind = *found.ok_or_else(|| format!("there is no fault `{name}`; GET /faults lists them"))?;
        let mut fault = Self::new(kind);
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{name}: `{part}` is not key=value"))?;
            let param = kind.row().params.iter().find(|(param, _)| *param == key);
            let (param, default) = param.ok_or_else(|| format!("{name}: there is no parameter `{key}`"))?;
            if default.parse::<u64>().is_ok() && *param != "value" && value.parse::<u64>().is_err() {
                return Err(format!("{name}: {key} is a whole number, `{value}` is not"));
            }
            fault.given.push((param, value.to_owned()));
        }
        Ok(fault)
    }

    /// Reads a list: `status;code=429, retry-after;as=junk`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Self::parse).collect()
    }

    /// A parameter as text: as given, or its default. Empty when there is no such parameter.
    pub fn text(&self, key: &str) -> &str {
        let given = self.given.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        given.unwrap_or_else(|| self.row().params.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value))
    }

    /// A parameter as a number; 0 where it is none.
    pub fn number(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap_or(0)
    }

    /// A parameter as a size.
    pub fn size(&self, key: &str) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    /// A parameter as a time in milliseconds.
    pub fn time(&self, key: &str) -> std::time::Duration {
        std::time::Duration::from_millis(self.number(key))
    }
}

/// Reads a list of faults from a JSON string.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Fault>, D::Error> {
    Fault::parse_list(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

/// The table as JSON, for `GET /faults`.
pub fn list() -> Value {
    let rows = Kind::ALL.iter().map(|kind| {
        let row = kind.row();
        let params: serde_json::Map<String, Value> =
            row.params.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        json!({"name": row.name, "stage": row.stage.name(), "params": params, "doc": row.doc.trim()})
    });
    json!({"faults": rows.collect::<Vec<_>>(), "errors": errors::names()})
}
