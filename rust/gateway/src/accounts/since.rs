//! Since when each limit is in force: before that it counts nothing.

use super::file::{self, VERSION};
use admission::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The file of [`Since`].
pub(super) const FILE: &str = "limits.json";

/// By how much the clocks of calls may be behind the one that this goes by: each compares itself with the system's.
const SLACK_NS: u64 = 1_000_000;

/// Of each limit, by its id, since when it is in force, in nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    version: u32,
    since_ns: BTreeMap<String, u64>,
}

impl Since {
    /// Of the limits of a plan that goes into force with a start. `known`: of those before it; without that, all that is
    /// written down counts. None is in force later than now, whatever a clock has said.
    pub(super) fn of(limits: &Limits, known: Option<&Self>, now_ns: u64) -> Self {
        let since = |id: &str| known.map_or(0, |known| known.since_ns.get(id).copied().unwrap_or(now_ns).min(now_ns));
        let since_ns = limits.rules().iter().map(|rule| (rule.id.to_string(), since(&rule.id))).collect();
        Self { version: VERSION, since_ns }
    }

    /// Notes the limits of a plan that goes into force now beside those that were in force in this process, whose accounts
    /// it has still. Says whether there is anything new.
    pub(super) fn note(&mut self, limits: &Limits, now_ns: u64) -> bool {
        let before = self.since_ns.len();
        let since_ns = now_ns.saturating_sub(SLACK_NS);
        for rule in limits.rules() {
            self.since_ns.entry(rule.id.to_string()).or_insert(since_ns);
        }
        self.since_ns.len() > before
    }

    /// Of each rule of a plan, in its order.
    pub(super) fn by_rule(&self, limits: &Limits) -> Vec<u64> {
        limits.rules().iter().map(|rule| self.since_ns.get(&*rule.id).copied().unwrap_or(u64::MAX)).collect()
    }

    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        file::write(directory, FILE, self)
    }
}
