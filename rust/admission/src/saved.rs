//! Accounts as they are kept while no process holds them.

use crate::account::{Account, State};
use serde::{Deserialize, Serialize};

/// One account. What it holds for calls that are open is not part of it: those are counted when they end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The id of its limit.
    pub limit: Box<str>,
    /// The value that it is of.
    pub value: Box<str>,
    /// Whether it stands for all the values that there was no room for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_other: bool,
    /// What was counted.
    pub state: SavedState,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedState {
    /// Of a rate: when its bucket is full, in nanoseconds since 1970.
    FullAtNs(u64),
    /// Of tokens or money in a window.
    Spent(SavedSpend),
}

/// Tokens or nano-dollars that are spent in a window; times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSpend {
    /// The first moment of the window, or of the part of it that was under way.
    pub from_ns: u64,
    /// The first moment after it.
    pub until_ns: u64,
    /// How much.
    pub used: u64,
    /// A bit for each share that was warned of.
    pub warned: u32,
    /// Of a window that rolls: what was spent in each part, by the part's number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<u64>,
    /// When something last happened.
    pub touched_ns: u64,
}

impl Account {
    /// The account as it is kept; nothing of one that counts what is open.
    pub(crate) fn saved(&self) -> Option<Saved> {
        let state = match &self.state {
            State::Rate(bucket) => SavedState::FullAtNs(bucket.full_at_ns()),
            State::Spend(spend) => SavedState::Spent(spend.saved()),
            State::Places(_) => return None,
        };
        Some(Saved { limit: (&*self.limit).into(), value: self.value.clone(), is_other: self.is_other, state })
    }

    /// What was kept counts again. An account that counts something else stays as it is.
    pub(crate) fn restore(&self, saved: &SavedState) {
        match (&self.state, saved) {
            (State::Rate(bucket), SavedState::FullAtNs(full_at_ns)) => bucket.restore(*full_at_ns),
            (State::Spend(spend), SavedState::Spent(saved)) => spend.restore(saved),
            _ => {}
        }
    }
}
