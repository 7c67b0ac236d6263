//! What the provider keeps between calls: files, batches, stored responses. All in memory, all bounded.

use bytes::Bytes;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// The number of batches and of responses that are kept; older ones go.
const KEPT: usize = 256;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    /// Files by id: their description and their content.
    pub(crate) files: BTreeMap<String, (Value, Bytes)>,
    /// Batches by id.
    pub(crate) batches: Recent,
    /// Responses by id.
    pub(crate) responses: Recent,
}

impl Stores {
    /// Bytes of all files.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.files.values().map(|(_, content)| u64::try_from(content.len()).unwrap_or(u64::MAX)).sum()
    }
}

/// The latest things of a kind, by id.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<(String, Value)>);

impl Recent {
    /// Keeps `value`; the oldest goes when there are too many.
    pub(crate) fn put(&mut self, id: &str, value: Value) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((id.to_owned(), value));
    }

    /// The value of an id.
    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(key, _)| key == id).map(|(_, value)| value)
    }

    /// Forgets an id; says whether it was known.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(key, _)| key != id);
        self.0.len() < before
    }

    /// All values, the latest first.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().rev().map(|(_, value)| value)
    }
}
