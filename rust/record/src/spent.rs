//! Counts of what attempts used and cost.

use crate::charge::{Basis, Charge};
use crate::meter::Counter;
use crate::metrics::{Builder, Family, Kind, Value};
use protocol::openai::usage::Class;

/// What attempts at one deployment used and cost.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    tokens: [Counter; Class::ALL.len()],
    audio_ms: Counter,
    nano_usd: Counter,
    charges: [Counter; Basis::ALL.len()],
    unpriced: Counter,
    /// Whole answers that did not say what they used, and those that said what cannot be.
    unsaid: [Counter; UNSAID.len()],
}

/// Why a whole answer is charged by an estimate.
const UNSAID: [&str; 2] = ["missing", "garbled"];

impl Spent {
    /// Counts the charge of an attempt.
    pub(crate) fn charge(&self, charge: &Charge) {
        self.charges[charge.basis as usize].add(1);
        if charge.basis == Basis::Void {
            return;
        }
        for (counter, tokens) in self.tokens.iter().zip(charge.usage.by_class()) {
            if tokens > 0 {
                counter.add(tokens);
            }
        }
        self.audio_ms.add(charge.usage.audio_ms);
        match charge.nano_usd {
            Some(nano_usd) => self.nano_usd.add(nano_usd),
            None => self.unpriced.add(1),
        }
    }

    /// Counts a whole answer that did not say what it used, or said what cannot be.
    pub(crate) fn unsaid(&self, is_garbled: bool) {
        self.unsaid[usize::from(is_garbled)].add(1);
    }
}

/// The families of these counts.
pub(crate) struct Families {
    tokens: Builder,
    audio: Builder,
    spend: Builder,
    charges: Builder,
    unpriced: Builder,
    unsaid: Builder,
}

impl Families {
    pub(crate) fn new() -> Self {
        let counter = |name, help| Builder::new(Kind::Counter, name, help);
        Self {
            tokens: counter("headgate_tokens", "Tokens of attempts, each in one class."),
            audio: counter("headgate_audio_seconds", "Sound that is billed by its length."),
            spend: counter("headgate_spend_usd", "What attempts cost, where their price is known."),
            charges: counter("headgate_charges", "Attempts, by who says what they used."),
            unpriced: counter("headgate_unpriced", "Attempts that used something whose price is not known."),
            unsaid: counter("headgate_usage_unsaid", "Whole answers that did not say what they used."),
        }
    }

    /// Adds the counts of one deployment.
    pub(crate) fn add(&mut self, labels: [(&'static str, &str); 2], spent: &Spent) {
        let [provider, deployment] = labels;
        for (class, counter) in Class::ALL.iter().zip(&spent.tokens) {
            self.tokens.count(&[provider, deployment, ("class", class.name())], counter);
        }
        for (basis, counter) in Basis::ALL.iter().zip(&spent.charges) {
            self.charges.count(&[provider, deployment, ("basis", basis.name())], counter);
        }
        for (reason, counter) in UNSAID.iter().zip(&spent.unsaid) {
            self.unsaid.count(&[provider, deployment, ("reason", reason)], counter);
        }
        self.unpriced.count(&labels, &spent.unpriced);
        for (builder, counter, places) in [(&mut self.audio, &spent.audio_ms, 3), (&mut self.spend, &spent.nano_usd, 9)]
        {
            let count = counter.read();
            if count > 0 {
                builder.add(&labels, Value::Parts { count, places });
            }
        }
    }

    pub(crate) fn build(self) -> [Family; 6] {
        [self.tokens, self.audio, self.spend, self.charges, self.unpriced, self.unsaid].map(Builder::build)
    }
}
