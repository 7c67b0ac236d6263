//! What a call needs of a model, and who could take it.

use crate::call::Lost;
use bytes::Bytes;
use fault::{Fault, Kind};
use plan::{Capability, Needs, Plan, Scope};
use protocol::openai::needs::{self, Need};
use protocol::scan::Asks;

/// How many names a refusal lists.
const MOST_NAMES: usize = 5;

/// What the body of a call needs, in the plan's words.
pub(crate) fn needs(pieces: &[Bytes], asks: Asks) -> Needs {
    let mut needs = Needs::NONE;
    needs::each(pieces, asks, |need| {
        needs.add(match need {
            Need::Tools => Capability::Tools,
            Need::Images => Capability::Images,
            Need::Audio => Capability::Audio,
            Need::Files => Capability::Files,
            Need::JsonSchema => Capability::JsonSchema,
            Need::Reasoning => Capability::Reasoning,
        });
    });
    needs
}

/// A refusal for what no model of a name can do, with the names of those that can.
pub(crate) fn advised(lost: Lost, of: (&Plan, Scope<'_>), needs: Needs) -> Lost {
    if lost.fault.kind() != Kind::CapabilityMissing {
        return lost;
    }
    let (plan, scope) = of;
    let able: Vec<_> = plan
        .able(needs, scope)
        .take(MOST_NAMES)
        .map(|(alias, deployment)| format!("`{alias}` (with `{deployment}`)"))
        .collect();
    let advice = match able.as_slice() {
        [] => "no other alias that you may ask for can either".to_owned(),
        names => format!("you may ask for {}", names.join(" or ")),
    };
    let fault = Fault::new(Kind::CapabilityMissing, format!("{}; {advice}", lost.fault.message())).at("model");
    let fault = match lost.fault.cause() {
        Some(cause) => fault.because(cause),
        None => fault,
    };
    Lost { fault, ..lost }
}
