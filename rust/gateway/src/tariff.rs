//! What an attempt is charged with: by what its provider says that it used, else by an estimate.
//!
//! What a provider says counts when it has said it last: at the end of an answer, or once its model had stopped. Of an
//! answer that was cut, or whose caller left, it counts as far as it is more than what can be seen: the prompt that was
//! sent, and the events that came.

use crate::snapshot::Snapshot;
use plan::Candidate;
use protocol::openai::paths::{Endpoint, ModelAt, Streams, UsageAt};
use protocol::openai::usage::Usage;
use record::{Basis, Charge, Record};
use std::rc::Rc;
use stream::{Ending, Finish, How, Metered};

/// How many bytes of an answer make a token, about.
const BYTES_PER_TOKEN: u64 = 4;
/// How many bytes stand around the text of an answer that is no stream, about.
const AROUND_BYTES: u64 = 256;

/// What an attempt is charged by.
#[derive(Debug, Clone)]
pub(crate) struct Tariff {
    snapshot: Rc<Snapshot>,
    endpoint: &'static Endpoint,
    deployment: Option<usize>,
    /// An estimate.
    prompt_tokens: u64,
}

impl Tariff {
    pub(crate) fn new(
        snapshot: &Rc<Snapshot>,
        endpoint: &'static Endpoint,
        candidate: &Candidate<'_>,
        prompt_tokens: u64,
    ) -> Self {
        Self { snapshot: Rc::clone(snapshot), endpoint, deployment: candidate.deployment, prompt_tokens }
    }

    /// The charge of an attempt of which `metered` came and no more is known.
    pub(crate) fn so_far(&self, metered: &Metered) -> Charge {
        let used = self.estimate(metered, 0);
        self.charge(&used, Basis::Counted)
    }

    /// Charges the last attempt, whose answer is over.
    pub(crate) fn settle(&self, ending: &Ending, record: &mut Record) {
        let Ending { metered, how, finish, .. } = ending;
        let is_whole = *how == How::Whole;
        let is_last = is_whole || *finish != Finish::None || metered.events == 0;
        let said = metered.usage.filter(|_| is_last && !metered.is_garbled);
        if said.is_none() && is_whole && self.is_said() {
            record.usage_unsaid(metered.is_garbled);
        }
        record.charged(match said {
            Some(usage) => self.charge(&usage, Basis::Provider),
            None => self.charge(&self.estimate(metered, u64::from(is_whole) * 2), Basis::Counted),
        });
    }

    fn charge(&self, usage: &Usage, basis: Basis) -> Charge {
        if self.endpoint.model == ModelAt::None {
            return Charge::VOID; // what names no model is not billed by the call
        }
        let plan = &self.snapshot.compiled.plan;
        let price = self.deployment.and_then(|deployment| plan.deployments.get(deployment)?.price.as_ref());
        let nano_usd = price.filter(|_| self.is_said()).map(|price| price.nano_usd(usage));
        Charge { usage: *usage, nano_usd, basis }
    }

    /// Whether answers to such calls say what was used.
    fn is_said(&self) -> bool {
        self.endpoint.usage != UsageAt::Nowhere
    }

    /// What an attempt used, as far as that can be seen, and no less than what was said. `beside`: so many events at the
    /// end of a stream have no content.
    fn estimate(&self, metered: &Metered, beside: u64) -> Usage {
        if !self.is_said() {
            return Usage::NONE;
        }
        let said = metered.usage.unwrap_or_default();
        let output = match self.endpoint.streams {
            Streams::Chat => output(metered, 1 + beside),
            Streams::Responses => output(metered, 4 + beside),
            Streams::Never | Streams::Typed { .. } | Streams::Framed => 0,
        };
        Usage { input: said.input.max(self.prompt_tokens), output: said.output.max(output), ..said }
    }
}

/// About how many tokens came: of a stream one in each event but for `beside`, or more where events hold more than what
/// stands around them.
fn output(metered: &Metered, beside: u64) -> u64 {
    let Metered { bytes, events, envelope, .. } = *metered;
    if events == 0 {
        return bytes.saturating_sub(AROUND_BYTES) / BYTES_PER_TOKEN;
    }
    let content = bytes.saturating_sub(events.saturating_mul(envelope));
    events.saturating_sub(beside).max(content / BYTES_PER_TOKEN)
}
