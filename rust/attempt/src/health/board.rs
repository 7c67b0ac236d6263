//! The healths of all keys, by id.

use super::key::Health;
use super::state::Settings;
use crate::sync::{Mutex, lock};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The healths of all keys, by id: what is known outlives the plan under which it was learnt.
///
/// The lock is taken where a plan is compiled and where metrics are read, never by a call.
pub struct Board(Mutex<BTreeMap<Box<str>, Arc<Health>>>);

impl Board {
    /// A board without keys.
    pub fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The health of a key, with these settings from now on; a new one if the id is new.
    pub fn get(&self, id: &str, settings: Settings) -> Arc<Health> {
        let mut all = lock(&self.0);
        if let Some(health) = all.get(id) {
            health.set(settings);
            return Arc::clone(health);
        }
        let health = Arc::new(Health::new(settings));
        all.insert(id.into(), Arc::clone(&health));
        health
    }

    /// Forgets the keys that nobody holds any more, neither a plan nor an open attempt.
    pub fn prune(&self) {
        lock(&self.0).retain(|_, health| Arc::strong_count(health) > 1);
    }

    /// Shows every key, in the order of ids. The board can be used meanwhile.
    pub fn each(&self, mut see: impl FnMut(&str, &Health)) {
        let all: Vec<_> = lock(&self.0).iter().map(|(id, health)| (id.clone(), Arc::clone(health))).collect();
        for (id, health) in all {
            see(&id, &health);
        }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("keys", &lock(&self.0).len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Settled, State, Why};

    fn settings(consecutive: u32) -> Settings {
        Settings {
            consecutive,
            ratio_permille: 0,
            slow_first_token_ns: 0,
            slow_permille: 0,
            window_ns: 30_000,
            min_calls: 10,
            open_ns: 1_000,
            open_cap_ns: 4_000,
        }
    }

    fn ids(board: &Board) -> Vec<String> {
        let mut ids = Vec::new();
        board.each(|id, _| ids.push(id.to_owned()));
        ids
    }

    #[test]
    fn a_reload_changes_the_settings_of_a_key_and_not_what_is_known() {
        let board = Board::new();
        let old = board.get("endpoint:a/m", settings(3));
        let fail = |health: &Arc<Health>| {
            let permit = health.enter(0, &mut |_| 0).expect("it is in service");
            health.settle(permit, 0, Settled::Failure, &mut |n| n / 2)
        };
        assert_eq!((fail(&old), fail(&old)), (None, None));
        let new = board.get("endpoint:a/m", settings(10));
        assert!(Arc::ptr_eq(&old, &new));
        assert_eq!((fail(&new), fail(&new)), (None, None), "ten are allowed now");
        board.get("endpoint:a/m", settings(5));
        assert!(fail(&new).is_some(), "and the four still count");
        assert_eq!(new.state(0), State::Open { until_ns: 1_000, why: Why::Consecutive });
    }

    #[test]
    fn keys_that_nobody_uses_are_forgotten() {
        let board = Board::default();
        let held = board.get("b", settings(3));
        drop(board.get("a", settings(3)));
        assert_eq!(ids(&board), ["a", "b"]);
        board.prune();
        assert_eq!(ids(&board), ["b"]);
        assert!(Arc::ptr_eq(&held, &board.get("b", settings(3))));
        drop(held);
        board.prune();
        assert_eq!(ids(&board), [""; 0]);
    }

    #[test]
    fn metrics_may_look_at_the_board_while_they_read_it() {
        let board = Board::new();
        board.get("a", settings(3));
        let mut seen = Vec::new();
        board.each(|id, health| seen.push((id.to_owned(), ids(&board).len(), health.state(0))));
        assert_eq!(seen, [("a".to_owned(), 1, State::Closed)]);
    }
}
