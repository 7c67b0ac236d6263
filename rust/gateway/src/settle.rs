//! What becomes of an attempt whose answer has begun: its target learns of it when the last byte is out.

use crate::local::Local;
use crate::tariff::Tariff;
use attempt::classify::{self, Signal};
use attempt::{Held, Verdict};
use fault::Kind;
use protocol::openai::error;
use record::Record;
use std::rc::Rc;
use stream::{Ending, How, Rest, Settle};
use upstream::AnswerBody;

/// Settles an attempt at the end of its answer.
#[derive(Debug)]
pub(crate) struct Settler {
    pub(crate) local: Rc<Local>,
    /// None of an answer that is an error: its attempt is settled already.
    pub(crate) held: Option<Held>,
    /// The provider's name in the catalogue.
    pub(crate) provider: Rc<str>,
    /// What the attempt is charged by; none where it was charged already.
    pub(crate) tariff: Option<Tariff>,
}

impl Settle<AnswerBody> for Settler {
    fn settle(self, ending: Ending, record: &mut Record) {
        if let Some(tariff) = &self.tariff {
            tariff.settle(&ending, record);
        }
        let Some(held) = self.held else { return };
        match verdict(&ending.how, &self.provider) {
            Some(verdict) => self.local.end(held, verdict),
            None => drop(held),
        }
    }

    fn left(self, rest: Rest<AnswerBody>) {
        let local = Rc::clone(&self.local);
        if local.is_full() {
            let (ending, mut record) = rest.give_up();
            return self.settle(ending, &mut record);
        }
        local.beside(async move {
            let (ending, mut record) = rest.run().await;
            self.settle(ending, &mut record);
        });
    }
}

/// What the end of an answer says of its target, a provider that the catalogue knows by this name; none where it says
/// nothing of it.
pub(crate) fn verdict(how: &How, provider: &str) -> Option<Verdict> {
    let (class, blame) = match how {
        How::Whole => return Some(Verdict::GOOD),
        How::Dropped | How::Cut(Kind::DrainCut | Kind::TotalTimeout) => return None,
        How::Cut(kind) => classify::of_fault(*kind),
        How::ErrorEvent(event) => {
            let said = error::read(event);
            let signal = Signal { provider, status: 0, code: &said.code, kind: &said.kind, message: &said.message };
            classify::of_stream_error(&signal)
        }
    };
    Some(Verdict { class, blame, pause_ns: None })
}
