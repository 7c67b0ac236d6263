//! Faults, spelled as the simulated provider (`sim`) spells them: `status;code=429, retry-after;value=2`.
//!
//! Those that need bytes on a wire have no meaning here and are refused by name. What is left becomes one [`Effect`].

use crate::provider::errors::{self, ErrorRow};
use crate::time::{SECOND, of_ms};

/// So many bytes of a stream are one event here, where a fault counts bytes.
const EVENT_BYTES: u64 = 200;

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) reaction: Reaction,
    /// Time before anything else.
    pub(crate) late_ns: u64,
    /// What an error asks for: wait so long.
    pub(crate) pause_ns: Option<u64>,
    /// `x-should-retry` of an error.
    pub(crate) advice: Option<bool>,
    pub(crate) body: Body,
}

/// How a provider takes an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It answers.
    #[default]
    Serve,
    /// No connection.
    Refuse,
    /// The connection closes instead of an answer.
    Close,
    /// Something that is not HTTP.
    Garble,
    /// Nothing, ever.
    Silence,
    /// An error.
    Error(&'static ErrorRow),
}

/// What is wrong with a good answer's body; events count from 0, and the first has no content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing.
    #[default]
    Whole,
    /// It is cut after so many events.
    Cut {
        /// How many.
        events: u64,
    },
    /// It ends without its terminator.
    NoTerminator,
    /// An error event, and nothing after it.
    Error {
        /// In the place of which part of the content.
        at: At,
        /// Which.
        error: &'static ErrorRow,
    },
    /// No content; after so long the end, or silence.
    Empty {
        /// When it ends, if it does.
        end_after_ns: Option<u64>,
    },
    /// A pause before an event.
    Stall {
        /// Which.
        event: u64,
        /// For how long; none: for ever.
        for_ns: Option<u64>,
    },
}

/// Where an error event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Before all content.
    First,
    /// In the middle of it.
    Middle,
    /// After all of it.
    Last,
}

/// Reads a list of faults; the error says what is wrong, and what there is.
pub(crate) fn parse(text: &str) -> Result<Effect, String> {
    let mut effect = Effect::default();
    let mut count = 0;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        One::read(part)?.apply(&mut effect)?;
        count += 1;
    }
    if count == 0 { Err("names no fault".to_owned()) } else { Ok(effect) }
}

/// The faults that mean something here, with their parameters and what they are if nothing is said.
const KNOWN: &[(&str, &[(&str, &str)])] = &[
    ("refuse", &[]),
    ("silence", &[]),
    ("reset-before-head", &[]),
    ("close-before-head", &[]),
    ("garbage-head", &[("as", "text")]),
    ("late-head", &[("ms", "1000")]),
    ("never-head", &[]),
    ("status", &[("code", "500")]),
    ("error", &[("name", "server_error")]),
    ("retry-after", &[("as", "seconds"), ("value", "1")]),
    ("should-retry", &[("as", "true")]),
    ("cut", &[("at", "100"), ("how", "close")]),
    ("reset-mid-body", &[("at", "100")]),
    ("no-terminator", &[]),
    ("error-event", &[("at", "first"), ("form", "nested"), ("name", "server_error")]),
    ("pings-only", &[("count", "10"), ("every_ms", "10"), ("then", "end")]),
    ("empty-deltas", &[("then", "end")]),
    ("stall", &[("at", "2"), ("ms", "0")]),
];

/// One fault with its parameters.
struct One<'a> {
    name: &'static str,
    params: Vec<(&'static str, &'a str)>,
}

