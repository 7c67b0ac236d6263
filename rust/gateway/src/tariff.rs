//! What an attempt is charged with: by what its provider says that it used, else by an estimate.
//!
//! What a provider says counts when it has said it last: at the end of an answer, or once its model had stopped. Of an
//! answer that was cut, or whose caller left, it counts as far as it is more than what can be seen: the prompt that was
//! sent, and what came. How many tokens those are is learnt from the answers that are whole.

use crate::exchange::Exchange;
use crate::snapshot::Snapshot;
use crate::wall;
use attempt::Estimate;
use attempt::hedge::Purse;
use plan::{Candidate, Price};
use protocol::openai::paths::{Endpoint, ModelAt, Streams, UsageAt};
use protocol::openai::usage::Usage;
use record::{Basis, Charge, Record};
use std::rc::Rc;
use std::sync::Arc;
use stream::{Ending, Finish, How, Metered};

/// How many bytes make a token, about, where nothing was learnt yet.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;
/// How many bytes stand around the text of an answer that is no stream, about.
const AROUND_BYTES: u64 = 256;
/// How many bytes a token may have for its body to be text: pictures and sound have more.
const MOST_BYTES_PER_TOKEN: u64 = 16;

/// What an attempt is charged by.
#[derive(Debug, Clone)]
pub(crate) struct Tariff {
    snapshot: Rc<Snapshot>,
    endpoint: &'static Endpoint,
    provider: usize,
    deployment: Option<usize>,
    /// An index into the plan's prices.
    price: Option<usize>,
    prompt_bytes: u64,
    /// What second attempts may cost, and the share of an answer's cost that they earn by it, per mille.
    hedges: Option<(Arc<Purse>, u32)>,
}

impl Tariff {
    /// What attempts of a call at a candidate are charged by.
    pub(crate) fn new(exchange: &Exchange<'_>, candidate: &Candidate<'_>) -> Self {
        let Candidate { provider, deployment, model, .. } = candidate;
        let snapshot = Rc::clone(exchange.call.snapshot);
        Self {
            endpoint: exchange.call.endpoint,
            price: snapshot.compiled.plan.price_index(*provider, *deployment, model),
            snapshot,
            provider: *provider,
            deployment: *deployment,
            prompt_bytes: exchange.ask.prompt_bytes,
            hedges: exchange
                .ask
                .purse
                .cloned()
                .zip(exchange.ask.resilience.hedge.map(|hedge| hedge.max_spend_permille)),
        }
    }

    /// The charge of an attempt of which `metered` came and no more is known.
    pub(crate) fn so_far(&self, metered: &Metered) -> Charge {
        self.charge(&self.estimate(metered, 0), metered, Basis::Counted)
    }

    /// Charges the last attempt, whose answer is over, and learns from it.
    pub(crate) fn settle(&self, ending: &Ending, record: &mut Record) {
        let Ending { metered, how, finish, .. } = ending;
        let is_whole = *how == How::Whole;
        let is_last = is_whole || *finish != Finish::None || metered.events == 0;
        let Some(used) = metered.usage.filter(|_| is_last && !metered.is_garbled) else {
            if is_whole && self.is_said() {
                record.usage_unsaid(metered.is_garbled);
            }
            let used = self.estimate(metered, usize::from(is_whole));
            return self.answered(self.charge(&used, metered, Basis::Counted), record);
        };
        if is_whole {
            self.learn(&used, metered);
        }
        self.answered(self.charge(&used, metered, Basis::Provider), record);
    }

    fn answered(&self, charge: Charge, record: &mut Record) {
        if let Some((purse, permille)) = &self.hedges {
            purse.earn(charge.nano_usd.unwrap_or(0), *permille);
        }
        record.charged(charge);
    }

    /// Attempts were open side by side, and the one that this is the charge of was not answered from.
    pub(crate) fn lost(&self, charge: &Charge) {
        if let Some((purse, _)) = &self.hedges {
            purse.pay(charge.nano_usd.unwrap_or(0));
        }
    }

