//! What all threads of a load share, and nobody changes.

use crate::StartError;
use crate::clock::of_ms;
use crate::conversation::Script;
use crate::expected::Expected;
use crate::request::{Heads, Prepared};
use crate::spec::{Arrivals, Calls, Spec};
use crate::target::Target;

/// A load, prepared.
pub(crate) struct Plan {
    pub(crate) target: Target,
    /// The requests of loads without conversations.
    pub(crate) prepared: Vec<Prepared>,
    pub(crate) script: Option<Script>,
    pub(crate) expected: Expected,
    /// Whether the text of answers is needed.
    pub(crate) keeps_text: bool,
    /// Whether calls have a time of their own, which they can be late for.
    pub(crate) has_schedule: bool,
    pub(crate) arrivals: Arrivals,
    pub(crate) threads: usize,
    pub(crate) timeout_ns: u64,
    pub(crate) seed: u64,
    /// Connections, over all threads.
    pub(crate) places: usize,
}

impl Plan {
    /// Makes the requests. Errors: `Spec`, for header lines.
    pub(crate) fn new(spec: &Spec, target: Target) -> Result<Self, StartError> {
        let heads = Heads::new(&target.base_path, &target.authority, spec).map_err(StartError::Spec)?;
        let script = Script::new(&spec.calls, &heads, spec.seed);
        let prepared = match &spec.calls {
            Calls::Same { call } => vec![heads.request(call)],
            Calls::Each { calls } => calls.iter().map(|call| heads.request(call)).collect(),
            Calls::Conversation { .. } => Vec::new(),
        };
        let expected = Expected::new(spec.expect.clone());
        Ok(Self {
            keeps_text: expected.text.is_some() || script.is_some(),
            has_schedule: !matches!(spec.arrivals, Arrivals::Closed { .. }),
            arrivals: spec.arrivals,
            places: spec.places(),
            threads: spec.threads,
            timeout_ns: of_ms(spec.timeout_ms),
            seed: spec.seed,
            prepared,
            script,
            expected,
            target,
        })
    }

    /// The connections of one thread.
    pub(crate) const fn places_of(&self, thread: usize) -> usize {
        self.places / self.threads + if thread < self.places % self.threads { 1 } else { 0 }
    }
}