impl<'a> One<'a> {
    fn read(text: &'a str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let given = parts.next().unwrap_or_default();
        let Some((name, known)) = KNOWN.iter().find(|(name, _)| *name == given) else {
            let names: Vec<_> = KNOWN.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no fault `{given}` in virtual time; there are {}", names.join(", ")));
        };
        let mut params: Vec<(&'static str, &'a str)> = known.to_vec();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{name}: `{part}` is not key=value"))?;
            let param = params.iter_mut().find(|(param, _)| *param == key);
            param.ok_or_else(|| format!("{name}: there is no parameter `{key}`"))?.1 = value;
        }
        Ok(Self { name, params })
    }

    fn text(&self, key: &str) -> &'a str {
        self.params.iter().find(|(param, _)| *param == key).map_or("", |(_, value)| value)
    }

    fn number(&self, key: &str) -> Result<u64, String> {
        let text = self.text(key);
        text.parse().map_err(|_| format!("{}: {key} is a whole number, `{text}` is not", self.name))
    }

    fn bad(&self, key: &str, there_is: &str) -> String {
        format!("{}: {key}={} means nothing in virtual time; there is {there_is}", self.name, self.text(key))
    }

    fn apply(&self, effect: &mut Effect) -> Result<(), String> {
        match self.name {
            "refuse" => effect.reaction = Reaction::Refuse,
            "silence" | "never-head" => effect.reaction = Reaction::Silence,
            "reset-before-head" | "close-before-head" => effect.reaction = Reaction::Close,
            "garbage-head" => effect.reaction = Reaction::Garble,
            "late-head" => effect.late_ns = of_ms(self.number("ms")?),
            "status" | "error" => effect.reaction = Reaction::Error(self.error()?),
            "retry-after" => effect.pause_ns = self.pause()?,
            "should-retry" => effect.advice = Some(self.text("as") == "true"),
            _ => effect.body = self.body()?,
        }
        Ok(())
    }

    fn error(&self) -> Result<&'static ErrorRow, String> {
        if self.name == "status" {
            let code = u16::try_from(self.number("code")?).unwrap_or(0);
            return errors::by_status(code).ok_or_else(|| self.bad("code", &errors::statuses()));
        }
        errors::by_name(self.text("name")).ok_or_else(|| self.bad("name", &errors::names()))
    }

    fn pause(&self) -> Result<Option<u64>, String> {
        match self.text("as") {
            "seconds" => Ok(Some(self.number("value")?.saturating_mul(SECOND))),
            "ms" => Ok(Some(of_ms(self.number("value")?))),
            "junk" | "empty" | "negative" => Ok(None),
            _ => Err(self.bad("as", "seconds, ms, junk, empty, negative")),
        }
    }

    fn body(&self) -> Result<Body, String> {
        let silence = match self.text("then") {
            "" | "end" => false,
            "silence" => true,
            _ => return Err(self.bad("then", "end, silence")),
        };
        Ok(match self.name {
            "cut" | "reset-mid-body" => Body::Cut { events: self.number("at")? / EVENT_BYTES },
            "no-terminator" => Body::NoTerminator,
            "error-event" => Body::Error { at: self.place()?, error: self.error()? },
            "pings-only" => {
                let wait = of_ms(self.number("count")?.saturating_mul(self.number("every_ms")?));
                Body::Empty { end_after_ns: (!silence).then_some(wait) }
            }
            "empty-deltas" => Body::Empty { end_after_ns: (!silence).then_some(0) },
            _ => {
                let ms = self.number("ms")?;
                Body::Stall { event: self.number("at")?, for_ns: (ms > 0).then(|| of_ms(ms)) }
            }
        })
    }

    fn place(&self) -> Result<At, String> {
        match self.text("at") {
            "first" => Ok(At::First),
            "middle" => Ok(At::Middle),
            "last" => Ok(At::Last),
            _ => Err(self.bad("at", "first, middle, last")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_faults_become_one_effect() {
        let effect = parse("status;code=429, retry-after;as=ms;value=250, late-head;ms=20, should-retry;as=false");
        let expected = Effect {
            reaction: Reaction::Error(errors::by_status(429).expect("known")),
            late_ns: 20_000_000,
            pause_ns: Some(250_000_000),
            advice: Some(false),
            body: Body::Whole,
        };
        assert_eq!(effect, Ok(expected));
    }

    #[test]
    fn every_known_fault_is_one_that_can_be_read_as_it_stands() {
        for (name, _) in KNOWN {
            assert!(parse(name).is_ok(), "{name}: {:?}", parse(name));
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, said) in [
            ("cutt", "no fault `cutt`"),
            ("1xx-flood", "no fault `1xx-flood` in virtual time"),
            ("cut;where=1", "no parameter `where`"),
            ("cut;at=x", "at is a whole number"),
            ("status;code=418", "code=418 means nothing"),
            ("error;name=nothing", "there is invalid_value, context_length_exceeded"),
            ("retry-after;as=date", "as=date means nothing"),
            ("", "names no fault"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
