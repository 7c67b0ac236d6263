//! One call when it is over: what its caller got, against what the providers' books say of its attempts.

use super::Violations;
use super::blame;
use crate::time::{MS, seconds};
use crate::visit::{Cause, Ending, Place, Visit};
use plan::{Condition, Retry, Step};

/// How much later than its deadline a call may end.
const GRACE_NS: u64 = 100 * MS;

/// What a caller got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// A whole answer: that of the attempt with this index.
    Whole(usize),
    /// The beginning of an answer: that of the attempt with this index.
    Part(usize),
    /// An error.
    Error,
    /// Nothing: it left.
    Nothing,
}

/// A call that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over<'a> {
    pub(crate) got: Got,
    pub(crate) visits: &'a [Visit],
    pub(crate) rules: &'a Retry,
    pub(crate) chain: &'a [Step],
    pub(crate) total_by_ns: u64,
    pub(crate) ended_ns: u64,
}

impl Over<'_> {
    /// Looks at everything that must hold for one call.
    pub(super) fn check(&self, violations: &mut Violations) {
        let problems = [
            ("O1", self.terminal()),
            ("O2", self.one_answer()),
            ("O3", self.bounds()),
            ("O5", self.books()),
            ("O8", self.order()),
        ];
        for (rule, problem) in problems {
            if let Some(problem) = problem {
                violations.add(rule, self.ended_ns, || format!("{problem}; attempts: {}", self.told()));
            }
        }
    }

    /// A good end is the provider's good end; a cut answer is not told as a whole one.
    fn terminal(&self) -> Option<String> {
        match self.got {
            Got::Whole(index) if self.ending(index) != Some(Ending::Whole) => {
                Some("the caller got a good end that the provider did not send".to_owned())
            }
            Got::Part(index) if self.ending(index) == Some(Ending::Whole) => {
                Some("the provider sent all, and the caller was told that it is not whole".to_owned())
            }
            _ => None,
        }
    }

    fn ending(&self, index: usize) -> Option<Ending> {
        self.visits.get(index).map(|visit| visit.ending)
    }

    /// What the caller sees comes from one attempt, and nothing is tried behind its back.
    fn one_answer(&self) -> Option<String> {
        let committed = self.visits.iter().filter(|visit| visit.committed_ns.is_some()).count();
        if committed > 1 {
            return Some(format!("{committed} attempts delivered content"));
        }
        let first = self.visits.iter().find_map(|visit| visit.committed_ns)?;
        let later = self.visits.iter().filter(|visit| visit.began_ns > first).count();
        if later > 0 { Some(format!("{later} attempts after content was delivered")) } else { None }
    }

    /// So many attempts, so much time.
    fn bounds(&self) -> Option<String> {
        let most = usize::try_from(self.rules.max_attempts_per_call).unwrap_or(usize::MAX);
        if self.visits.len() > most {
            return Some(format!("{} attempts, of at most {most}", self.visits.len()));
        }
        if self.ended_ns > self.total_by_ns.saturating_add(GRACE_NS) {
            let late = seconds(self.ended_ns - self.total_by_ns);
            return Some(format!("over {late} s after its deadline"));
        }
        let here = |visit: &Visit| self.visits.iter().filter(|other| same_model(&other.place, &visit.place)).count();
        let most = usize::try_from(self.rules.max_attempts).unwrap_or(usize::MAX);
        let ways = |visit: &Visit| {
            let mut ways: Vec<_> = self.visits.iter().filter(|other| same_model(&other.place, &visit.place)).collect();
            ways.sort_by_key(|visit| (visit.place.endpoint, visit.place.credential));
            ways.dedup_by_key(|visit| (visit.place.endpoint, visit.place.credential));
            ways.len()
        };
        let worst = self.visits.iter().map(|visit| (here(visit), ways(visit))).max()?;
        // Another credential or endpoint of the same deployment is another target.
        if worst.0 > most * worst.1 { Some(format!("{} attempts at one deployment", worst.0)) } else { None }
    }

    /// Every attempt is numbered, ends, and is told once; of one whose caller left, nothing need be told.
    fn books(&self) -> Option<String> {
        for (index, visit) in self.visits.iter().enumerate() {
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            if visit.number != number {
                return Some(format!("attempt {number} is numbered {}", visit.number));
            }
            if visit.ending == Ending::Open {
                return Some(format!("attempt {number} goes on after its call is over"));
            }
            let right = if visit.ending == Ending::Left { visit.told <= 1 } else { visit.told == 1 };
            if !right {
                return Some(format!("attempt {number} was told {} times", visit.told));
            }
        }
        None
    }

    /// What is nobody's fault is not tried again, and what is dead for a call is not asked again by it.
    fn order(&self) -> Option<String> {
        for (index, visit) in self.visits.iter().enumerate() {
            let Ending::Failed(cause) = visit.ending else { continue };
            // One that was open at the same time did not follow it.
            let later = || self.visits.iter().skip(index + 1).filter(|later| later.began_ns >= visit.ended_ns);
            if later().next().is_some() && !blame::may_go_on(cause) {
                return Some(format!("tried again after {}", cause.name()));
            }
            if !blame::may_come_back(cause) && later().any(|other| other.place == visit.place) {
                return Some(format!("the same target asked again after {}", cause.name()));
            }
            if later().next().is_some_and(|next| !self.is_named_for(cause, next)) {
                return Some(format!("another model asked after {}, and no step is for that", cause.name()));
            }
        }
        None
    }

    /// What the content or its length decides goes on to another model only where the chain names that.
    fn is_named_for(&self, cause: Cause, next: &Visit) -> bool {
        let wanted = match cause {
            Cause::Filtered => Condition::ContentFiltered,
            Cause::ContextTooLong => Condition::ContextTooLong,
            _ => return true,
        };
        let holds = |step: &Step| step.shares.iter().any(|share| Some(share.deployment) == next.place.deployment);
        self.chain.iter().any(|step| step.when.contains(&wanted) && holds(step))
    }

    fn told(&self) -> String {
        let told = self.visits.iter().map(|visit| {
            let Place { provider, endpoint, credential, .. } = visit.place;
            format!("{}/{endpoint}/{credential} at {:.3} s {:?}", provider, seconds(visit.began_ns), visit.ending)
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

fn same_model(one: &Place, other: &Place) -> bool {
    (one.provider, one.deployment) == (other.provider, other.deployment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { provider: 0, deployment: Some(0), endpoint: 0, credential: 0 };
    const RULES: Retry =
        Retry { max_attempts: 2, max_attempts_per_call: 3, base_ms: 1, throttled_base_ms: 1, cap_ms: 1, wait_ms: 1 };

    fn visit(number: u32, credential: usize, ending: Ending) -> Visit {
        let began_ns = u64::from(number) * MS;
        let committed_ns = (ending == Ending::Whole).then_some(began_ns);
        let place = Place { credential, ..PLACE };
        Visit { ending, committed_ns, told: 1, ended_ns: began_ns, ..Visit::new(place, number, began_ns) }
    }

    fn broken(got: Got, visits: &[Visit]) -> Vec<&'static str> {
        let mut violations = Violations::default();
        Over { got, visits, rules: &RULES, chain: &[], total_by_ns: 10 * MS, ended_ns: 20 * MS }.check(&mut violations);
        violations.kept.iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn a_good_call_breaks_nothing() {
        let failed = visit(1, 0, Ending::Failed(Cause::Broken));
        assert_eq!(broken(Got::Whole(1), &[failed, visit(2, 0, Ending::Whole)]), [""; 0]);
    }

    #[test]
    fn each_rule_is_broken_by_what_breaks_it() {
        let good = visit(1, 0, Ending::Whole);
        let failed = |number, cause| visit(number, 0, Ending::Failed(cause));
        let cut = Visit { committed_ns: Some(MS), ..failed(1, Cause::Cut) };
        assert_eq!(broken(Got::Whole(0), &[cut]), ["O1"]);
        assert_eq!(broken(Got::Part(0), &[good]), ["O1"]);
        assert_eq!(broken(Got::Whole(0), &[good, visit(2, 0, Ending::Whole)]), ["O2"]);
        assert_eq!(
            broken(Got::Error, &[failed(1, Cause::Broken), failed(2, Cause::Broken), failed(3, Cause::Broken)]),
            ["O3"]
        );
        let four: Vec<_> =
            (1..=4).map(|number| visit(number, number as usize, Ending::Failed(Cause::Broken))).collect();
        assert_eq!(broken(Got::Error, &four), ["O3"]);
        assert_eq!(broken(Got::Whole(0), &[Visit { told: 2, ..good }]), ["O5"]);
        assert_eq!(broken(Got::Whole(0), &[Visit { number: 2, ..good }]), ["O5"]);
        assert_eq!(broken(Got::Error, &[visit(1, 0, Ending::Open)]), ["O5"]);
        assert_eq!(
            broken(Got::Error, &[failed(1, Cause::Invalid), visit(2, 1, Ending::Failed(Cause::Broken))]),
            ["O8"]
        );
        assert_eq!(broken(Got::Error, &[failed(1, Cause::Credential), failed(2, Cause::Broken)]), ["O8"]);
        assert_eq!(broken(Got::Whole(1), &[failed(1, Cause::Filtered), visit(2, 1, Ending::Whole)]), ["O8"]);
    }

    #[test]
    fn a_call_ends_with_its_deadline() {
        let mut violations = Violations::default();
        let visits = [visit(1, 0, Ending::Whole)];
        let over =
            Over { got: Got::Whole(0), visits: &visits, rules: &RULES, chain: &[], total_by_ns: 0, ended_ns: 101 * MS };
        over.check(&mut violations);
        assert_eq!(violations.kept[0].rule, "O3");
    }
}
