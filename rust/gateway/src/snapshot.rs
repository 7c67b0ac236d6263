//! A worker's own view of the compiled plan: what calls need of it, without touching what other workers touch.

use crate::books;
use crate::compiled::Compiled;
use attempt::{State, Targets};
use bytes::Bytes;
use plan::{Candidate, Label};
use protocol::openai::usage::ask;
use protocol::splice;
use record::{AttemptSeries, CallSeries, LimitSeries, Meters};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What one worker serves by until the next reload. A call holds on to the one that it began with.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) epoch: u64,
    /// The beginning of the plan's hash.
    pub(crate) plan_hash: u64,
    /// The names of keys, for records.
    pub(crate) keys: Vec<Rc<str>>,
    /// Of each provider, its name in the catalogue.
    pub(crate) kinds: Vec<Rc<str>>,
    meters: Arc<Meters>,
    /// Of each alias, then of each provider: the operations that were called, with their series.
    calls: Vec<RefCell<Vec<Arc<CallSeries>>>>,
    deployments: Vec<Arc<AttemptSeries>>,
    /// Of each deployment, its model as a JSON string.
    models: Vec<Bytes>,
    /// The same, with what asks for the usage of a stream behind it.
    asking: Vec<Bytes>,
    direct: Vec<Arc<AttemptSeries>>,
    /// Where attempts go, with what is known of it.
    pub(crate) targets: Targets,
    /// Of each limit and budget, what it did.
    pub(crate) limits: Vec<Arc<LimitSeries>>,
}

impl Snapshot {
    pub(crate) fn new(compiled: Arc<Compiled>, epoch: u64, meters: Arc<Meters>, state: &State) -> Self {
        let plan = &compiled.plan;
        let deployments = plan
            .deployments
            .iter()
            .map(|deployment| meters.attempts(&plan.providers[deployment.provider].id, &deployment.id))
            .collect();
        let models: Vec<_> = plan.deployments.iter().map(|deployment| splice::json_string(&deployment.model)).collect();
        let asking = models.iter().map(asking).collect();
        let direct = plan.providers.iter().map(|provider| meters.attempts(&provider.id, "*")).collect();
        let keys = plan.keys.iter().map(|key| Rc::from(&*key.name)).collect();
        let calls = (0..plan.aliases.len() + plan.providers.len()).map(|_| RefCell::default()).collect();
        let targets = Targets::new(plan, state);
        let kinds = plan.providers.iter().map(|provider| Rc::from(&*provider.kind)).collect();
        let plan_hash = books::plan_hash(&plan.hash);
        let limits = compiled.limits.rules().iter().map(|rule| meters.limit(&rule.id, rule.dimension())).collect();
        Self {
            compiled,
            epoch,
            plan_hash,
            keys,
            kinds,
            meters,
            calls,
            deployments,
            models,
            asking,
            direct,
            targets,
            limits,
        }
    }

    /// Where calls of this label, operation and mode are counted.
    pub(crate) fn call_series(&self, label: Label, operation: &'static str, streamed: bool) -> Arc<CallSeries> {
        let plan = &self.compiled.plan;
        let place = match label {
            Label::Alias(index) => index,
            Label::Direct(index) => plan.aliases.len() + index,
        };
        let mut calls = self.calls[place].borrow_mut();
        if let Some(series) = calls.iter().find(|series| series.streamed == streamed && series.operation == operation) {
            return Arc::clone(series);
        }
        let series = match label {
            Label::Alias(index) => self.meters.calls(&plan.aliases[index].name, operation, streamed),
            Label::Direct(index) => self.meters.calls(&format!("{}/*", plan.providers[index].id), operation, streamed),
        };
        calls.push(Arc::clone(&series));
        series
    }

    /// Where attempts at this candidate are counted.
    pub(crate) fn attempt_series(&self, candidate: &Candidate<'_>) -> &Arc<AttemptSeries> {
        match candidate.deployment {
            Some(deployment) => &self.deployments[deployment],
            None => &self.direct[candidate.provider],
        }
    }

    /// The same, with what asks for the usage of a stream behind it.
    pub(crate) fn model_asking(&self, candidate: &Candidate<'_>) -> Bytes {
        match (candidate.deployment, &candidate.model) {
            (Some(deployment), Cow::Borrowed(_)) => self.asking[deployment].clone(),
            (_, model) => asking(&splice::json_string(model)),
        }
    }

    /// The candidate's model as a JSON string.
    pub(crate) fn model_json(&self, candidate: &Candidate<'_>) -> Bytes {
        match (candidate.deployment, &candidate.model) {
            (Some(deployment), Cow::Borrowed(_)) => self.models[deployment].clone(),
            (_, model) => splice::json_string(model),
        }
    }
}

fn asking(model: &Bytes) -> Bytes {
    [&model[..], ask::ASKS].concat().into()
}
