//! What a bad moment did, and how long its end was felt.

use super::Timeline;
use crate::scenario::Scenario;
use crate::time::ratio;
use serde::Serialize;

/// Served: at least this share of those who came and stayed.
const SERVED: f64 = 0.95;
/// Over so many seconds after a moment the share is taken when it is asked whether all is well again.
const SETTLED_S: usize = 10;
/// Over so many seconds an overshoot is measured, within this long after the end.
const BURST_S: usize = 5;
const AFTER_S: usize = 60;

/// One rule's time in a scenario.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Phase {
    /// The provider.
    pub(crate) provider: String,
    /// What happens.
    pub(crate) what: String,
    pub(crate) from_s: f64,
    /// None: to the end.
    pub(crate) until_s: Option<f64>,
    /// Callers who came in it and stayed, and those of them who were served.
    pub(crate) offered: u64,
    pub(crate) good: u64,
    /// Seconds of it in which less than 95 % were served.
    pub(crate) bad_seconds: u64,
    /// Attempts for each call in it.
    pub(crate) amplification: f64,
    /// Seconds from its end until 95 % are served; none: not before the scenario ends. Absent for one without an end.
    pub(crate) recovery_s: Option<u64>,
    /// The most attempts for each call within five seconds, in the minute after its end.
    pub(crate) overshoot: Option<f64>,
}

/// Every rule with a time of its own.
pub(crate) fn phases(scenario: &Scenario, timeline: &Timeline) -> Vec<Phase> {
    let curve = Curve::of(timeline, scenario.seconds());
    let providers = scenario.providers.iter();
    let rules = providers.flat_map(|provider| provider.rules.iter().map(move |rule| (provider, rule)));
    let timed = rules.filter(|(_, rule)| rule.condition.from_ms > 0 || rule.condition.until_ms.is_some());
    let phases = timed.map(|(provider, rule)| {
        let what = rule.fault.clone().unwrap_or_else(|| "another pace".to_owned());
        let until_ms = rule.condition.until_ms.filter(|until| *until < scenario.duration_ms);
        curve.phase(&provider.name, what, rule.condition.from_ms, until_ms)
    });
    phases.collect()
}

/// The timeline up to the end of arrivals.
struct Curve {
    good: Vec<u64>,
    /// Callers who came and stayed.
    due: Vec<u64>,
    calls: Vec<u64>,
    attempts: Vec<u64>,
}

impl Curve {
    fn of(timeline: &Timeline, seconds: usize) -> Self {
        let rows = || timeline.seconds().iter().take(seconds);
        Self {
            good: rows().map(|second| u64::from(second.good)).collect(),
            due: rows().map(|second| u64::from(second.offered - second.left)).collect(),
            calls: rows().map(|second| u64::from(second.calls)).collect(),
            attempts: timeline.attempts().into_iter().take(seconds).map(u64::from).collect(),
        }
    }

    fn phase(&self, provider: &str, what: String, from_ms: u64, until_ms: Option<u64>) -> Phase {
        let (from, until) = (second(from_ms), until_ms.map_or(self.good.len(), second));
        let (good, offered) = (sum(&self.good, from, until), sum(&self.due, from, until));
        Phase {
            provider: provider.to_owned(),
            what,
            from_s: crate::time::seconds(crate::time::of_ms(from_ms)),
            until_s: until_ms.map(|until| crate::time::seconds(crate::time::of_ms(until))),
            offered,
            good,
            bad_seconds: (from..until).filter(|at| !self.is_served(*at, 1)).count() as u64,
            amplification: ratio(sum(&self.attempts, from, until), sum(&self.calls, from, until)),
            recovery_s: until_ms.and_then(|until| self.recovery(second(until))),
            overshoot: until_ms.map(|until| self.overshoot(second(until))),
        }
    }

    /// Whether those who came in so many seconds were served; yes where nobody came.
    fn is_served(&self, from: usize, length: usize) -> bool {
        let due = sum(&self.due, from, from + length);
        due == 0 || ratio(sum(&self.good, from, from + length), due) >= SERVED
    }

    fn recovery(&self, end: usize) -> Option<u64> {
        let found = (end..self.good.len()).find(|at| self.is_served(*at, 1) && self.is_served(*at, SETTLED_S))?;
        Some((found - end) as u64)
    }

    fn overshoot(&self, end: usize) -> f64 {
        let starts = end..self.good.len().min(end + AFTER_S).saturating_sub(BURST_S - 1).max(end);
        let each = starts.map(|at| {
            let calls = sum(&self.calls, at, at + BURST_S);
            if calls < BURST_S as u64 { 0.0 } else { ratio(sum(&self.attempts, at, at + BURST_S), calls) }
        });
        each.fold(0.0, f64::max)
    }
}

fn second(ms: u64) -> usize {
    usize::try_from(ms / 1000).unwrap_or(usize::MAX)
}

fn sum(values: &[u64], from: usize, until: usize) -> u64 {
    let until = until.min(values.len());
    values.get(from.min(until)..until).map_or(0, |part| part.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten callers a second; of these so many are served, with so many attempts a call.
    fn curve(good: &[u64], attempts: &[u64]) -> Curve {
        Curve {
            good: good.to_vec(),
            due: vec![10; good.len()],
            calls: vec![10; good.len()],
            attempts: attempts.iter().map(|each| each * 10).collect(),
        }
    }

    #[test]
    fn a_phase_is_told_with_what_it_cost_and_how_long_it_was_felt() {
        let good: Vec<u64> = [vec![10; 5], vec![0; 5], vec![4, 8], vec![10; 20]].concat();
        let attempts: Vec<u64> = [vec![1; 5], vec![2; 5], vec![3; 5], vec![1; 17]].concat();
        let phase = curve(&good, &attempts).phase("house", "refuse".to_owned(), 5000, Some(10_000));
        assert_eq!((phase.offered, phase.good, phase.bad_seconds, phase.recovery_s), (50, 0, 5, Some(2)));
        assert!((phase.amplification - 2.0).abs() < 1e-9);
        assert!((phase.overshoot.expect("it ended") - 3.0).abs() < 1e-9);
    }

    #[test]
    fn one_good_second_is_no_recovery() {
        let good: Vec<u64> = [vec![10; 2], vec![0; 3], vec![10], vec![0; 4], vec![10; 20]].concat();
        let phase = curve(&good, &vec![1; good.len()]).phase("house", String::new(), 2000, Some(5000));
        assert_eq!(phase.recovery_s, Some(5));
    }

    #[test]
    fn what_never_recovers_and_what_never_ends_say_so() {
        let good: Vec<u64> = [vec![10; 5], vec![0; 20]].concat();
        let curve = curve(&good, &vec![1; good.len()]);
        let never = curve.phase("house", String::new(), 5000, Some(10_000));
        assert_eq!((never.recovery_s, never.bad_seconds), (None, 5));
        let open = curve.phase("house", String::new(), 5000, None);
        assert_eq!((open.recovery_s, open.bad_seconds, open.overshoot), (None, 20, None));
    }
}