    fn charge(&self, usage: &Usage, metered: &Metered, basis: Basis) -> Charge {
        if self.endpoint.model == ModelAt::None {
            return Charge::VOID; // what names no model is not billed by the call
        }
        let tier = metered.tier;
        let in_force = |price: &'_ Price| {
            let period = price.at(tier, || wall::since_1970().as_secs())?;
            Some((period.nano_usd(usage)?, period.rates(usage.input).map(plan::Rates::by_class)))
        };
        let price =
            self.price.filter(|_| self.is_said()).and_then(|price| self.snapshot.compiled.plan.prices.get(price));
        let (nano_usd, rates) = price.and_then(in_force).unzip();
        Charge { usage: *usage, nano_usd, rates: rates.flatten(), basis }
    }

    /// Whether answers to such calls say what was used.
    fn is_said(&self) -> bool {
        self.endpoint.usage != UsageAt::Nowhere
    }

    fn learnt(&self) -> &Estimate {
        self.snapshot.targets.estimate(self.provider, self.deployment)
    }

    /// About how many tokens the prompt has.
    pub(crate) fn prompt_tokens(&self) -> u64 {
        self.learnt().prompt.of(self.prompt_bytes).unwrap_or(self.prompt_bytes / BYTES_PER_TOKEN)
    }

    /// What an attempt used, as far as that can be seen, and no less than what was said. `ends`: which of the events that
    /// have no content are there, see [`beside`].
    fn estimate(&self, metered: &Metered, ends: usize) -> Usage {
        if !self.is_said() {
            return Usage::NONE;
        }
        let said = metered.usage.unwrap_or_default();
        let (learnt, input) = (self.learnt(), self.prompt_tokens());
        let output = beside(self.endpoint.streams).map_or(0, |beside| {
            let seen = seen(metered, beside[ends]);
            let share = if metered.events > 0 { &learnt.streamed } else { &learnt.whole };
            share.of(seen).unwrap_or(seen)
        });
        Usage { input: said.input.max(input), output: said.output.max(output), ..said }
    }

    /// How many tokens the bytes of a call were, and the events of its answer.
    fn learn(&self, used: &Usage, metered: &Metered) {
        let learnt = self.learnt();
        let is_text = used.input_audio == 0
            && used.input_image == 0
            && self.prompt_bytes <= used.input.saturating_mul(MOST_BYTES_PER_TOKEN);
        if is_text {
            learnt.prompt.learn(self.prompt_bytes, used.input);
        }
        if let Some([_, ends]) = beside(self.endpoint.streams) {
            let share = if metered.events > 0 { &learnt.streamed } else { &learnt.whole };
            share.learn(seen(metered, ends), used.output);
        }
    }
}

/// Of streams that hold text: how many events without content stand at the beginning, and how many in all. The last say
/// why the model stopped, what it used, and that this is the end; or repeat what was said.
const fn beside(streams: Streams) -> Option<[u64; 2]> {
    match streams {
        Streams::Chat => Some([1, 4]),
        Streams::Responses => Some([4, 8]),
        Streams::Never | Streams::Typed { .. } | Streams::Framed => None,
    }
}

/// About how many tokens came: of a stream one in each event but for `beside`, or more where events hold more than what
/// stands around them.
fn seen(metered: &Metered, beside: u64) -> u64 {
    let Metered { bytes, events, envelope, .. } = *metered;
    if events == 0 {
        return bytes.saturating_sub(AROUND_BYTES) / BYTES_PER_TOKEN;
    }
    let content = bytes.saturating_sub(events.saturating_mul(envelope));
    events.saturating_sub(beside).max(content / BYTES_PER_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_token_in_each_event_or_more_where_they_are_long() {
        let metered = |events, bytes| Metered { events, bytes, envelope: 200, ..Metered::default() };
        assert_eq!(seen(&metered(11, 2_040), 1), 10, "a token in each");
        assert_eq!(seen(&metered(3, 200 + 2 * 1_000), 1), 400, "a paragraph in each");
        assert_eq!(seen(&metered(1, 200), 1), 0, "the role alone");
        assert_eq!(seen(&metered(0, 1_256), 1), 250, "no stream");
        assert_eq!(seen(&metered(0, 20), 1), 0);
    }
}
